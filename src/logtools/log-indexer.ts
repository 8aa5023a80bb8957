import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { present } from '../lib/assert.ts';
import { asRaftError, type RaftError } from '../lib/errors.ts';
import { SCAN_CHUNK_BYTES } from '../lib/limits.ts';
import { sum } from '../lib/sum.ts';
import type { Problem } from '../logfmt/damage.ts';
import { FrameFold } from '../logfmt/fold.ts';
import { FRAME_HEADER_BYTES, type RawFrame, rawFrameAt } from '../logfmt/frame.ts';
import { type ScanResult, type ScanVisitor, scanLog } from '../logfmt/scan.ts';
import { judgedByHint, missingCommitted } from './commit-hint.ts';
import { readHeaderAt } from './frame-at.ts';
import { type LogLocation, type SegmentFile, segmentsIn } from './locate.ts';
import { type FileScanOptions, LogFile } from './log-file.ts';
import { LogIndex } from './log-index.ts';
import {
  type Continuity,
  continuityAfter,
  hintFor,
  isUnfinishedTail,
  type ReadOptions,
  segmentOptions,
} from './read-log.ts';
import type { Selection } from './selection.ts';

export interface IndexOptions extends ReadOptions {
  /** Which entries become rows; all unless given. Damage is chosen as in `Selector`. */
  readonly selection?: Selection;
}

/** How far an index is. */
export interface IndexProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface UpdateOptions {
  readonly signal?: AbortSignal;
  /** Called after each chunk that was read. */
  readonly onProgress?: (progress: IndexProgress) => void;
  /** Asked after each chunk: the next one is read once this resolves. */
  readonly mayGoOn?: () => Promise<void>;
}

/** What somebody who keeps an index up to date is told. */
export type IndexNews =
  | { readonly type: 'progress'; readonly progress: IndexProgress }
  /** Everything that stands in the log now is in the index. */
  | { readonly type: 'current' }
  /** The log cannot be read at the moment; it will be tried again. */
  | { readonly type: 'failed'; readonly error: RaftError };

/** The log is looked at this often, in milliseconds, as by `followLog`. */
const FOLLOW_POLL_MS = 100;

/** The first news come after this time, in milliseconds: a person waits for the first screen. */
const FIRST_NEWS_MS = 10;

/** Where the scan of the segment that it has come to stands: all before is settled, all after may still change. */
interface Settled {
  /** The end of the last good frame, or 0. */
  readonly offset: number;
  readonly rowCount: number;
  /** How many entries before have no row, because nobody asked for them. */
  readonly passedCount: number;
  readonly continuity: Continuity;
  /** Where the last good frame begins; undefined where the segment has none yet. */
  readonly lastOffset: number | undefined;
}

/** A file as it was when it was scanned. */
interface Seen {
  readonly path: string;
  readonly role: 'last' | 'earlier';
  readonly bytes: number;
  readonly modifiedMs: number;
}

/**
 * Builds the index of a log, and brings it up to date with a log that grows, goes on in another segment, or is cut by its
 * node. Each chunk is read without blocking, so that others have their turn.
 */
export class LogIndexer {
  readonly index = new LogIndex();
  readonly #options: IndexOptions;
  readonly #fold = FrameFold.make();
  #location: LogLocation;
  /** The segment that it has come to. */
  #at = 0;
  #settled: Settled;
  #seen: Seen | undefined;
  /** The range of indexes that was asked for has ended. */
  #isOver = false;

  constructor(location: LogLocation, options: IndexOptions = {}) {
    this.#options = options;
    this.#location = options.selection?.segmentsOf(location) ?? location;
    this.#settled = this.#start({});
  }

