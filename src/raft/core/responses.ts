import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import { advanceChange } from './change.ts';
import { advanceCommitIndex } from './commit.ts';
import type { Draft } from './draft.ts';
import { lastIndexOfTerm } from './log.ts';
import type { AppendEntriesResponse, Conflict } from './messages.ts';
import { backUpOriginal } from './original-peer.ts';
import { releaseIfTold } from './peers.ts';
import { advanceReads } from './reads.ts';
import { replicateTo, retryLater } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { CoreState, Flight, Progress } from './state.ts';
import { advanceTransfer } from './transfer.ts';

/**
 * Takes the answer to an AppendEntries. It is matched by its request id alone: order says nothing (trap 43), and an
 * answer to a request of an earlier term of leadership finds no flight.
 */
export function receiveAppendEntriesResponse(
  draft: Draft,
  from: NodeId,
  requestId: number,
  response: AppendEntriesResponse,
): void {
  const { state } = draft;
  if (response.term > state.currentTerm) {
    becomeFollower(draft, response.term, null, 'newer-term');
    return;
  }
  const progress = state.peers.get(from);
  const flight = progress?.flights.get(requestId);
  if (progress === undefined || flight === undefined || response.term !== state.currentTerm) return;
  progress.flights.delete(requestId);
  progress.contactMs = Math.max(progress.contactMs ?? flight.sentAtMs, flight.sentAtMs);
  progress.confirmedRequestId = Math.max(progress.confirmedRequestId, requestId);
  if (response.success) acknowledge(progress, flight);
  else backUp(state, from, progress, flight, response.conflict);
  advanceCommitIndex(draft);
  advanceChange(draft);
  advanceTransfer(draft);
  // One of these may have ended this node's leadership.
  if (state.role !== 'leader') return;
  advanceReads(draft);
  releaseIfTold(state, from, progress);
  if (state.peers.has(from)) replicateTo(draft, from, progress);
}

/** §5.3: what matched is durable on the peer. A late answer to an older request never moves it back (trap 7). */
function acknowledge(progress: Progress, flight: Flight): void {
  if (flight.lastIndex > progress.matchIndex) progress.matchIndex = flight.lastIndex;
  if (flight.leaderCommit > progress.toldCommitIndex) progress.toldCommitIndex = flight.leaderCommit;
  if (progress.nextIndex <= progress.matchIndex) progress.nextIndex = logIndex(progress.matchIndex + 1);
  if (!flight.isHeartbeat) progress.mode = 'replicate';
}

/** §5.3: the logs do not meet at prevLogIndex; the follower's hint leads back over a whole term at a time. */
function backUp(
  state: CoreState,
  peer: NodeId,
  progress: Progress,
  flight: Flight,
  conflict: Conflict | undefined,
): void {
  if (state.dialects.get(peer) === 'original') {
    backUpOriginal(state, progress, flight);
    return;
  }
  if (flight.isPrevAcknowledged) {
    if (conflict === undefined || flight.prevLogIndex === 0) {
      // The logs meet there, so it refuses for a reason of its own; asked at once, it would refuse at once again.
      retryLater(state, progress, flight);
      return;
    }
    // It had acknowledged this entry and lost it since (trap 28): what it holds must be found out anew.
    progress.matchIndex = logIndex(0);
  }
  // The logs are known to match there by now, so this refusal is late (trap 7).
  if (flight.prevLogIndex <= progress.matchIndex) return;
  const next = conflict === undefined ? flight.prevLogIndex : nextIndexAfter(state, conflict);
  progress.nextIndex = logIndex(Math.max(progress.matchIndex + 1, Math.min(next, flight.prevLogIndex)));
  progress.mode = 'probe';
  forgetAppends(progress);
}

/** Where to try next: behind our own entries of the conflicting term, or else where the follower's begin. */
function nextIndexAfter(state: CoreState, conflict: Conflict): LogIndex {
  const ownLast = conflict.term === undefined ? undefined : lastIndexOfTerm(state.log, conflict.term);
  return ownLast === undefined ? conflict.index : logIndex(ownLast + 1);
}

/** Entries that were sent behind the conflict will be refused as well; their refusals say nothing new. */
function forgetAppends(progress: Progress): void {
  for (const [requestId, flight] of progress.flights)
    if (!flight.isHeartbeat) progress.flights.delete(requestId);
}
