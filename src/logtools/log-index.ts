import { present } from '../lib/assert.ts';
import { DAMAGES_DESCRIBED_MAX } from '../lib/limits.ts';
import { isFilledAhead, type Problem, type ProblemKind } from '../logfmt/damage.ts';
import { rawFrameAt } from '../logfmt/frame.ts';
import { Column, numberColumn, partition, Runs } from './columns.ts';
import type { SegmentFile } from './locate.ts';

/** One row of a log, without its command: that stays in the file. */
export type IndexedRow = IndexedEntry | IndexedDamage;

export interface IndexedEntry {
  readonly type: 'entry';
  readonly segment: SegmentFile;
  /** Bytes from the start of the segment. */
  readonly offset: number;
  readonly index: bigint;
  readonly term: bigint;
}

export interface IndexedDamage {
  readonly type: 'damage';
  readonly segment: SegmentFile;
  readonly offset: number;
  readonly length: number;
  readonly kind: ProblemKind;
  /** What was found, in words. Of damage beyond `DAMAGES_DESCRIBED_MAX` nothing more than its kind is kept. */
  readonly detail: string;
  readonly fatal: boolean;
}

/** Where an index stands, or the next one after it. */
export interface FoundIndex {
  readonly row: number;
  readonly isExact: boolean;
}

/** How far the numbers in a log go. Of a log whose indexes or terms fall somewhere, that is how far the last ones do. */
export interface Extent {
  readonly offset: number;
  readonly index: bigint;
  readonly term: bigint;
}

/** What one can ask of an index. Rows are counted from 0. */
export type LogLookup = Pick<
  LogIndex,
  | 'rowCount'
  | 'entryCount'
  | 'readCount'
  | 'damageCount'
  | 'extent'
  | 'rowAt'
  | 'rowOfIndex'
  | 'rowOfOffset'
  | 'nextDamage'
  | 'previousDamage'
  | 'nextTermChange'
  | 'previousTermChange'
  | 'termAt'
  | 'hasDamage'
>;

/** The kinds of damage as numbers, to keep in a byte. */
const KIND_NUMBERS: Readonly<Record<ProblemKind, number>> = {
  'torn-tail': 0,
  'zero-tail': 1,
  'garbage-tail': 2,
  'checksum-mismatch': 3,
  oversized: 4,
  'index-gap': 5,
  'index-repeat': 6,
  'term-regression': 7,
  'not-a-log': 8,
};
const KIND_NAMES: ReadonlyMap<number, ProblemKind> = new Map(
  (Object.keys(KIND_NUMBERS) as ProblemKind[]).map((kind) => [KIND_NUMBERS[kind], kind]),
);
const FATAL_BIT = 0x80;

interface SegmentRows {
  readonly segment: SegmentFile;
  readonly firstRow: number;
}

/**
 * Where everything in a log stands: entries and damage, one row each, in the order of the log. Of an entry eight bytes are
 * kept, its offset; index and term follow from the runs in which they stand. Lookups are binary searches.
 */
export class LogIndex {
  readonly #offsets = numberColumn();
  readonly #indexRuns = new Runs();
  readonly #termRuns = new Runs();
  readonly #damageRows = numberColumn();
  readonly #damageLengths = numberColumn();
  readonly #damageKinds = new Column<number>((length) => new Uint8Array(length));
  readonly #damageDetails: string[] = [];
  /** Those rows of damage that are counted and looked for: all but the zeros of `isFilledAhead`. */
  readonly #countedRows = numberColumn();
  /** How many entries were read before a row and have none, because nobody asked for them. */
  readonly #passedRuns = new Runs();
  #passedInRun = 0;
  #passed = 0;
  #segments: SegmentRows[] = [];
  /** What the next entry has to be for no new run to begin; NaN where one begins in any case. */
  #nextIndex = Number.NaN;
  #term = Number.NaN;
  /** The first run of indexes that begins below the end of the one before; undefined where they only rise. */
  #firstFall: number | undefined;

  get rowCount(): number {
    return this.#offsets.length;
  }

  get entryCount(): number {
    return this.rowCount - this.#damageRows.length;
  }

  /** How many entries were read, with those that were not asked for. */
  get readCount(): number {
    return this.entryCount + this.#passed;
  }

  get passedCount(): number {
    return this.#passed;
  }

  /** Without the zeros that a log was filled ahead with, which have a row all the same. */
  get damageCount(): number {
    return this.#countedRows.length;
  }

