import { quorumValue } from './configuration.ts';
import type { Draft } from './draft.ts';
import { confirmLeadership } from './replication.ts';
import { hasCommittedInTerm } from './state.ts';

/** Takes the reads of clients. Only a leader can confirm them. */
export function receiveReads(draft: Draft, readIds: readonly number[]): void {
  const { state } = draft;
  const confirming = state.readRound?.readIds.length ?? 0;
  for (const readId of readIds) {
    if (state.role !== 'leader') {
      draft.outcomes.push({ type: 'readRejected', readId, reason: 'not-leader' });
    } else if (confirming + state.waitingReads.length >= state.options.limits.pendingReadsMax) {
      draft.outcomes.push({ type: 'readRejected', readId, reason: 'too-many' });
    } else {
      state.waitingReads.push(readId);
    }
  }
  advanceReads(draft);
}

/**
 * Linearizable reads without a log entry (dissertation 6.4): note the commit index, hear from a majority that this node
 * still leads, then answer once the machine has applied that index. Reads that come while a round is under way share
 * the next one.
 */
export function advanceReads(draft: Draft): void {
  if (draft.state.role !== 'leader') return;
  finishRound(draft);
  startRound(draft);
  // A sole voter is its own majority, so that its round ends at once.
  finishRound(draft);
}

function finishRound(draft: Draft): void {
  const { state } = draft;
  const round = state.readRound;
  if (round === null) return;
  // Request ids rise in the order of sending, so an answer to a later one shows that the peer followed us after the reads came.
  const confirmed = quorumValue(state.configuration, (id) =>
    id === state.options.id ? Number.POSITIVE_INFINITY : (state.peers.get(id)?.confirmedRequestId ?? 0),
  );
  if (confirmed <= round.sentAfterRequestId) return;
  state.readRound = null;
  for (const readId of round.readIds) {
    draft.outcomes.push({ type: 'readReady', readId, readIndex: round.readIndex });
  }
}

function startRound(draft: Draft): void {
  const { state } = draft;
  if (state.readRound !== null || state.waitingReads.length === 0) return;
  // Before an entry of its own term is committed, the leader's commit index may be behind what was acknowledged (trap 18).
  if (!hasCommittedInTerm(state)) return;
  state.readRound = {
    readIds: state.waitingReads,
    readIndex: state.commitIndex,
    sentAfterRequestId: state.nextRequestId - 1,
  };
  state.waitingReads = [];
  confirmLeadership(draft);
}
