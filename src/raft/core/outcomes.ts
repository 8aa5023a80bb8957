import { type LogIndex, logIndex } from '../../lib/brands.ts';
import type { Draft } from './draft.ts';
import { termAt } from './log.ts';
import type { PendingProposal } from './state.ts';

/**
 * Decides the proposals whose index is now committed. The entry of another term at that index means that the
 * proposal's own entry never will be (trap 20); before that, its fate is open (trap 19).
 */
export function decideProposals(draft: Draft, from: LogIndex, through: LogIndex): void {
  const { state } = draft;
  if (state.pendingProposals === 0) return;
  for (let position: number = from; position <= through; position++) {
    const index = logIndex(position);
    for (const proposal of state.proposals.get(index) ?? []) decideProposal(draft, index, proposal);
    state.proposals.delete(index);
  }
}

function decideProposal(draft: Draft, index: LogIndex, proposal: PendingProposal): void {
  const { state } = draft;
  state.pendingProposals--;
  state.pendingProposalBytes -= proposal.bytes;
  const { proposalId, term } = proposal;
  if (termAt(state.log, index) === term) draft.outcomes.push({ type: 'committed', proposalId, index, term });
  else draft.outcomes.push({ type: 'rejected', proposalId, reason: 'overwritten' });
}

/** A leader without its majority answers what waits: whether it will be committed, it cannot know (trap 37). */
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
