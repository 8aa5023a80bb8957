import type { LogIndex } from '../../lib/brands.ts';
import type { CoreEvent, Effects, Halt, Outcome, Outgoing, Persist } from '../core/effects.ts';
import type { LogRead } from '../core/inputs.ts';

/** The effects of all the steps of one pass through the queue. */
export interface Batch {
  readonly sendBeforePersist: Outgoing[];
  persist: Persist | null;
  readonly sendAfterPersist: Outgoing[];
  commitIndex: LogIndex | null;
  readonly outcomes: Outcome[];
  readonly logReads: LogRead[];
  readonly events: CoreEvent[];
  halt: Halt | null;
}

export function emptyBatch(): Batch {
  return {
    sendBeforePersist: [],
    persist: null,
    sendAfterPersist: [],
    commitIndex: null,
    outcomes: [],
    logReads: [],
    events: [],
    halt: null,
  };
}

/** Adds the effects of a later step to those of the earlier ones. */
export function mergeEffects(batch: Batch, effects: Effects): void {
  batch.sendBeforePersist.push(...effects.sendBeforePersist);
  if (effects.persist !== null) batch.persist = mergePersist(batch.persist, effects.persist);
  batch.sendAfterPersist.push(...effects.sendAfterPersist);
  batch.commitIndex = effects.commitIndex ?? batch.commitIndex;
  batch.outcomes.push(...effects.outcomes);
  batch.logReads.push(...effects.logReads);
  batch.events.push(...effects.events);
  batch.halt ??= effects.halt;
}

/**
 * One persist that leaves the disk as the two would, one after the other. A truncation removes entries that the
 * earlier one would only have appended; it reaches the disk where it goes below them.
 */
export function mergePersist(earlier: Persist | null, later: Persist): Persist {
  if (earlier === null) return later;
  const { truncateFrom } = later;
  const kept =
    truncateFrom === undefined ? earlier.entries : earlier.entries.filter((e) => e.index < truncateFrom);
  const hardState = later.hardState ?? earlier.hardState;
  const truncation = mergeTruncation(earlier, truncateFrom);
  return {
    sequence: later.sequence,
    entries: later.entries.length === 0 ? kept : [...kept, ...later.entries],
    ...(hardState === undefined ? {} : { hardState }),
    ...(truncation === undefined ? {} : { truncateFrom: truncation }),
  };
}

function mergeTruncation(earlier: Persist, truncateFrom: LogIndex | undefined): LogIndex | undefined {
  if (truncateFrom === undefined) return earlier.truncateFrom;
  const firstAppended = earlier.entries[0]?.index;
  // What stands before the earlier persist's own entries is on the disk already.
  if (firstAppended !== undefined && truncateFrom >= firstAppended) return earlier.truncateFrom;
  if (earlier.truncateFrom !== undefined && earlier.truncateFrom < truncateFrom) return earlier.truncateFrom;
  return truncateFrom;
}
