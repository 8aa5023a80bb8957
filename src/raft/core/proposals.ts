import { assert } from '../../lib/assert.ts';
import { logIndex } from '../../lib/brands.ts';
import { type Entry, isMarked } from '../../lib/entry.ts';
import { appendEntries, type Draft } from './draft.ts';
import type { RejectReason } from './effects.ts';
import type { Proposal } from './inputs.ts';
import { replicateToAll } from './replication.ts';
import { type CoreState, hasOriginalMember } from './state.ts';

/** The leader appends the commands of clients to its log (§5.3). While it hands over, they wait. */
export function receiveProposals(draft: Draft, proposals: readonly Proposal[]): void {
  if (draft.state.role === 'leader' && draft.state.transfer !== null) holdProposals(draft, proposals);
  else appendProposals(draft, proposals);
}

/** Keeps proposals for the end of the transfer, within the limits of those that wait (dissertation 3.10). */
function holdProposals(draft: Draft, proposals: readonly Proposal[]): void {
  const { state } = draft;
  for (const proposal of proposals) {
    const reason = rejectReason(state, proposal);
    if (reason === null) {
      state.heldProposals.push(proposal);
      state.heldProposalBytes += proposal.command.length;
    } else {
      draft.outcomes.push({ type: 'rejected', proposalId: proposal.proposalId, reason });
    }
  }
}

/** Appends the proposals of one batch together. */
export function appendProposals(draft: Draft, proposals: readonly Proposal[]): void {
  const { state } = draft;
  const entries: Entry[] = [];
  for (const proposal of proposals) {
    const reason = rejectReason(state, proposal);
    if (reason !== null) {
      draft.outcomes.push({ type: 'rejected', proposalId: proposal.proposalId, reason });
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

function rejectReason(state: CoreState, proposal: Proposal): RejectReason | null {
  assert(proposal.command.length > 0, 'An empty command was proposed');
  const { pendingProposalsMax, pendingProposalBytesMax } = state.options.limits;
  if (state.role !== 'leader') return 'not-leader';
  if (state.pendingProposals + state.heldProposals.length >= pendingProposalsMax) return 'too-many';
  const waitingBytes = state.pendingProposalBytes + state.heldProposalBytes;
  if (waitingBytes + proposal.command.length > pendingProposalBytesMax) return 'too-many';
  // The original would apply our mark like any command, so that the machines would part.
  if (isMarked(proposal.command) && hasOriginalMember(state)) return 'original-member';
  return null;
}

function remember(state: CoreState, index: ReturnType<typeof logIndex>, proposal: Proposal): void {
  const pending = state.proposals.get(index) ?? [];
  pending.push({ proposalId: proposal.proposalId, term: state.currentTerm, bytes: proposal.command.length });
  state.proposals.set(index, pending);
  state.pendingProposals++;
  state.pendingProposalBytes += proposal.command.length;
}
