import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import type { Member } from '../../lib/configuration.ts';
import type { CoreState } from './state.ts';

/**
 * How far a new voter has come. It is given the log in rounds: each ends when it has what the log held when the round
 * began (dissertation 4.2.1).
 */
export interface CatchUp {
  round: number;
  roundBeganMs: number;
  /** The round ends when the learner has everything up to here. */
  throughIndex: LogIndex;
  /** When it last came nearer. */
  progressMs: number;
  matchIndex: LogIndex;
}

/** A learner that gets no nearer for this many election timeouts is given up. */
const PATIENCE_TIMEOUTS = 20;

/** After this many rounds a learner that is still slower than the log grows is given up. */
const ROUNDS_MAX = 10;

export type CatchUpProgress =
  | { readonly type: 'under-way' }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly behind: readonly NodeId[] };

/** Follows all newcomers: they are done together, and fail together. */
export function followCatchUp(
  state: CoreState,
  catchUps: Map<NodeId, CatchUp>,
  newcomers: readonly Member[],
): CatchUpProgress {
  const behind: NodeId[] = [];
  let isUnderWay = false;
  for (const { id } of newcomers) {
    const verdict = followOne(state, catchUps, id);
    if (verdict === 'failed') behind.push(id);
    if (verdict === 'under-way') isUnderWay = true;
  }
  if (behind.length > 0) return { type: 'failed', behind };
  return { type: isUnderWay ? 'under-way' : 'done' };
}

function followOne(state: CoreState, catchUps: Map<NodeId, CatchUp>, id: NodeId): CatchUpProgress['type'] {
  const catchUp = catchUps.get(id) ?? begin(state);
  catchUps.set(id, catchUp);
  const matchIndex = state.peers.get(id)?.matchIndex ?? logIndex(0);
  if (matchIndex > catchUp.matchIndex) {
    catchUp.matchIndex = matchIndex;
    catchUp.progressMs = state.nowMs;
  }
  const { electionTimeoutMsMin, electionTimeoutMsMax } = state.options;
  if (matchIndex < catchUp.throughIndex) {
    const patienceMs = PATIENCE_TIMEOUTS * electionTimeoutMsMax;
    return state.nowMs - catchUp.progressMs > patienceMs ? 'failed' : 'under-way';
  }
  // A round that took less than an election timeout: what is still missing holds nobody up for longer than that.
  if (state.nowMs - catchUp.roundBeganMs <= electionTimeoutMsMin) return 'done';
  if (catchUp.round >= ROUNDS_MAX) return 'failed';
  catchUp.round++;
  catchUp.roundBeganMs = state.nowMs;
  catchUp.throughIndex = state.log.lastIndex;
  return matchIndex >= catchUp.throughIndex ? 'done' : 'under-way';
}

function begin(state: CoreState): CatchUp {
  return {
    round: 1,
    roundBeganMs: state.nowMs,
    throughIndex: state.log.lastIndex,
    progressMs: state.nowMs,
    matchIndex: logIndex(0),
  };
}
