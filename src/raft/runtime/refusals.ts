import type { LogIndex, NodeId } from '../../lib/brands.ts';
import { counted } from '../../lib/counted.ts';
import { RaftError } from '../../lib/errors.ts';
import type { ChangeRefusal, ProposalRefusal, RejectReason, TransferRefusal } from '../core/effects.ts';

/** What a client is told whose request certainly was not done. */
export function rejection(reason: RejectReason): RaftError {
  switch (reason) {
    case 'not-leader':
      return new RaftError('not-leader', 'This node does not lead; the request was not done.', {
        suggestions: ['raft leader show'],
      });
    case 'overwritten':
      return new RaftError(
        'no-leader',
        'The leader changed and dropped the command; it certainly was not done.',
        {
          suggestions: ['It is safe to send it again.'],
        },
      );
    case 'too-many':
      return new RaftError('too-many', 'Too many requests wait on the leader; this one was not done.', {
        suggestions: ['Send fewer at a time, and this one again.'],
      });
    case 'original-member':
      return new RaftError(
        'unsupported',
        'Sessions, and commands that begin with the mark of our own entries, cannot be used while a member speaks only the original protocol.',
        {
          suggestions: [
            'Send it without a session, and at most once: raft command --once TEXT',
            'Finish the migration first: replace the remaining nodes of the original.',
          ],
        },
      );
  }
}

/** What a client is told whose command certainly was not done. */
export function proposalRejection(refusal: ProposalRefusal): RaftError {
  if (refusal.reason !== 'unmet-member') return rejection(refusal.reason);
  const what = 'Sessions, and commands that begin with the mark of our own entries, cannot be used yet';
  return unmetMember(what, refusal.unmet, [
    'Send it without a session, and at most once: raft command --once TEXT',
  ]);
}

/** Why the members are what they were. */
export function changeRejection(refusal: ChangeRefusal): RaftError {
  switch (refusal.reason) {
    case 'not-leader':
      return rejection('not-leader');
    case 'change-in-progress':
      return new RaftError(
        'change-in-progress',
        'Another change of members is not finished yet; this one was not begun.',
        {
          suggestions: ['raft config get   # says how far it is, and whom it waits for'],
        },
      );
    case 'original-member':
      return new RaftError(
        'unsupported',
        'Members cannot be changed while one of them speaks only the original protocol: it would take the change for a command.',
        {
          suggestions: [
            'Finish the migration first: replace each node of the original by one of ours, under the same id and address.',
          ],
        },
      );
    case 'unmet-member':
      return unmetMember('Members cannot be changed yet', refusal.unmet, []);
    case 'expectation-failed':
      return expectationFailed(refusal.index);
    case 'quorum-at-risk':
      return new RaftError(
        'quorum-at-risk',
        `The new configuration needs ${counted(refusal.quorum, 'voter')} for a majority, and too few would be left: ` +
          `${refusal.silent.join(', ')} ${refusal.silent.length === 1 ? 'is' : 'are'} not heard of now. Nothing was changed.`,
        {
          suggestions: [
            'Start the silent nodes, or leave them out.',
            'raft config set --force …   # does it all the same, and may end the service',
          ],
        },
      );
    case 'catch-up-failed':
      return new RaftError(
        'unreachable',
        `The new voters ${refusal.behind.join(', ')} did not get the log in time. The voters are what they were.`,
        {
          suggestions: [
            'See whether they run and can be reached from the leader: raft status',
            'raft config get',
          ],
        },
      );
  }
}

/** The cluster was begun by the original, and of these members nobody knows whether they have been replaced. */
function unmetMember(what: string, unmet: readonly NodeId[], suggestions: readonly string[]): RaftError {
  const [who, have, it] = unmet.length === 1 ? ['node', 'has', 'it'] : ['nodes', 'have', 'they'];
  const message =
    `${what}: ${who} ${unmet.join(', ')} ${have} never answered this leader, so that ${it} may speak only the original ` +
    'protocol, and would take such an entry for a command.';
  return new RaftError('unsupported', message, {
    suggestions: [
      ...suggestions,
      'Start what is down, so that it can be asked; or start a node of ours in its place, under the same id and address.',
      ...(unmet.length === 1
        ? [`raft config remove ${unmet.join()}   # takes it out, where it is gone for good`]
        : []),
    ],
  });
}

function expectationFailed(index: LogIndex): RaftError {
  return new RaftError(
    'answered-no',
    `The configuration is that of index ${index} now, not the one that was expected. Nothing was changed.`,
    { suggestions: ['raft config get   # shows the members as they are'] },
  );
}

/** Why leadership was not handed over. */
export function transferRejection(reason: TransferRefusal): RaftError {
  switch (reason) {
    case 'not-leader':
      return rejection('not-leader');
    case 'transfer-in-progress':
      return new RaftError('change-in-progress', 'The leader is handing over already.', {
        suggestions: ['raft leader show'],
      });
    case 'no-such-voter':
      return new RaftError('usage', 'There is no such voter that could take over.', {
        suggestions: ['raft config get   # names the voters'],
      });
    case 'timed-out':
      return new RaftError('unreachable', 'The other node was not seen to take over in time.', {
        suggestions: [
          'raft leader show   # says who leads now',
          'raft status   # says how far each node has come',
        ],
      });
  }
}
