import { assert } from '../../lib/assert.ts';
import { logIndex } from '../../lib/brands.ts';
import { type Entry, isMarked } from '../../lib/entry.ts';
import { hasOriginalMember, unmetMembers } from './dialects.ts';
import { appendEntries, type Draft } from './draft.ts';
import type { ProposalRefusal } from './effects.ts';
import type { Proposal } from './inputs.ts';
import { replicateToAll } from './replication.ts';
import type { CoreState } from './state.ts';

/** The leader appends the commands of clients to its log (§5.3). While it hands over, they wait. */
export function receiveProposals(draft: Draft, proposals: readonly Proposal[]): void {
  if (draft.state.role === 'leader' && draft.state.transfer !== null) holdProposals(draft, proposals);
  else appendProposals(draft, proposals);
}

/** Keeps proposals for the end of the transfer, within the limits of those that wait (dissertation 3.10). */
function holdProposals(draft: Draft, proposals: readonly Proposal[]): void {
  const { state } = draft;
  for (const proposal of proposals) {
    const refusal = refusalOf(state, proposal);
    if (refusal === null) {
      state.heldProposals.push(proposal);
      state.heldProposalBytes += proposal.command.length;
    } else {
      draft.outcomes.push({ type: 'rejected', proposalId: proposal.proposalId, ...refusal });
    }
  }
}

/** Appends the proposals of one batch together. */
export function appendProposals(draft: Draft, proposals: readonly Proposal[]): void {
  const { state } = draft;
  const entries: Entry[] = [];
  for (const proposal of proposals) {
    const refusal = refusalOf(state, proposal);
    if (refusal !== null) {
      draft.outcomes.push({ type: 'rejected', proposalId: proposal.proposalId, ...refusal });
      continue;
    }
    const index = logIndex(state.log.lastIndex + 1 + entries.length);
    entries.push({ index, term: state.currentTerm, command: proposal.command });
    remember(state, index, proposal);
  }
  if (entries.length === 0) return;
  appendEntries(draft, entries);
  replicateToAll(draft);
}

function refusalOf(state: CoreState, proposal: Proposal): ProposalRefusal | null {
  assert(proposal.command.length > 0, 'An empty command was proposed');
  const { pendingProposalsMax, pendingProposalBytesMax } = state.options.limits;
  if (state.role !== 'leader') return { reason: 'not-leader' };
  const isFull = state.pendingProposals + state.heldProposals.length >= pendingProposalsMax;
  const waitingBytes = state.pendingProposalBytes + state.heldProposalBytes;
  if (isFull || waitingBytes + proposal.command.length > pendingProposalBytesMax)
    return { reason: 'too-many' };
  if (!isMarked(proposal.command)) return null;
  // The original would apply our mark like any command, so that the machines would part.
  if (hasOriginalMember(state)) return { reason: 'original-member' };
  const unmet = unmetMembers(state);
  return unmet.length === 0 ? null : { reason: 'unmet-member', unmet };
}

function remember(state: CoreState, index: ReturnType<typeof logIndex>, proposal: Proposal): void {
  const pending = state.proposals.get(index) ?? [];
  pending.push({ proposalId: proposal.proposalId, term: state.currentTerm, bytes: proposal.command.length });
  state.proposals.set(index, pending);
  state.pendingProposals++;
  state.pendingProposalBytes += proposal.command.length;
}
