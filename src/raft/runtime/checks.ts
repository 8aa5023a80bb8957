import type { LogIndex, NodeId } from '../../lib/brands.ts';
import { type LeaderHint, RaftError } from '../../lib/errors.ts';
import { COMMAND_BYTES_MAX, MEMBERS_MAX } from '../../lib/limits.ts';
import { problemWithPlace, type SessionPlace } from '../../lib/session-command.ts';
import type { MismatchKind, PeerAddress } from '../ports.ts';

/** Whether these can be the members of a cluster with node `id` among them. Throws a `RaftError` (`usage`). */
export function checkMembers(id: NodeId, members: readonly PeerAddress[]): void {
  if (members.length > MEMBERS_MAX) {
    throw new RaftError('usage', `A cluster has at most ${MEMBERS_MAX} members, not ${members.length}.`);
  }
  if (new Set(members.map((member) => member.id)).size !== members.length) {
    throw new RaftError('usage', 'Two members have the same id.', {
      suggestions: ['Give each node an id of its own.'],
    });
  }
  if (!members.some((member) => member.id === id)) {
    throw new RaftError('usage', `The members do not include this node, ${id}.`, {
      suggestions: [`Add ${id} and its URL to the members.`],
    });
  }
}

/** Whether the bytes can be a command, and the place one in a session. Throws a `RaftError`: `bad-request`, `too-large`. */
export function checkCommand(command: Uint8Array, place: SessionPlace | undefined): void {
  if (command.length === 0) {
    throw new RaftError('bad-request', 'A command must have at least one byte.');
  }
  if (command.length > COMMAND_BYTES_MAX) {
    throw new RaftError(
      'too-large',
      `A command has at most ${COMMAND_BYTES_MAX} bytes, not ${command.length}.`,
    );
  }
  const problem = place === undefined ? undefined : problemWithPlace(place);
  if (problem !== undefined)
    throw new RaftError('bad-request', `The command has no place in a session: ${problem}.`);
}

/** Why this node and a peer do not work together, as the reason for a node without a log to stop. */
export function disagreement(peer: NodeId, reason: string, kind: MismatchKind): RaftError {
  switch (kind) {
    case 'foreign':
      return new RaftError('configuration', `Node ${peer} does not belong to this cluster: ${reason}.`, {
        suggestions: ['Give every node the same --peers and the same --cluster-id.'],
      });
    case 'forgotten':
      return new RaftError('configuration', `This node must not go on under its id: ${reason}.`, {
        suggestions: [
          'Restore the data directory, if it was moved or not mounted, and start the node again.',
          'Or remove it, on another node: raft config remove ID',
          'Then start it with a blank data directory and --join URL-OF-A-MEMBER.',
        ],
      });
    case 'twin':
      return new RaftError('already-running', `This node must not go on under its id: ${reason}.`, {
        suggestions: [
          'Two processes under one id would vote twice: stop one of them, and never start a copy of a data directory.',
        ],
      });
    case 'refused':
      return new RaftError('configuration', `Node ${peer} refuses this node: ${reason}.`, {
        suggestions: [
          'Restore the data directory, if it was moved or not mounted, and start the node again.',
        ],
      });
  }
}

/** Why a request that has to go to the leader cannot; `hint` is where it may be. */
export function noLeader(hint: LeaderHint | undefined): RaftError {
  return new RaftError('no-leader', 'This node knows of no leader now; the request was not done.', {
    suggestions: ['raft status', 'A leader needs a majority of the nodes: start those that are down.'],
    ...(hint === undefined ? {} : { leader: hint }),
  });
}

/** The reason for a node to stop that is no member any more. It was asked for, so that it is no failure. */
export function removed(index: LogIndex): RaftError {
  return new RaftError(
    'removed',
    `This node was removed from the cluster by the configuration at index ${index}. It has nothing more to do.`,
    {
      suggestions: [
        'To have it back, start it with a blank data directory: raft node run --data-dir DIR --join URL-OF-A-MEMBER …',
      ],
    },
  );
}
