import { type LogIndex, logIndex, type Term } from '../../lib/brands.ts';
import type { Draft } from './draft.ts';
import { termAt } from './log.ts';
import type { CoreState, PendingProposal } from './state.ts';

/**
 * Decides the proposals whose index is now committed. The entry of another term at that index means that the
 * proposal's own entry never will be (trap 20); before that, its fate is open (trap 19) until an entry of a newer term
 * is committed below it.
 */
export function decideProposals(draft: Draft, from: LogIndex, through: LogIndex): void {
  const { state } = draft;
  if (state.pendingProposals === 0) return;
  for (let position: number = from; position <= through; position++) {
    const index = logIndex(position);
    for (const proposal of state.proposals.get(index) ?? []) decideProposal(draft, index, proposal);
    state.proposals.delete(index);
  }
  const committedTerm = termAt(state.log, through);
  const isNewTerm = committedTerm !== termAt(state.log, logIndex(from - 1));
  if (committedTerm !== undefined && isNewTerm) rejectOutlived(draft, committedTerm);
}

function decideProposal(draft: Draft, index: LogIndex, proposal: PendingProposal): void {
  const { proposalId, term } = proposal;
  if (termAt(draft.state.log, index) !== term) {
    rejectOverwritten(draft, proposal);
    return;
  }
  release(draft.state, proposal);
  draft.outcomes.push({ type: 'committed', proposalId, index, term });
}

/**
 * Terms never go back along a log, so that behind a committed entry none of an older term can be committed any more:
 * not one that this node proposed while it led, however far behind its index is.
 */
function rejectOutlived(draft: Draft, committedTerm: Term): void {
  const { state } = draft;
  for (const [index, pending] of state.proposals) {
    for (const proposal of pending) if (proposal.term < committedTerm) rejectOverwritten(draft, proposal);
    const open = pending.filter((proposal) => proposal.term >= committedTerm);
    if (open.length === 0) state.proposals.delete(index);
    else state.proposals.set(index, open);
  }
}

function rejectOverwritten(draft: Draft, proposal: PendingProposal): void {
  release(draft.state, proposal);
  draft.outcomes.push({ type: 'rejected', proposalId: proposal.proposalId, reason: 'overwritten' });
}

function release(state: CoreState, proposal: PendingProposal): void {
  state.pendingProposals--;
  state.pendingProposalBytes -= proposal.bytes;
}

/** A leader without its majority, or that was removed, answers what waits: what becomes of it, it cannot know (trap 37). */
export function abandonProposals(draft: Draft): void {
  const { state } = draft;
  for (const pending of state.proposals.values()) {
    for (const { proposalId } of pending) draft.outcomes.push({ type: 'unknown', proposalId });
  }
  state.proposals.clear();
  state.pendingProposals = 0;
  state.pendingProposalBytes = 0;
}

/** A node that no longer leads answers no reads (trap 17); they are free to be asked again elsewhere. */
export function rejectReads(draft: Draft): void {
  const { state } = draft;
  const readIds = [...(state.readRound?.readIds ?? []), ...state.waitingReads];
  for (const readId of readIds) draft.outcomes.push({ type: 'readRejected', readId, reason: 'not-leader' });
  state.readRound = null;
  state.waitingReads = [];
}

/** A node that stops leading does not know what becomes of a change: that depends on what the next leader has in its log. */
export function abandonChange(draft: Draft): void {
  const { state } = draft;
  if (state.change === null) return;
  draft.outcomes.push({ type: 'changeUnknown', changeId: state.change.changeId });
  state.change = null;
}
