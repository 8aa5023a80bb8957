import { INDEX_ZERO, type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import { type CoreState, otherMembers, type Progress } from './state.ts';

/** Election timeouts for which a peer that was removed, and does not answer, is tried. */
const FAREWELL_TIMEOUTS = 5;

/** A leader takes up its peers: as it is elected, nothing is known of any. */
export function meetPeers(state: CoreState): void {
  state.peers.clear();
  for (const peer of otherMembers(state)) state.peers.set(peer, initialProgress(state));
}

/**
 * Another configuration is in force, by the entry at `index`: new members get the log, and those that it leaves out get
 * it as far as the entry that says so.
 */
export function alignPeers(state: CoreState, index: LogIndex): void {
  const members = new Set(otherMembers(state));
  for (const [id, progress] of state.peers) {
    if (members.has(id)) progress.leaving = null;
    else progress.leaving ??= { index, sinceMs: state.nowMs };
  }
  for (const id of members) if (!state.peers.has(id)) state.peers.set(id, initialProgress(state));
}

/** Lets go of a peer that was removed and has heard that this is committed. */
export function releaseIfTold(state: CoreState, peer: NodeId, progress: Progress): void {
  if (progress.leaving !== null && progress.toldCommitIndex >= progress.leaving.index)
    state.peers.delete(peer);
}

/** Lets go of peers that were removed and cannot be told: they will hear of it when they ask for votes. */
export function releaseSilent(state: CoreState): void {
  const patienceMs = FAREWELL_TIMEOUTS * state.options.electionTimeoutMsMax;
  for (const [id, { leaving }] of state.peers) {
    if (leaving === null || leaving.index > state.commitIndex) continue;
    if (state.nowMs - leaving.sinceMs > patienceMs) state.peers.delete(id);
  }
}

/** §5.3: nextIndex begins just after the leader's last entry, matchIndex at 0. */
function initialProgress(state: CoreState): Progress {
  return {
    nextIndex: logIndex(state.log.lastIndex + 1),
    matchIndex: INDEX_ZERO,
    toldCommitIndex: INDEX_ZERO,
    mode: 'probe',
    flights: new Map(),
    confirmedRequestId: 0,
    contactMs: null,
    lastSentMs: Number.NEGATIVE_INFINITY,
    pausedUntilMs: 0,
    isReadingLog: false,
    leaving: null,
  };
}
