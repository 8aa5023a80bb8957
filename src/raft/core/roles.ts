import type { NodeId, Term } from '../../lib/brands.ts';
import { logIndex, term } from '../../lib/brands.ts';
import { encodePayload } from '../../lib/entry.ts';
import { advanceCommitIndex } from './commit.ts';
import { appendEntries, type Draft, nextSequence } from './draft.ts';
import type { Role } from './effects.ts';
import { abandonChange, abandonProposals, rejectReads } from './outcomes.ts';
import { meetPeers } from './peers.ts';
import { replicateToAll } from './replication.ts';
import { isMember, resetElectionTimer, resetPreVoteTimer } from './state.ts';
import { abortTransfer, endTransferWith, rejectHeldProposals } from './transfer.ts';

/** Why a node became a follower; what becomes of the proposals that wait depends on it. */
export type StepDownReason =
  | 'newer-term'
  | 'leader-found'
  | 'voted-for-another'
  | 'quorum-lost'
  | 'disk-stalled'
  | 'removed';

/**
 * Becomes a follower of `leaderId`, in `newTerm` (§5.1). Within the same term the vote is kept: forgetting it would
 * allow a second one (trap 33).
 */
export function becomeFollower(
  draft: Draft,
  newTerm: Term,
  leaderId: NodeId | null,
  reason: StepDownReason,
): void {
  const { state } = draft;
  const wasLeader = state.role === 'leader';
  if (newTerm > state.currentTerm) {
    state.currentTerm = newTerm;
    state.votedFor = null;
    state.leaderId = null;
    draft.hardStateChanged = true;
  }
  if (state.role !== 'follower') enterRole(draft, 'follower', describeStepDown(reason));
  if (leaderId !== state.leaderId) {
    state.leaderId = leaderId;
    state.leaderContactMs = null;
    if (leaderId !== null) draft.events.push({ type: 'leader', leaderId, term: state.currentTerm });
  }
  if (leaderId !== null) endTransferWith(draft, leaderId);
  state.ballot = null;
  state.peers.clear();
  if (!wasLeader) return;
  resetElectionTimer(state);
  rejectReads(draft);
  rejectHeldProposals(draft);
  abandonChange(draft);
  // Other reasons leave the proposals waiting: this node will learn from the new leader what became of them. One that is
  // no member any more will hear from no leader.
  const isOutside = reason === 'removed' && !isMember(state, state.configuration);
  if (reason === 'quorum-lost' || isOutside) abandonProposals(draft);
}

/** Asks who would vote, before any term is raised (dissertation 9.6). */
export function becomePreCandidate(draft: Draft): void {
  const { state } = draft;
  state.leaderId = null;
  state.leaderContactMs = null;
  if (state.role !== 'pre-candidate') {
    enterRole(draft, 'pre-candidate', 'no leader was heard of for an election timeout');
  }
  resetPreVoteTimer(state);
  state.ballot = {
    requests: new Map(),
    granted: new Set([state.options.id]),
    ownVoteSequence: null,
    isTransfer: false,
  };
}

/** Why a node stands for election: a majority would vote for it, or the leader wants it to take over. */
export type CampaignReason = 'pre-vote-won' | 'transfer';

/** §5.2: increments its term and votes for itself. The vote counts once it is durable (trap 41). */
export function becomeCandidate(draft: Draft, reason: CampaignReason): void {
  const { state } = draft;
  state.currentTerm = term(state.currentTerm + 1);
  state.votedFor = state.options.id;
  draft.hardStateChanged = true;
  state.leaderId = null;
  state.leaderContactMs = null;
  enterRole(
    draft,
    'candidate',
    reason === 'transfer' ? 'the leader hands over to it' : 'a majority would vote for it',
  );
  resetElectionTimer(state);
  state.ballot = {
    requests: new Map(),
    granted: new Set(),
    ownVoteSequence: nextSequence(state),
    isTransfer: reason === 'transfer',
  };
}

/**
 * §5.2: a candidate with the votes of a majority leads. §8: it begins with a no-op, because only an entry of its own
 * term shows it what is committed.
 */
export function becomeLeader(draft: Draft): void {
  const { state } = draft;
  enterRole(draft, 'leader', 'a majority voted for it');
  state.leaderId = state.options.id;
  draft.events.push({ type: 'leader', leaderId: state.options.id, term: state.currentTerm });
  state.ballot = null;
  state.removalToldMs = null;
  abortTransfer(draft);
  meetPeers(state);
  state.quorumGraceUntilMs = state.nowMs + state.options.electionTimeoutMsMax;
  state.termStartIndex = logIndex(state.log.lastIndex + 1);
  const noop = {
    index: state.termStartIndex,
    term: state.currentTerm,
    command: encodePayload({ kind: 'noop' }),
  };
  appendEntries(draft, [noop]);
  replicateToAll(draft);
  advanceCommitIndex(draft);
}

function enterRole(draft: Draft, role: Role, reason: string): void {
  draft.state.role = role;
  draft.events.push({ type: 'role', role, term: draft.state.currentTerm, reason });
}

function describeStepDown(reason: StepDownReason): string {
  switch (reason) {
    case 'newer-term':
      return 'another node is in a newer term';
    case 'leader-found':
      return 'another node leads this term';
    case 'voted-for-another':
      return 'it voted for another node';
    case 'quorum-lost':
      return 'it lost contact with a majority';
    case 'disk-stalled':
      return 'its disk has not finished a write for too long';
    case 'removed':
      return 'it is no voter of the new configuration';
  }
}
