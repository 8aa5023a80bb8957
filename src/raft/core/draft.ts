import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import { configurationEvent, noteConfigurations, rollBackConfigurations } from './configuration-log.ts';
import { noteBeginning } from './dialects.ts';
import type { CoreEvent, Effects, Halt, Outcome, Outgoing } from './effects.ts';
import type { LogRead } from './inputs.ts';
import { append, truncateFrom } from './log.ts';
import type { Message } from './messages.ts';
import { applicableIndex, type CoreState, isMember } from './state.ts';

/** The effects of a step while it runs, beside the state that it changes. */
export interface Draft {
  readonly state: CoreState;
  readonly sendBeforePersist: Outgoing[];
  readonly sendAfterPersist: Outgoing[];
  readonly appended: Entry[];
  truncateFrom: LogIndex | undefined;
  hardStateChanged: boolean;
  readonly outcomes: Outcome[];
  readonly logReads: LogRead[];
  readonly events: CoreEvent[];
  halt: Halt | null;
}

export function createDraft(state: CoreState): Draft {
  return {
    state,
    sendBeforePersist: [],
    sendAfterPersist: [],
    appended: [],
    truncateFrom: undefined,
    hardStateChanged: false,
    outcomes: [],
    logReads: [],
    events: [],
    halt: null,
  };
}

/** Answers a request once everything that the answer promises is durable. */
export function reply(draft: Draft, to: NodeId, requestId: number, message: Message): void {
  draft.sendAfterPersist.push({ to, requestId, message });
}

/** Puts entries at the end of the log, to be persisted with this step. A configuration among them is in force at once (§6). */
export function appendEntries(draft: Draft, entries: readonly Entry[]): void {
  const { state } = draft;
  append(state.log, entries);
  noteBeginning(state, entries);
  for (const entry of entries) draft.appended.push(entry);
  if (noteConfigurations(state, entries)) takeConfiguration(draft);
}

/**
 * Removes the entries from `index` on. What an earlier persist has under way for them will not count (trap 34): its
 * completion would speak for entries that are no longer there.
 */
export function truncateLog(draft: Draft, index: LogIndex): void {
  const { state } = draft;
  truncateFrom(state.log, index);
  draft.truncateFrom = index;
  const before = logIndex(index - 1);
  if (state.durableIndex > before) state.durableIndex = before;
  for (const pending of state.pendingPersists) if (pending.lastIndex > before) pending.lastIndex = before;
  if (rollBackConfigurations(state, index)) takeConfiguration(draft);
}

/** Another configuration is in force. */
function takeConfiguration(draft: Draft): void {
  const { state } = draft;
  if (isMember(state, state.configuration)) state.hasBeenMember = true;
  draft.events.push(configurationEvent(state));
}

/** The sequence number that this step's persist will have. */
export function nextSequence(state: CoreState): number {
  return state.lastSequence + 1;
}

/** Turns the draft into what the runtime gets. */
export function finish(draft: Draft): Effects {
  const { state } = draft;
  return {
    sendBeforePersist: draft.sendBeforePersist,
    persist: finishPersist(draft),
    sendAfterPersist: draft.sendAfterPersist,
    commitIndex: finishCommit(state),
    outcomes: draft.outcomes,
    logReads: draft.logReads,
    events: draft.events,
    halt: draft.halt,
  };
}

function finishPersist(draft: Draft): Effects['persist'] {
  const { state } = draft;
  const writes = draft.hardStateChanged || draft.truncateFrom !== undefined || draft.appended.length > 0;
  if (!writes) return null;
  state.lastSequence = nextSequence(state);
  state.pendingPersists.push({
    sequence: state.lastSequence,
    sinceMs: state.nowMs,
    lastIndex: state.log.lastIndex,
  });
  const { currentTerm, votedFor, abstainThrough } = state;
  return {
    sequence: state.lastSequence,
    entries: draft.appended,
    ...(draft.hardStateChanged ? { hardState: { currentTerm, votedFor, abstainThrough } } : {}),
    ...(draft.truncateFrom === undefined ? {} : { truncateFrom: draft.truncateFrom }),
  };
}

function finishCommit(state: CoreState): LogIndex | null {
  const applicable = applicableIndex(state);
  if (applicable <= state.reportedCommitIndex) return null;
  state.reportedCommitIndex = applicable;
  return applicable;
}