  /** No row begins at a larger offset, and the last entry has no larger index and term. */
  get extent(): Extent {
    const ends = this.#segments.map((_, i) => this.#segments[i + 1]?.firstRow ?? this.rowCount);
    const offset = ends.reduce(
      (most, end) => (end === 0 ? most : Math.max(most, this.#offsets.at(end - 1))),
      0,
    );
    const run = this.#indexRuns.length - 1;
    if (run < 0) return { offset, index: 0n, term: 0n };
    const steps = this.rowCount - 1 - this.#indexRuns.rowOf(run);
    const index = this.#indexRuns.valueOf(run) + BigInt(steps);
    return { offset, index, term: this.termAt(this.rowCount - 1) ?? 0n };
  }

  /** Says to which segment the next rows belong, as often as one likes. */
  startSegment(segment: SegmentFile): void {
    if (this.#segments.at(-1)?.segment.path === segment.path) return;
    this.#segments.push({ segment, firstRow: this.rowCount });
  }

  /** Adds a good frame, with what `ScanVisitor.frame` is told: the hot path. */
  addEntry(offset: number, index: number, term: number, bytes: Uint8Array, at: number): void {
    const row = this.#offsets.length;
    this.#offsets.push(offset);
    if (this.#passed !== this.#passedInRun) this.#startPassedRun(row);
    const isExact = index < Number.MAX_SAFE_INTEGER && term < Number.MAX_SAFE_INTEGER;
    if (index === this.#nextIndex && term === this.#term && isExact) {
      this.#nextIndex = index + 1;
      return;
    }
    const frame = rawFrameAt(bytes, at, offset);
    if (this.#indexAfter() !== frame.index) this.#startIndexRun(row, frame.index);
    const { length } = this.#termRuns;
    if (length === 0 || this.#termRuns.valueOf(length - 1) !== frame.term)
      this.#termRuns.start(row, frame.term);
    this.#nextIndex = index + 1;
    this.#term = term;
  }

  /** Counts an entry that gets no row, because nobody asked for it. */
  passEntry(): void {
    this.#passed++;
  }

  addDamage({ offset, length, kind, detail, fatal }: Problem): void {
    this.#damageRows.push(this.rowCount);
    if (!isFilledAhead({ kind, fatal })) this.#countedRows.push(this.rowCount);
    this.#damageLengths.push(length);
    this.#damageKinds.push(KIND_NUMBERS[kind] | (fatal ? FATAL_BIT : 0));
    if (this.#damageDetails.length < DAMAGES_DESCRIBED_MAX) this.#damageDetails.push(detail);
    this.#offsets.push(offset);
    this.#nextIndex = Number.NaN;
  }

  /** Forgets the rows from `rowCount` on, the segments that began with them, and all that was passed but `passed`. */
  truncate(rowCount: number, passed = this.#passedBefore(rowCount)): void {
    const damages = this.#damagesBefore(rowCount);
    this.#offsets.truncate(rowCount);
    this.#indexRuns.truncate(rowCount);
    this.#termRuns.truncate(rowCount);
    this.#damageRows.truncate(damages);
    this.#countedRows.truncate(rowsBefore(this.#countedRows, rowCount));
    this.#damageLengths.truncate(damages);
    this.#damageKinds.truncate(damages);
    this.#damageDetails.length = Math.min(damages, this.#damageDetails.length);
    this.#segments = this.#segments.filter(({ firstRow }) => firstRow < rowCount);
    if (this.#firstFall !== undefined && this.#firstFall >= this.#indexRuns.length)
      this.#firstFall = undefined;
    this.#passedRuns.truncate(rowCount);
    this.#passedInRun = this.#passedBefore(rowCount);
    this.#passed = passed;
    this.#nextIndex = Number.NaN;
    this.#term = Number.NaN;
  }

  rowAt(row: number): IndexedRow {
    const { segment } = this.#segmentAt(row);
    const offset = this.#offsets.at(row);
    if (!this.isDamage(row)) {
      return { type: 'entry', segment, offset, index: this.#indexOf(row), term: this.termAt(row) ?? 0n };
    }
    const damage = this.#damagesBefore(row);
    const code = this.#damageKinds.at(damage);
    return {
      ...{ type: 'damage', segment, offset, length: this.#damageLengths.at(damage) },
      kind: present(KIND_NAMES.get(code & ~FATAL_BIT), 'a kind of damage'),
      detail: this.#damageDetails[damage] ?? 'there is too much damage to keep words for each',
      fatal: (code & FATAL_BIT) !== 0,
    };
  }

  /** Whether no entry stands in a row. */
  isDamage(row: number): boolean {
    return this.#damagesBefore(row) < this.#damagesBefore(row + 1);
  }

  /** Whether there is damage that counts in the rows from `from` to before `to`. */
  hasDamage(from: number, to: number): boolean {
    return rowsBefore(this.#countedRows, from) < rowsBefore(this.#countedRows, to);
  }

  /** The term of an entry, or of the last entry before damage; undefined where there is none yet. */
  termAt(row: number): bigint | undefined {
    const run = this.#termRuns.runAt(row);
    return run < 0 ? undefined : this.#termRuns.valueOf(run);
  }

  /**
   * The row of an index; where it is missing, the damage that stands in its place, or the first entry above it, or the last
   * row of all. Undefined where there are no rows.
   */
  rowOfIndex(index: bigint): FoundIndex | undefined {
    if (this.rowCount === 0) return undefined;
    const run = this.#runOfIndex(index);
    const row = run < 0 ? 0 : this.#rowInRun(run, index);
    return { row, isExact: !this.isDamage(row) && this.#indexOf(row) === index };
  }

  /** The row that holds an offset of the segment in which `nearRow` stands: the last that begins there or before. */
  rowOfOffset(offset: number, nearRow: number): number | undefined {
    if (this.rowCount === 0) return undefined;
    const number = this.#segmentNumberAt(nearRow);
    const first = this.#segments[number]?.firstRow ?? 0;
    const end = this.#segments[number + 1]?.firstRow ?? this.rowCount;
    const after = first + partition(end - first, (i) => this.#offsets.at(first + i) <= offset);
    return Math.max(first, after - 1);
  }

  nextDamage(row: number): number | undefined {
    const damage = rowsBefore(this.#countedRows, row + 1);
    return damage < this.damageCount ? this.#countedRows.at(damage) : undefined;
  }

  previousDamage(row: number): number | undefined {
    const damage = rowsBefore(this.#countedRows, row) - 1;
    return damage >= 0 ? this.#countedRows.at(damage) : undefined;
  }

  /** The next row whose term is another than that of the entry before it. */
  nextTermChange(row: number): number | undefined {
    const run = this.#termRuns.runAt(row) + 1;
    return run < this.#termRuns.length ? this.#termRuns.rowOf(run) : undefined;
  }

  previousTermChange(row: number): number | undefined {
    const run = this.#termRuns.runAt(row - 1);
    return run >= 0 ? this.#termRuns.rowOf(run) : undefined;
  }

  #startPassedRun(row: number): void {
    this.#passedRuns.start(row, BigInt(this.#passed));
    this.#passedInRun = this.#passed;
  }

  /** How many entries without a row stand before the last row before this one. */
  #passedBefore(row: number): number {
    const run = this.#passedRuns.runAt(row - 1);
    return run < 0 ? 0 : Number(this.#passedRuns.valueOf(run));
  }

  #startIndexRun(row: number, index: bigint): void {
    const before = this.#indexRuns.length - 1;
    if (before >= 0 && index <= this.#lastIndexOfRun(before)) this.#firstFall ??= before + 1;
    this.#indexRuns.start(row, index);
  }

  /** The index that would go on with the last run, where the row before is one of its entries. */
  #indexAfter(): bigint | undefined {
    // The row of the entry in question is counted already.
    const previous = this.rowCount - 2;
    if (this.#indexRuns.length === 0 || this.isDamage(previous)) return undefined;
    return this.#indexOf(previous) + 1n;
  }

  #indexOf(row: number): bigint {
    const run = this.#indexRuns.runAt(row);
    return this.#indexRuns.valueOf(run) + BigInt(row - this.#indexRuns.rowOf(run));
  }

  /** At least the last index of a run: rows of damage behind its entries are taken for entries. */
  #lastIndexOfRun(run: number): bigint {
    const damages = this.#damagesBefore(this.rowCount);
    let last = (run + 1 < this.#indexRuns.length ? this.#indexRuns.rowOf(run + 1) : this.rowCount - 1) - 1;
    for (let i = damages - 1; i >= 0 && this.#damageRows.at(i) === last; i--) last--;
    return this.#indexRuns.valueOf(run) + BigInt(Math.max(0, last - this.#indexRuns.rowOf(run)));
  }

  /** The last run that begins at an index or below it. Where indexes fall, the first run that holds it goes first. */
  #runOfIndex(index: bigint): number {
    const runs = this.#indexRuns;
    if (this.#firstFall !== undefined) {
      for (let run = 0; run < runs.length; run++) {
        if (runs.valueOf(run) > index) continue;
        const row = this.#rowInRun(run, index);
        if (!this.isDamage(row) && this.#indexOf(row) === index) return run;
      }
    }
    const rising = this.#firstFall ?? runs.length;
    return partition(rising, (run) => runs.valueOf(run) <= index) - 1;
  }

  #rowInRun(run: number, index: bigint): number {
    const first = this.#indexRuns.rowOf(run);
    const next = run + 1 < this.#indexRuns.length ? this.#indexRuns.rowOf(run + 1) : this.rowCount - 1;
    const steps = index - this.#indexRuns.valueOf(run);
    return steps >= BigInt(next - first) ? next : first + Number(steps);
  }

  /** The number of the segment in which a row stands, counted from 0. */
  #segmentNumberAt(row: number): number {
    return partition(this.#segments.length, (i) => (this.#segments[i]?.firstRow ?? 0) <= row) - 1;
  }

  #segmentAt(row: number): SegmentRows {
    return present(this.#segments[this.#segmentNumberAt(row)], 'the segment of a row');
  }

  /** How many rows of damage stand before a row. */
  #damagesBefore(row: number): number {
    return rowsBefore(this.#damageRows, row);
  }
}

/** How many of these rows, which rise, stand before a row. */
function rowsBefore(rows: Column<number>, row: number): number {
  return partition(rows.length, (i) => rows.at(i) < row);
}
