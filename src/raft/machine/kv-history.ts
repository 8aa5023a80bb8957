import { assert } from '../../lib/assert.ts';
import { type LogIndex, logIndex } from '../../lib/brands.ts';
import {
  HISTORY_BYTES_MAX,
  HISTORY_CHANGES_MAX,
  HISTORY_PAGE_BYTES_MAX,
  HISTORY_PAGE_CHANGES_MAX,
} from '../../lib/limits.ts';
import type { Change, ChangeHistory, ChangePage, ChangeSelector } from '../ports.ts';

const FIRST_INDEX = logIndex(1);

/** How much a history keeps, and how much of it one page shows. */
export interface HistoryLimits {
  readonly changesMax: number;
  readonly bytesMax: number;
  readonly pageChangesMax: number;
  readonly pageBytesMax: number;
}

const DEFAULT_LIMITS: HistoryLimits = {
  changesMax: HISTORY_CHANGES_MAX,
  bytesMax: HISTORY_BYTES_MAX,
  pageChangesMax: HISTORY_PAGE_CHANGES_MAX,
  pageBytesMax: HISTORY_PAGE_BYTES_MAX,
};

/**
 * The last changes of the key-value machine, in a ring: the oldest ones make room for new ones. A machine begins empty
 * and is given the whole log, so the history begins with index 1 and is the same after a restart.
 */
export class KvHistory implements ChangeHistory {
  readonly #limits: HistoryLimits;
  /** A ring that grows to `changesMax` places, and then begins again at its first. */
  readonly #places: Change[] = [];
  /** Where the oldest change stands. */
  #head = 0;
  #count = 0;
  #bytes = 0;
  /** Undefined after `forget`, until the next command comes. */
  #oldestIndex: LogIndex | undefined = FIRST_INDEX;

  constructor(limits: Partial<HistoryLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** While nothing is known of what is missing, no index is old enough. */
  get oldestIndex(): LogIndex {
    return this.#oldestIndex ?? logIndex(Number.MAX_SAFE_INTEGER);
  }

  /** Notes that the command at `index` is being applied: what it changes, and nothing before it, may be missing. */
  reach(index: LogIndex): void {
    this.#oldestIndex ??= index;
  }

  /** Adds a change that is later than all that are here. */
  add(change: Change): void {
    assert(change.index > (this.#at(this.#count - 1)?.index ?? 0), `Change ${change.index} comes late`);
    if (this.#count === this.#limits.changesMax) this.#dropOldest();
    this.#places[(this.#head + this.#count) % this.#limits.changesMax] = change;
    this.#count++;
    this.#bytes += bytesOf(change);
    // A change that is larger than all that may be kept is not kept either.
    while (this.#bytes > this.#limits.bytesMax) this.#dropOldest();
  }

  /**
   * Forgets everything, because the state was replaced by a snapshot: it does not say which changes led to it, nor at
   * which index it was taken. The history goes on with the next command.
   */
  forget(): void {
    this.#places.length = 0;
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#oldestIndex = undefined;
  }

  read(from: LogIndex, selector: ChangeSelector): ChangePage {
    const { pageChangesMax, pageBytesMax } = this.#limits;
    const changes: Change[] = [];
    const start = this.#positionOf(from);
    let bytes = 0;
    for (let position = start; position < this.#count; position++) {
      const change = this.#at(position);
      if (change === undefined) break;
      if (position - start === pageChangesMax || bytes >= pageBytesMax)
        return { changes, next: change.index };
      if (!isSelected(change, selector)) continue;
      changes.push(change);
      bytes += bytesOf(change);
    }
    return { changes, next: undefined };
  }

  #at(position: number): Change | undefined {
    return position < 0 ? undefined : this.#places[(this.#head + position) % this.#limits.changesMax];
  }

  #dropOldest(): void {
    const oldest = this.#at(0);
    assert(oldest !== undefined && this.#count > 0, 'The history has nothing to drop');
    this.#oldestIndex = logIndex(oldest.index + 1);
    this.#bytes -= bytesOf(oldest);
    this.#head = (this.#head + 1) % this.#limits.changesMax;
    this.#count--;
  }

  /** The position of the first change that is not before `from`. */
  #positionOf(from: LogIndex): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#at(middle)?.index ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isSelected(change: Change, selector: ChangeSelector): boolean {
  return selector.type === 'key' ? change.key === selector.key : change.key.startsWith(selector.prefix);
}

/** What a change takes in memory at most: two bytes for each code unit of its texts, and its own fields. */
function bytesOf({ key, value }: Change): number {
  return 2 * (key.length + (value?.length ?? 0)) + FIELDS_BYTES;
}

const FIELDS_BYTES = 64;
