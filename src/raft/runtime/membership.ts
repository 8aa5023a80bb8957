import type { NodeId } from '../../lib/brands.ts';
import { type Member, membersOf } from '../../lib/configuration.ts';
import { RaftError } from '../../lib/errors.ts';
import { MEMBERS_MAX } from '../../lib/limits.ts';
import type { CoreState } from '../core/state.ts';
import type { Connection, MembershipRequest, PeerAddress, PeerMemory, Self } from '../ports.ts';

/** The members that somebody wants, each known by its data directory where it is new. */
export interface WantedMembers {
  readonly voters: readonly Member[];
  readonly learners: readonly Member[];
}

/** Whether these can be the members of a cluster. Throws a `RaftError` (`usage`). */
export function checkMembership({ voters, learners }: MembershipRequest): void {
  const all = [...voters, ...learners];
  if (voters.length === 0) {
    throw new RaftError('usage', 'A cluster needs at least one voter.', {
      suggestions: ['raft config set NODE=URL NODE=URL NODE=URL   # names all voters'],
    });
  }
  if (all.length > MEMBERS_MAX)
    throw new RaftError('usage', `A cluster has at most ${MEMBERS_MAX} members, not ${all.length}.`);
  const twice = all.find(({ id }, position) => all.findIndex((other) => other.id === id) !== position);
  if (twice !== undefined) {
    throw new RaftError('usage', `Node ${twice.id} stands twice among the members.`, {
      suggestions: ['Name each node once, as a voter or as a learner.'],
    });
  }
}

/**
 * Asks every node that is new, or at a new address, who it is, before anything is written. Errors: `unreachable`,
 * `configuration`, `unsupported`; nothing has been changed then.
 */
export async function identifyMembers(
  request: MembershipRequest,
  context: {
    readonly core: CoreState;
    readonly connection: Connection;
    readonly self: Self;
    readonly peerMemory: PeerMemory;
  },
): Promise<WantedMembers> {
  const known = new Map(membersOf(context.core.configuration).map((member) => [member.id, member]));
  const identify = async (address: PeerAddress): Promise<Member> => {
    const url = address.url ?? null;
    const member = known.get(address.id);
    if (member !== undefined && member.url === url) return member;
    const found = await context.connection.identify(address);
    const incarnation = member === undefined ? null : knownIncarnation(member, context);
    checkIdentity(address, found, context.self, incarnation);
    return {
      id: address.id,
      url,
      incarnation: member === undefined ? found.incarnation : member.incarnation,
    };
  };
  return {
    voters: await Promise.all(request.voters.map(identify)),
    learners: await Promise.all(request.learners.map(identify)),
  };
}

/**
 * Which data directory a member is known by: as the configuration names it, else as it introduced itself. Null where this
 * node has never met it.
 */
export function knownIncarnation(
  { id, incarnation }: Member,
  { self, peerMemory }: { readonly self: Self; readonly peerMemory: PeerMemory },
): string | null {
  if (id === self.id) return self.incarnation;
  return incarnation ?? peerMemory.recall(id) ?? null;
}

/**
 * The members that are known to be nodes of this program before any of them has answered: this node has met them before,
 * or they live in its own process.
 */
export function membersOfOurs(core: CoreState, peerMemory: PeerMemory): readonly NodeId[] {
  const others = membersOf(core.configuration).filter(({ id }) => id !== core.options.id);
  return others
    .filter(({ id, url }) => url === null || peerMemory.recall(id) !== undefined)
    .map(({ id }) => id);
}

/**
 * Whether the node that answers at an address is the one that is meant, of this cluster, and with its data. Throws a
 * `RaftError` (`configuration`). `known` is the incarnation that it is to have, null where that is not known.
 */
export function checkIdentity(wanted: PeerAddress, found: Self, own: Self, known: string | null): void {
  const where = wanted.url ?? 'in this process';
  if (found.id !== wanted.id) {
    throw new RaftError('configuration', `At ${where} there is node ${found.id}, not ${wanted.id}.`, {
      suggestions: [`raft config add ${wanted.url ?? 'URL'}   # asks the node for its id`],
    });
  }
  if (found.clusterId !== own.clusterId) {
    throw new RaftError(
      'configuration',
      `Node ${found.id} at ${where} belongs to cluster ${found.clusterId}, this is cluster ${own.clusterId}.`,
      {
        suggestions: [
          'Start it with a blank directory for this cluster: raft node run --data-dir DIR --join URL-OF-A-MEMBER …',
        ],
      },
    );
  }
  if (known !== null && known !== found.incarnation) {
    throw new RaftError(
      'configuration',
      `Node ${found.id} has come back without the data that it had, and with it its votes.`,
      {
        suggestions: [
          `raft config remove ${found.id}   # then start it with --join, and add it again: raft config add URL`,
        ],
      },
    );
  }
}
