import type { NodeId } from '../../lib/brands.ts';
import { isVoter, voterIds } from './configuration.ts';
import type { Draft } from './draft.ts';
import type { TransferRefusal } from './effects.ts';
import { appendProposals } from './proposals.ts';
import { replicateTo } from './replication.ts';
import { type CoreState, type Transfer, takeRequestId } from './state.ts';

/**
 * Begins to hand leadership over (dissertation 3.10): the target gets what it lacks of the log, then TimeoutNow.
 * Proposals wait meanwhile; after an election timeout the leader goes on as before (trap 38).
 */
export function receiveTransfer(draft: Draft, transferId: number, wanted: NodeId | null): void {
  const { state } = draft;
  if (state.role !== 'leader') return reject(draft, transferId, 'not-leader');
  if (state.transfer !== null) return reject(draft, transferId, 'transfer-in-progress');
  if (wanted === state.options.id) {
    draft.outcomes.push({ type: 'transferred', transferId, leaderId: wanted });
    return;
  }
  const target = wanted ?? bestHeir(state);
  if (target === null || !isHeir(state, target)) return reject(draft, transferId, 'no-such-voter');
  const deadlineMs = state.nowMs + state.options.electionTimeoutMsMax;
  state.transfer = { transferId, target, deadlineMs, sentMs: null };
  advanceTransfer(draft);
}

/** Goes on with a transfer: sends TimeoutNow once the target's log is complete, again where it may have been lost. */
export function advanceTransfer(draft: Draft): void {
  const { state } = draft;
  const { transfer } = state;
  if (transfer === null || state.role !== 'leader') return;
  const progress = state.peers.get(transfer.target);
  if (progress === undefined) return;
  if (progress.matchIndex < state.log.lastIndex) {
    replicateTo(draft, transfer.target, progress);
    return;
  }
  if (transfer.sentMs !== null && state.nowMs - transfer.sentMs < state.options.heartbeatMs) return;
  transfer.sentMs = state.nowMs;
  sendTimeoutNow(draft, transfer.target);
}

/** Time has passed: a transfer that did not succeed ends, and what waited for it goes on. */
export function expireTransfer(draft: Draft): void {
  const { state } = draft;
  const { transfer } = state;
  if (transfer === null) return;
  if (state.nowMs < transfer.deadlineMs) {
    advanceTransfer(draft);
    return;
  }
  abortTransfer(draft);
  if (state.role === 'leader') appendProposals(draft, takeHeldProposals(state));
}

/** The target did not take over, and will not any more: its time is up, or this node was elected again. */
export function abortTransfer(draft: Draft): void {
  const { state } = draft;
  if (state.transfer === null) return;
  reject(draft, state.transfer.transferId, 'timed-out');
  state.transfer = null;
}

/** A leader has shown itself: the transfer that this node began is over, whoever it is. */
export function endTransferWith(draft: Draft, leaderId: NodeId): void {
  const { state } = draft;
  const { transfer } = state;
  if (transfer === null || leaderId === state.options.id) return;
  state.transfer = null;
  draft.outcomes.push({ type: 'transferred', transferId: transfer.transferId, leaderId });
}

/** Proposals that waited for a transfer are in no log: they certainly are not done, and may be sent to the new leader. */
export function rejectHeldProposals(draft: Draft): void {
  for (const { proposalId } of takeHeldProposals(draft.state))
    draft.outcomes.push({ type: 'rejected', proposalId, reason: 'not-leader' });
}

/** A leader that must go has the fittest voter take over at once, rather than have all wait for an election timeout. */
export function handOver(draft: Draft): void {
  const heir = bestHeir(draft.state);
  if (heir !== null) sendTimeoutNow(draft, heir);
}

/** The voter that lacks the least of the log, of those that answer. */
function bestHeir(state: CoreState): NodeId | null {
  let best: NodeId | null = null;
  let bestMatch = -1;
  for (const id of voterIds(state.configuration)) {
    const progress = state.peers.get(id);
    if (progress === undefined || !isHeir(state, id) || !isHeardOf(state, progress.contactMs)) continue;
    if (progress.matchIndex <= bestMatch) continue;
    best = id;
    bestMatch = progress.matchIndex;
  }
  return best;
}

/**
 * Whether a node can be told to take over: it votes, and is not known to be of the original, which knows no TimeoutNow.
 * A leader that was just elected may not have heard of it yet; by the time that its log is complete, it has.
 */
function isHeir(state: CoreState, id: NodeId): boolean {
  return isVoter(state.configuration, id) && state.dialects.get(id) !== 'original';
}

function isHeardOf(state: CoreState, contactMs: number | null): boolean {
  return contactMs !== null && state.nowMs - contactMs < state.options.electionTimeoutMsMin;
}

function sendTimeoutNow(draft: Draft, to: NodeId): void {
  const { state } = draft;
  const message = { type: 'timeoutNow', term: state.currentTerm, leaderId: state.options.id } as const;
  draft.sendBeforePersist.push({ to, requestId: takeRequestId(state), message });
}

function takeHeldProposals(state: CoreState): CoreState['heldProposals'] {
  const held = state.heldProposals;
  state.heldProposals = [];
  state.heldProposalBytes = 0;
  return held;
}

function reject(draft: Draft, transferId: Transfer['transferId'], reason: TransferRefusal): void {
  draft.outcomes.push({ type: 'transferRejected', transferId, reason });
}
