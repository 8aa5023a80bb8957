import { assert, present } from '../../lib/assert.ts';
import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import type { Draft } from './draft.ts';
import { isInWindow, termAt, windowSlice } from './log.ts';
import { type CoreState, type Flight, type Progress, takeRequestId } from './state.ts';

/** Heartbeats under way to one peer beside its entries: a peer that hangs must not collect them. */
const HEARTBEATS_IN_FLIGHT_MAX = 2;

/** Sends every peer the entries that it does not have yet, as far as it can take them now. */
export function replicateToAll(draft: Draft): void {
  for (const [peer, progress] of draft.state.peers) replicateTo(draft, peer, progress);
}

/** Sends a peer the entries from its nextIndex on, if there are any and a request may be under way. */
export function replicateTo(draft: Draft, peer: NodeId, progress: Progress): void {
  const { state } = draft;
  while (progress.nextIndex <= state.log.lastIndex && mayAppend(state, peer, progress)) {
    if (!isInWindow(state.log, progress.nextIndex)) {
      requestLogRead(draft, peer, progress);
      return;
    }
    const { appendBytesMax, appendEntriesMax } = state.options.limits;
    sendAppend(
      draft,
      peer,
      progress,
      windowSlice(state.log, progress.nextIndex, appendBytesMax, appendEntriesMax),
    );
  }
}

/** Sends entries that came from the log store, if they still are what the peer needs. */
export function replicateRead(draft: Draft, peer: NodeId, entries: readonly Entry[]): void {
  const progress = draft.state.peers.get(peer);
  if (progress === undefined) return;
  progress.isReadingLog = false;
  const isNext = entries[0]?.index === progress.nextIndex;
  if (isNext && mayAppend(draft.state, peer, progress) && isInLog(draft.state, entries)) {
    sendAppend(draft, peer, progress, entries);
  }
  replicateTo(draft, peer, progress);
}

/**
 * Whether the log holds these entries still: they may have been read before this node was deposed, lost its tail to
 * another leader, and was elected again. Index and term tell (§5.3: Log Matching).
 */
function isInLog(state: CoreState, entries: readonly Entry[]): boolean {
  return entries.every((entry) => termAt(state.log, entry.index) === entry.term);
}

/** Asks every peer whether it still follows: any answer to a request sent from now on confirms it (dissertation 6.4). */
export function confirmLeadership(draft: Draft): void {
  for (const [peer, progress] of draft.state.peers) sendHeartbeat(draft, peer, progress);
}

/** §5.2: a leader that has nothing to say says so, so that nobody starts an election. */
export function sendDueHeartbeats(draft: Draft): void {
  const { state } = draft;
  for (const [peer, progress] of state.peers) {
    if (state.nowMs - progress.lastSentMs >= state.options.heartbeatMs) sendHeartbeat(draft, peer, progress);
  }
}

/** Forgets requests that were never answered, so that others can take their place. */
export function expireFlights(draft: Draft): void {
  const { state } = draft;
  for (const progress of state.peers.values()) {
    for (const [requestId, flight] of progress.flights) {
      if (state.nowMs - flight.sentAtMs < state.options.requestTimeoutMs) continue;
      progress.flights.delete(requestId);
      goBackTo(state, progress, flight);
    }
  }
}

/** Takes note that a request was lost. The peer is left alone for a heartbeat, then asked where the logs meet. */
export function receiveLost(draft: Draft, peer: NodeId, requestId: number): void {
  const progress = draft.state.peers.get(peer);
  const flight = progress?.flights.get(requestId);
  if (progress === undefined || flight === undefined) return;
  progress.flights.delete(requestId);
  retryLater(draft.state, progress, flight);
}

/** What a request carried is sent again, but not before a heartbeat has passed: at once would only fail again. */
export function retryLater(state: CoreState, progress: Progress, flight: Flight): void {
  goBackTo(state, progress, flight);
  progress.pausedUntilMs = state.nowMs + state.options.heartbeatMs;
}

