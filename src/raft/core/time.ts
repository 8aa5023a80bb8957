import { advanceChange } from './change.ts';
import { isQuorum } from './configuration.ts';
import type { Draft } from './draft.ts';
import { campaign } from './election.ts';
import { releaseSilent } from './peers.ts';
import { expireFlights, sendDueHeartbeats } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { type CoreState, resetElectionTimer } from './state.ts';
import { expireTransfer } from './transfer.ts';

/**
 * Time passes. A gap longer than the minimum election timeout was a pause of this process, not of the network: what
 * was known of others by the clock is void (trap 31).
 */
export function receiveTick(draft: Draft, elapsedMs: number): void {
  const { state } = draft;
  state.nowMs += elapsedMs;
  if (elapsedMs > state.options.electionTimeoutMsMin) wakeUp(state);
  if (state.role === 'leader') {
    leaderTick(draft);
    return;
  }
  expireTransfer(draft);
  if (state.nowMs >= state.electionDeadlineMs) campaign(draft);
}

/** The leader's last word is older than the pause, so that it no longer counts by itself; nor is anybody's patience used up. */
function wakeUp(state: CoreState): void {
  resetElectionTimer(state);
  for (const progress of state.peers.values()) progress.contactMs = null;
  for (const pending of state.pendingPersists) pending.sinceMs = state.nowMs;
  for (const catchUp of state.change?.catchUps.values() ?? []) catchUp.progressMs = state.nowMs;
  state.removalToldMs = null;
  state.quorumGraceUntilMs = state.nowMs + state.options.electionTimeoutMsMin;
}

function leaderTick(draft: Draft): void {
  const { state } = draft;
  if (hasLostQuorum(state)) {
    becomeFollower(draft, state.currentTerm, null, 'quorum-lost');
    return;
  }
  if (isDiskStalled(state)) {
    becomeFollower(draft, state.currentTerm, null, 'disk-stalled');
    return;
  }
  // Not before: what waited for the transfer is certainly not done, unless a leader that steps down appends it first.
  expireTransfer(draft);
  expireFlights(draft);
  releaseSilent(state);
  advanceChange(draft);
  if (state.role === 'leader') sendDueHeartbeats(draft);
}

/** Election timeouts for which a leader waits for its disk. */
const STALLED_TIMEOUTS = 2;

/**
 * A leader whose disk hangs could go on sending heartbeats for ever, and answer nobody: it makes way for one that can.
 * It cannot win again before its own vote is on that disk.
 */
function isDiskStalled(state: CoreState): boolean {
  const oldest = state.pendingPersists[0];
  if (oldest === undefined) return false;
  return state.nowMs - oldest.sinceMs > STALLED_TIMEOUTS * state.options.electionTimeoutMsMax;
}

/**
 * Dissertation 6.2: a leader that has not reached a majority for an election timeout steps down, so that its clients
 * turn elsewhere (trap 37).
 */
function hasLostQuorum(state: CoreState): boolean {
  if (state.nowMs < state.quorumGraceUntilMs) return false;
  const since = state.nowMs - state.options.electionTimeoutMsMax;
  return !isQuorum(
    state.configuration,
    (id) => id === state.options.id || (state.peers.get(id)?.contactMs ?? Number.NEGATIVE_INFINITY) >= since,
  );
}
