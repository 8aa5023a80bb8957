import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import { decodePayload, type Entry, isMarked } from '../../lib/entry.ts';
import { followCommitIndex } from './commit.ts';
import { appendEntries, type Draft, reply, truncateLog } from './draft.ts';
import { firstIndexOfRunAt, termAt } from './log.ts';
import type { AppendEntries, AppendEntriesResponse, Conflict } from './messages.ts';
import { becomeFollower } from './roles.ts';
import { type CoreState, resetElectionTimer } from './state.ts';

/**
 * AppendEntries, as its receiver (figure 2). Every request is answered, and every answer waits until all that was
 * taken before is durable: a repeated request must not be acknowledged ahead of its first copy (trap 42).
 */
export function receiveAppendEntries(
  draft: Draft,
  from: NodeId,
  requestId: number,
  request: AppendEntries,
): void {
  const { state } = draft;
  const outdated = request.term < state.currentTerm;
  // A second leader of one term is impossible (§5.2), so whoever claims to be one is refused.
  const usurps = request.term === state.currentTerm && state.role === 'leader';
  if (outdated || usurps || !isWellFormed(request)) {
    reply(draft, from, requestId, refusal(state));
    return;
  }
  const newer = request.term > state.currentTerm;
  becomeFollower(draft, request.term, request.leaderId, newer ? 'newer-term' : 'leader-found');
  resetElectionTimer(state);
  state.leaderContactMs = state.nowMs;
  state.removalToldMs = null;
  reply(draft, from, requestId, takeEntries(draft, from, request));
}

function takeEntries(draft: Draft, from: NodeId, request: AppendEntries): AppendEntriesResponse {
  const { state } = draft;
  const conflict = findConflict(state, request);
  if (conflict !== undefined) return refusal(state, conflict);
  const first = firstNew(state, request.entries);
  const fresh = request.entries.slice(first);
  const firstIndex = fresh[0]?.index;
  // An entry that is committed here contradicts the leader: Leader Completeness (§5.4.3) is broken, by whomever.
  if (firstIndex !== undefined && firstIndex <= state.commitIndex) return refusal(state);
  if (!mayTake(draft, from, fresh)) return refusal(state);
  if (firstIndex !== undefined && firstIndex <= state.log.lastIndex) truncateLog(draft, firstIndex);
  appendEntries(draft, fresh);
  const matchedThrough = logIndex(request.prevLogIndex + request.entries.length);
  followCommitIndex(draft, request.leaderCommit, matchedThrough);
  endAbstention(draft, matchedThrough);
  return { type: 'appendEntriesResponse', term: state.currentTerm, success: true };
}

/** §5.3: the log must hold the entry before the new ones. Where it does not, the answer says where to go on. */
function findConflict(state: CoreState, request: AppendEntries): Conflict | undefined {
  const term = termAt(state.log, request.prevLogIndex);
  if (term === request.prevLogTerm) return undefined;
  if (term === undefined) return { index: logIndex(state.log.lastIndex + 1) };
  return { index: firstIndexOfRunAt(state.log, request.prevLogIndex), term };
}

/**
 * How many of the entries the log has already. Only a real conflict removes entries: an older, shorter request may
 * arrive late (trap 5).
 */
function firstNew(state: CoreState, entries: readonly Entry[]): number {
  const first = entries.findIndex((entry) => termAt(state.log, entry.index) !== entry.term);
  return first === -1 ? entries.length : first;
}

/** Whether the node may acknowledge these entries: it knows what they mean, and the sender may have sent them. */
function mayTake(draft: Draft, from: NodeId, entries: readonly Entry[]): boolean {
  for (const entry of entries) {
    const payload = decodePayload(entry.command);
    const fromOriginal = draft.state.dialects.get(from) === 'original';
    // The original does not know our entries; what looks like one came from its client, and would be read two ways.
    if (fromOriginal && isMarked(entry.command) && payload.kind !== 'noop') return false;
    if (payload.kind !== 'unknown') continue;
    draft.halt = {
      reason: 'unknown-entry-kind',
      message: `The entry at index ${entry.index} is of kind ${payload.kindByte}, which this version does not know`,
    };
    return false;
  }
  return true;
}

/** Whether a request can come from a leader at all: indexes follow each other, and no term goes back or beyond its own. */
function isWellFormed(request: AppendEntries): boolean {
  let index: number = request.prevLogIndex;
  let term: number = request.prevLogTerm;
  if ((index === 0) !== (term === 0)) return false;
  for (const entry of request.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term < 1) return false;
    index = entry.index;
    term = entry.term;
  }
  return term <= request.term;
}

/**
 * A leader has carried the log past what was cut, so that the node holds again whatever it once acknowledged. It must
 * be durable first: hard state is written before entries, and a crash between the two would leave a node that votes
 * without them (trap 28). The next heartbeat after that write ends the abstention.
 */
function endAbstention(draft: Draft, matchedThrough: LogIndex): void {
  const { state } = draft;
  const caughtUpThrough = Math.min(matchedThrough, state.durableIndex);
  if (state.abstainThrough === 0 || caughtUpThrough < state.abstainThrough) return;
  draft.events.push({ type: 'caughtUp', index: state.abstainThrough });
  state.abstainThrough = logIndex(0);
  draft.hardStateChanged = true;
}

function refusal(state: CoreState, conflict?: Conflict): AppendEntriesResponse {
  const refused = { type: 'appendEntriesResponse', term: state.currentTerm, success: false } as const;
  return conflict === undefined ? refused : { ...refused, conflict };
}