function goBackTo(state: CoreState, progress: Progress, flight: Flight): void {
  if (flight.isHeartbeat) return;
  progress.mode = 'probe';
  progress.nextIndex = logIndex(
    Math.max(progress.matchIndex + 1, Math.min(progress.nextIndex, flight.prevLogIndex + 1)),
  );
  assert(progress.nextIndex <= state.log.lastIndex + 1, 'A peer was sent more than the log holds');
}

function sendHeartbeat(draft: Draft, peer: NodeId, progress: Progress): void {
  const { state } = draft;
  if (state.nowMs < progress.pausedUntilMs) return;
  if (mayAppend(state, peer, progress)) {
    if (progress.nextIndex <= state.log.lastIndex) replicateTo(draft, peer, progress);
    else sendAppend(draft, peer, progress, []);
    return;
  }
  if (takesOneAtATime(state, peer)) return;
  if (countFlights(progress, 'heartbeat') >= HEARTBEATS_IN_FLIGHT_MAX) return;
  // What is known to match is a safe prevLogIndex, whatever becomes of the entries under way.
  sendAppendEntries(draft, peer, progress, progress.matchIndex, [], 'heartbeat');
}

/** Sends entries after nextIndex - 1, and expects them to arrive where the logs are known to meet. */
function sendAppend(draft: Draft, peer: NodeId, progress: Progress, entries: readonly Entry[]): void {
  const prevLogIndex = logIndex(progress.nextIndex - 1);
  sendAppendEntries(draft, peer, progress, prevLogIndex, entries, 'append');
  if (progress.mode === 'replicate') progress.nextIndex = logIndex(progress.nextIndex + entries.length);
}

function sendAppendEntries(
  draft: Draft,
  peer: NodeId,
  progress: Progress,
  prevLogIndex: LogIndex,
  entries: readonly Entry[],
  purpose: 'append' | 'heartbeat',
): void {
  const { state } = draft;
  const requestId = takeRequestId(state);
  const lastIndex = logIndex(prevLogIndex + entries.length);
  // A follower goes no further than this anyway, and the original refuses what is beyond its log.
  const leaderCommit = logIndex(Math.min(state.commitIndex, lastIndex));
  progress.flights.set(requestId, {
    prevLogIndex,
    lastIndex,
    sentAtMs: state.nowMs,
    isHeartbeat: purpose === 'heartbeat',
    leaderCommit,
    isPrevAcknowledged: prevLogIndex <= progress.matchIndex,
  });
  progress.lastSentMs = state.nowMs;
  draft.sendBeforePersist.push({
    to: peer,
    requestId,
    message: {
      type: 'appendEntries',
      term: state.currentTerm,
      leaderId: state.options.id,
      prevLogIndex,
      prevLogTerm: present(termAt(state.log, prevLogIndex), 'the term at prevLogIndex'),
      entries,
      leaderCommit,
    },
  });
}

function mayAppend(state: CoreState, peer: NodeId, progress: Progress): boolean {
  if (progress.isReadingLog || state.nowMs < progress.pausedUntilMs) return false;
  if (takesOneAtATime(state, peer)) return progress.flights.size === 0;
  const inFlightMax = progress.mode === 'probe' ? 1 : state.options.appendsInFlightMax;
  return countFlights(progress, 'append') < inFlightMax;
}

/**
 * The original truncates on every AppendEntries, so that two at a time could undo each other. A peer that has not
 * answered yet may be one.
 */
function takesOneAtATime(state: CoreState, peer: NodeId): boolean {
  return state.dialects.get(peer) !== 'extended';
}

function countFlights(progress: Progress, purpose: 'append' | 'heartbeat'): number {
  let count = 0;
  for (const flight of progress.flights.values())
    if (flight.isHeartbeat === (purpose === 'heartbeat')) count++;
  return count;
}

function requestLogRead(draft: Draft, peer: NodeId, progress: Progress): void {
  const { appendBytesMax, appendEntriesMax } = draft.state.options.limits;
  progress.isReadingLog = true;
  draft.logReads.push({
    to: peer,
    from: progress.nextIndex,
    bytesMax: appendBytesMax,
    entriesMax: appendEntriesMax,
  });
}
