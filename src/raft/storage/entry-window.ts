import { type LogIndex, logIndex } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';

/** What an entry costs in memory beside its command, roughly: without it, tiny commands would fill the heap unnoticed. */
const ENTRY_OVERHEAD_BYTES = 128;

/** The most recent entries of the log in memory, so that reading them touches no disk. Older ones give way. */
export class EntryWindow {
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  /** Entries before this position have given way; they leave the array a few at a time. */
  #start = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Index of the first entry that is held, or undefined where none is. */
  get firstIndex(): LogIndex | undefined {
    return this.#entries[this.#start]?.index;
  }

  /** Entry `index`, or undefined where it is not held. */
  get(index: LogIndex): Entry | undefined {
    const firstIndex = this.firstIndex;
    // Below it, slots that have given way may hold entries of other indexes.
    if (firstIndex === undefined || index < firstIndex) return undefined;
    return this.#entries[this.#start + index - firstIndex];
  }

  /** Takes the entries after the last one held. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += costBytes(entry);
    }
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#entries[this.#start];
      if (oldest === undefined) break;
      this.#bytes -= costBytes(oldest);
      this.#start++;
    }
    if (this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Forgets the entries from `index` on. */
  truncateFrom(index: LogIndex): void {
    for (let last = this.#last(); last !== undefined && last.index >= index; last = this.#last()) {
      this.#entries.pop();
      this.#bytes -= costBytes(last);
    }
  }

  #last(): Entry | undefined {
    return this.#entries.length > this.#start ? this.#entries.at(-1) : undefined;
  }
}

/** How many of the entries from `from` to `through` go into one answer: at least one, then while both limits allow. */
export function countThatFits(options: {
  readonly from: LogIndex;
  readonly through: LogIndex;
  readonly bytesMax: number;
  readonly entriesMax: number;
  readonly commandBytesAt: (index: LogIndex) => number;
}): number {
  let bytes = 0;
  let count = 0;
  for (let index = options.from; index <= options.through; index = logIndex(index + 1)) {
    bytes += options.commandBytesAt(index);
    if (count > 0 && (bytes > options.bytesMax || count >= options.entriesMax)) break;
    count++;
  }
  return count;
}

function costBytes(entry: Entry): number {
  return entry.command.length + ENTRY_OVERHEAD_BYTES;
}