  /** Takes in what is new. Errors: `no-such-file`, `not-permitted`, `disk-failed`. */
  async update(options: UpdateOptions = {}): Promise<void> {
    if (this.#isOver) return;
    await this.#findSegments();
    if (await this.#wasCut()) await this.#rewind();
    const sizes = await sizesOf(this.#location.segments.slice(this.#at));
    const before = await sizesOf(this.#location.segments.slice(0, this.#at));
    const totalBytes = sum(sizes) + sum(before);
    let bytesBefore = sum(before);
    for (;;) {
      const onBytes = (bytes: number) =>
        options.onProgress?.({ doneBytes: bytesBefore + bytes, totalBytes: Math.max(totalBytes, bytes) });
      await this.#updateSegment({ ...options, onBytes });
      if (this.#isOver || options.signal?.aborted === true) return;
      if (this.#at + 1 >= this.#location.segments.length) return;
      bytesBefore += sizes.shift() ?? 0;
      this.#at++;
      this.#settled = this.#start(this.#settled.continuity);
    }
  }

  #start(continuity: Continuity): Settled {
    const { rowCount, passedCount } = this.index;
    return { offset: 0, rowCount, passedCount, continuity, lastOffset: undefined };
  }

  get #segment(): SegmentFile {
    return present(this.#location.segments[this.#at], 'the segment that is indexed');
  }

  async #updateSegment(
    options: UpdateOptions & { readonly onBytes: (bytes: number) => void },
  ): Promise<void> {
    const segment = this.#segment;
    // A hint that cannot be read hinders nobody who only looks.
    const hint = await hintFor(this.#location, segment).catch(() => 0n);
    const scanOptions = segmentOptions(this.#location, segment, this.#settled.continuity);
    await using file = await LogFile.open(segment.path);
    const { bytes, modifiedMs } = await file.version();
    const seen = { path: segment.path, role: scanOptions.segment, bytes, modifiedMs };
    if (this.#seen !== undefined && isSame(seen, this.#seen)) return;
    this.index.truncate(this.#settled.rowCount, this.#settled.passedCount);
    // A segment that has no row yet is forgotten with those that it might have had.
    this.index.startSegment(segment);
    await this.#scan(file, { scanOptions, fileBytes: bytes, hint, ...options });
    // A failure leaves it to the next look to begin here again.
    this.#seen = seen;
  }

  async #scan(
    file: LogFile,
    options: UpdateOptions & {
      readonly scanOptions: FileScanOptions;
      readonly fileBytes: number;
      readonly hint: bigint;
      readonly onBytes: (bytes: number) => void;
    },
  ): Promise<void> {
    const { scanOptions, fileBytes, hint, onBytes } = options;
    const startOffset = this.#settled.offset;
    const rows = new RowMaker(this.index, this.#options, { hint, continuity: this.#settled.continuity });
    const scan = scanLog({ ...scanOptions, fold: this.#fold, startOffset, fileBytes }, rows);
    let step = scan.next();
    while (!step.done) {
      const { position, length } = step.value;
      step = scan.next(await file.read(position, length));
      onBytes(position + Math.min(length, SCAN_CHUNK_BYTES));
      this.#isOver = rows.isOver;
      if (rows.isOver || options.signal?.aborted === true) return;
      await options.mayGoOn?.();
    }
    this.#finish(step.value, rows, scanOptions);
    onBytes(fileBytes);
  }

  #finish(result: ScanResult, rows: RowMaker, { firstIndex }: FileScanOptions): void {
    const missing = missingCommitted(result, firstIndex, rows.hint);
    const { rowCount } = this.index;
    if (missing !== undefined) rows.problem(missing);
    if (result.last === undefined) return;
    this.#settled = {
      offset: rows.lastEnd,
      // Damage behind the last good frame may be a write that was seen half done.
      rowCount: Math.min(rowCount, rows.settledRows),
      passedCount: this.index.passedCount,
      continuity: continuityAfter(this.#settled.continuity, result),
      lastOffset: rows.lastOffset,
    };
  }

  /** Looks which segments there are by now. Where those that it knows are gone, it begins anew. */
  async #findSegments(): Promise<void> {
    const [first] = this.#location.segments;
    if (this.#location.kind === 'file' || first.firstIndex === undefined) return;
    const found = await segmentsIn(dirname(first.path));
    const [oldest, ...later] = found.filter(({ name }) => name >= first.name);
    if (oldest === undefined) return;
    const known = this.#location.segments.slice(0, this.#at + 1);
    this.#location = { ...this.#location, segments: [oldest, ...later] };
    if (known.every(({ name }, i) => this.#location.segments[i]?.name === name)) return;
    this.#beginAnew();
  }

  #beginAnew(): void {
    this.index.truncate(0);
    this.#at = 0;
    this.#seen = undefined;
    this.#settled = this.#start({});
  }

  /** Whether the last good frame is gone: a new leader overwrote it. */
  async #wasCut(): Promise<boolean> {
    const { lastOffset, continuity } = this.#settled;
    if (lastOffset === undefined || continuity.firstIndex === undefined) return false;
    const header = await readHeaderAt(this.#segment, lastOffset);
    return header?.index !== continuity.firstIndex - 1n || header.term !== continuity.previousTerm;
  }

  /**
   * Goes back to the last entry that is still there. Log Matching (§5.3): where one entry is the same, so are all before it,
   * so the place is found by halves.
   */
  async #rewind(): Promise<void> {
    this.#seen = undefined;
    let low = 0;
    let high = this.index.rowCount;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (await this.#isStillThere(middle)) low = middle + 1;
      else high = middle;
    }
    let row = low - 1;
    while (row >= 0 && this.index.isDamage(row)) row--;
    if (row < 0) {
      this.#beginAnew();
      return;
    }
    const entry = this.index.rowAt(row);
    const number = this.#location.segments.findIndex(({ name }) => name === entry.segment.name);
    const header = await readHeaderAt(entry.segment, entry.offset);
    if (entry.type === 'damage' || header === undefined || number < 0) {
      this.#beginAnew();
      return;
    }
    this.index.truncate(row + 1);
    this.#at = number;
    this.#settled = {
      offset: entry.offset + FRAME_HEADER_BYTES + header.size,
      rowCount: row + 1,
      passedCount: this.index.passedCount,
      continuity: { firstIndex: entry.index + 1n, previousTerm: entry.term },
      lastOffset: entry.offset,
    };
  }

  /** Whether the entry of a row, or the one before damage, is where it was. */
  async #isStillThere(row: number): Promise<boolean> {
    let at = row;
    while (at >= 0 && this.index.isDamage(at)) at--;
    const entry = at < 0 ? undefined : this.index.rowAt(at);
    if (entry?.type !== 'entry') return true;
    const header = await readHeaderAt(entry.segment, entry.offset);
    return header?.index === entry.index && header.term === entry.term;
  }
}

/** Brings an index up to date, and keeps it so until the signal comes. */
export async function* keepIndexed(
  indexer: LogIndexer,
  {
    signal,
    pollMs = FOLLOW_POLL_MS,
    mayGoOn,
  }: { readonly signal: AbortSignal; readonly pollMs?: number; readonly mayGoOn?: () => Promise<void> },
): AsyncGenerator<IndexNews, void> {
  let rowCount = -1;
  let newsMs = Math.min(FIRST_NEWS_MS, pollMs);
  while (!signal.aborted) {
    let progress: IndexProgress | undefined;
    const options = mayGoOn === undefined ? { signal } : { signal, mayGoOn };
    const updating = indexer.update({ ...options, onProgress: (latest) => (progress = latest) }).then(
      () => undefined,
      (error: unknown) => asRaftError(error),
    );
    for (;;) {
      const ended = await Promise.race([updating.then((error) => ({ error })), pause(newsMs, signal)]);
      newsMs = pollMs;
      if (signal.aborted) break;
      if (ended === undefined) {
        if (progress !== undefined) yield { type: 'progress', progress };
        continue;
      }
      if (ended.error !== undefined) yield { type: 'failed', error: ended.error };
      else if (indexer.index.rowCount !== rowCount || progress !== undefined) yield { type: 'current' };
      rowCount = indexer.index.rowCount;
      break;
    }
    await updating;
    await pause(pollMs, signal);
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<undefined> {
  await delay(delayMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return undefined;
}

/** Takes what a scan tells, and makes rows of what is wanted. */
class RowMaker implements ScanVisitor {
  readonly hint: bigint;
  readonly #index: LogIndex;
  readonly #options: IndexOptions;
  /** The index of the last good frame: damage belongs to it. */
  #position: bigint;
  /** Of the last good frame: where it begins and ends, and how many rows there were after it. */
  lastOffset = 0;
  lastEnd = 0;
  settledRows: number;
  /** The range of indexes that was asked for has ended. */
  isOver = false;

  constructor(
    index: LogIndex,
    options: IndexOptions,
    { hint, continuity }: { readonly hint: bigint; readonly continuity: Continuity },
  ) {
    this.#index = index;
    this.#options = options;
    this.hint = hint;
    this.#position = (continuity.firstIndex ?? 1n) - 1n;
    this.settledRows = index.rowCount;
  }

  readonly frame = (
    offset: number,
    index: number,
    term: number,
    size: number,
    bytes: Uint8Array,
    at: number,
  ) => {
    const { selection } = this.#options;
    if (selection === undefined || this.#isWanted(selection, rawFrameAt(bytes, at, offset)))
      this.#index.addEntry(offset, index, term, bytes, at);
    else if (!this.isOver) this.#index.passEntry();
    this.lastOffset = offset;
    this.lastEnd = offset + FRAME_HEADER_BYTES + size;
    this.settledRows = this.#index.rowCount;
  };

  readonly problem = (found: Problem) => {
    const problem = judgedByHint(found, this.hint);
    if (this.isOver || (this.#options.writer === 'running' && isUnfinishedTail(problem))) return;
    const { selection } = this.#options;
    const isOutside =
      selection !== undefined && (this.#position < selection.from || this.#position > selection.to);
    if (isOutside) return;
    this.#index.addDamage(problem);
  };

  #isWanted(selection: Selection, frame: RawFrame): boolean {
    this.#position = frame.index;
    this.isOver ||= frame.index > selection.to;
    return !this.isOver && frame.index >= selection.from && selection.matches(frame);
  }
}

async function sizesOf(segments: readonly SegmentFile[]): Promise<number[]> {
  const sizes: number[] = [];
  for (const { path } of segments) {
    await using file = await LogFile.open(path);
    sizes.push((await file.version()).bytes);
  }
  return sizes;
}

function isSame(a: Seen, b: Seen): boolean {
  return a.path === b.path && a.role === b.role && a.bytes === b.bytes && a.modifiedMs === b.modifiedMs;
}
