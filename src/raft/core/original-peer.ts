import { logIndex } from '../../lib/brands.ts';
import type { CoreState, Flight, Progress } from './state.ts';

/** Heartbeats to wait before a search that found nothing begins again. */
const SEARCH_PAUSE_HEARTBEATS = 10;

/**
 * Backs up after a refusal by a peer that speaks the original's protocol. It gives no hint, and may refuse because
 * prevLogIndex is too high or because it is below what it has committed, so that the search goes down one index at a
 * time and begins again at the end of our log. Where it refuses what it had acknowledged, it has restarted: its
 * acknowledgements were in memory, and count no longer.
 */
export function backUpOriginal(state: CoreState, progress: Progress, flight: Flight): void {
  progress.mode = 'probe';
  if (flight.prevLogIndex <= progress.matchIndex) progress.matchIndex = logIndex(0);
  if (flight.prevLogIndex > 0) {
    progress.nextIndex = flight.prevLogIndex;
    return;
  }
  progress.nextIndex = logIndex(state.log.lastIndex + 1);
  progress.pausedUntilMs = state.nowMs + SEARCH_PAUSE_HEARTBEATS * state.options.heartbeatMs;
}
