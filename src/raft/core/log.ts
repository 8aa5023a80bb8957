import { assert } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex, TERM_ZERO, type Term } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';

/** Entries of one term stand together; a run says where each term begins. */
export interface Run {
  readonly firstIndex: LogIndex;
  readonly term: Term;
}

/**
 * The core's view of its log: the term of every index, and the entries of a bounded window at its end. Older entries
 * are in the log store; the core asks for them when a peer needs them.
 */
export interface CoreLog {
  lastIndex: LogIndex;
  /** In order of index; empty where the log is. */
  runs: Run[];
  /** The entries from `windowFirstIndex` to `lastIndex`. */
  window: Entry[];
  windowFirstIndex: LogIndex;
  /** What the window takes in memory, roughly. */
  windowBytes: number;
}

/** What an entry takes in memory beside its command, roughly: a million tiny entries are not small. */
const ENTRY_OVERHEAD_BYTES = 128;

function weight(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + entry.command.length;
}

/** A log that ends at `lastIndex`, with nothing in its window yet. */
export function createLog(lastIndex: LogIndex, runs: readonly Run[]): CoreLog {
  return {
    lastIndex,
    runs: [...runs],
    window: [],
    windowFirstIndex: logIndex(lastIndex + 1),
    windowBytes: 0,
  };
}

/** The term of the last entry, 0 where the log is empty (figure 2: lastLogTerm). */
export function lastTerm(log: CoreLog): Term {
  return log.runs.at(-1)?.term ?? TERM_ZERO;
}

/** The term of the entry at `index`; 0 for index 0, undefined beyond the end. */
export function termAt(log: CoreLog, index: LogIndex): Term | undefined {
  if (index === INDEX_ZERO) return TERM_ZERO;
  if (index > log.lastIndex) return undefined;
  return log.runs[runNumberAt(log, index)]?.term;
}

/** The first index of the run of equal terms that `index` stands in. */
export function firstIndexOfRunAt(log: CoreLog, index: LogIndex): LogIndex {
  return log.runs[runNumberAt(log, index)]?.firstIndex ?? index;
}

/** The last index whose entry is of `wanted`, or undefined where the log holds none of that term. */
export function lastIndexOfTerm(log: CoreLog, wanted: Term): LogIndex | undefined {
  for (let i = log.runs.length - 1; i >= 0; i--) {
    const run = log.runs[i];
    if (run === undefined || run.term < wanted) return undefined;
    if (run.term > wanted) continue;
    const next = log.runs[i + 1];
    return next === undefined ? log.lastIndex : logIndex(next.firstIndex - 1);
  }
  return undefined;
}

/** Appends entries that follow the last one. */
export function append(log: CoreLog, entries: readonly Entry[]): void {
  for (const entry of entries) {
    assert(entry.index === log.lastIndex + 1, `Entry ${entry.index} does not follow ${log.lastIndex}`);
    assert(entry.term >= lastTerm(log), `Term ${entry.term} at index ${entry.index} goes back`);
    if (entry.term !== lastTerm(log)) log.runs.push({ firstIndex: entry.index, term: entry.term });
    log.window.push(entry);
    log.windowBytes += weight(entry);
    log.lastIndex = entry.index;
  }
}

/** Removes the entries from `index` on. */
export function truncateFrom(log: CoreLog, index: LogIndex): void {
  assert(
    index >= 1 && index <= log.lastIndex,
    `Truncation at ${index} of a log that ends at ${log.lastIndex}`,
  );
  const kept = Math.max(0, index - log.windowFirstIndex);
  for (const entry of log.window.slice(kept)) log.windowBytes -= weight(entry);
  log.window.length = Math.min(log.window.length, kept);
  if (index < log.windowFirstIndex) log.windowFirstIndex = index;
  while ((log.runs.at(-1)?.firstIndex ?? 0) >= index) log.runs.pop();
  log.lastIndex = logIndex(index - 1);
}

/** Whether the entry at `index` is in the window. */
export function isInWindow(log: CoreLog, index: LogIndex): boolean {
  return index >= log.windowFirstIndex && index <= log.lastIndex;
}

/** Entries of the window from `from` on: at least one, until `bytesMax` of commands or `entriesMax`. */
export function windowSlice(log: CoreLog, from: LogIndex, bytesMax: number, entriesMax: number): Entry[] {
  const slice: Entry[] = [];
  let bytes = 0;
  for (let i = from - log.windowFirstIndex; i < log.window.length && slice.length < entriesMax; i++) {
    const entry = log.window[i];
    if (entry === undefined || (slice.length > 0 && bytes + entry.command.length > bytesMax)) break;
    bytes += entry.command.length;
    slice.push(entry);
  }
  return slice;
}

/**
 * Forgets the oldest entries of a window that has grown to twice `bytesMax`, as far as they are durable: the log store
 * can give those back. Twice, so that the cost of moving the rest is spread over many entries.
 */
export function trimWindow(log: CoreLog, bytesMax: number, durableIndex: LogIndex): void {
  if (log.windowBytes <= 2 * bytesMax) return;
  let dropped = 0;
  for (const entry of log.window) {
    if (log.windowBytes <= bytesMax || entry.index > durableIndex) break;
    log.windowBytes -= weight(entry);
    dropped++;
  }
  log.window.splice(0, dropped);
  log.windowFirstIndex = logIndex(log.windowFirstIndex + dropped);
}

/** Number of the run that holds `index`, by binary search; most questions are about the last one. */
function runNumberAt(log: CoreLog, index: LogIndex): number {
  let low = 0;
  let high = log.runs.length - 1;
  if ((log.runs[high]?.firstIndex ?? 0) <= index) return high;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((log.runs[middle]?.firstIndex ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
