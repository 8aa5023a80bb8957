import { assert } from '../lib/assert.ts';
import { BATCH_BYTES_MAX, PROBLEMS_KEPT_MAX, SCAN_CHUNK_BYTES } from '../lib/limits.ts';
import { classify, describeDisorder, type Evidence, lostMax, type Problem, promisedEnd } from './damage.ts';
import type { FrameFold } from './fold.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES, type Position } from './frame.ts';
import { isPlausibleSize, plausibleFields, readHeader } from './header.ts';
import { findDataEnd, findNextFrame, WorkBudget } from './resync.ts';
import { type CleanRun, type Disorder, type FrameCallback, FrameRun } from './run.ts';
import { holdsLostSector, isWholeButForSize } from './sectors.ts';
import { type Reading, Window } from './window.ts';

/** How a log file is to be looked at. */
export interface ScanOptions {
  /** The length of the file in bytes. What grows beyond it later is not looked at. */
  readonly fileBytes: number;
  /** Torn and zero tails are normal in the last segment of a log alone; `last` for a file on its own. */
  readonly segment: 'last' | 'earlier';
  /** The index of the first entry, where it is known: the segment's name says it. */
  readonly firstIndex?: bigint;
  /** The term of the entry before the first, where it is known: terms never go back. */
  readonly previousTerm?: bigint;
  /** Where to begin, in bytes: behind a frame that is known to be good. 0 unless given. */
  readonly startOffset?: number;
  /** An unsynced batch is at most this long; `BATCH_BYTES_MAX` unless given. */
  readonly batchBytesMax?: number;
  /** The usual length of one read request; `SCAN_CHUNK_BYTES` unless given. */
  readonly chunkBytes?: number;
  /**
   * Checks the frames of a stretch at once, and one by one only where that fails: several times as fast on short frames. Of
   * several frames that are damaged in one stretch it misses one combination in 2^32, so a node that starts has none.
   */
  readonly fold?: FrameFold | undefined;
  /**
   * Parts of the file that were gone through already; more may become known meanwhile. They spare work and decide nothing:
   * one is passed over only where the scan comes to its very beginning and it follows there. Not with a visitor of frames.
   */
  readonly known?: KnownRuns;
}

/** Runs of good frames that somebody has found. */
export interface KnownRuns {
  /** The first one that begins at `position` or behind it. */
  nextFrom(position: number): CleanRun | undefined;
}

/** What a scanner calls while it goes through the file, in the order of offsets. */
export interface ScanVisitor {
  /**
   * Called for each good frame with `(offset, index, term, size, bytes, at)`. `index` and `term` are exact up to 2^53-1;
   * above that `rawFrameAt(bytes, at, offset)` gives them exactly. The frame stands whole in `bytes`, at `at`: these are
   * the reader's bytes, so whoever keeps a command copies it.
   */
  readonly frame?: FrameCallback;
  /** Called for each problem, those beyond `PROBLEMS_KEPT_MAX` included. */
  readonly problem?: (problem: Problem) => void;
}

/** What a node that starts on a torn tail has to know. */
interface TornTail {
  /** Cut the file from here. */
  readonly offset: number;
  /**
   * The cut holds a frame that is whole but for its checksum, without a lost sector in it: bit rot in an acknowledged
   * entry looks the same, so the node abstains from votes until a leader has carried it past this entry.
   */
  readonly maybeAcknowledged: boolean;
  /** The first index that is cut, where it is known. */
  readonly firstIndex?: bigint;
  /** The last index that is known to be cut, where one is. */
  readonly lastIndex?: bigint;
  /** Good frames that go with the cut because they stand after the damage. */
  readonly entriesCut: number;
}

/** All that a scan found. */
export interface ScanResult {
  /** Bytes of the file: less than was said where the file became shorter meanwhile. */
  readonly bytes: number;
  /** Good frames, also those after damage. */
  readonly entries: number;
  /** The first and last good frame. */
  readonly first: Position | undefined;
  readonly last: Position | undefined;
  /** The last good frame before a torn tail; the last of all where there is none. */
  readonly lastKept: Position | undefined;
  /** Where the last frame that is kept ends: the log goes on here. */
  readonly keptBytes: number;
  /** The first `PROBLEMS_KEPT_MAX` problems, in order. */
  readonly problems: readonly Problem[];
  /** How many more there were. */
  readonly problemsLeftOut: number;
  /** A node refuses to start on this file. */
  readonly fatal: boolean;
  /** Set where there is one; the node may cut it only where nothing is fatal. */
  readonly tornTail: TornTail | undefined;
}

/**
 * Goes through a log file once, names every damage and finds every entry that is still good. Pure: it yields
 * read requests and is given their bytes with `next(bytes)`, so it runs over anything that can be read.
 *
 * Memory is one chunk and at most a frame at its limit, whatever SIZE fields say; work is linear in the file's length,
 * whatever its bytes are. It never throws on bytes.
 */
export function scanLog(options: ScanOptions, visitor: ScanVisitor = {}): Reading<ScanResult> {
  return new Scanner(options, visitor).scan();
}

/** What was true where the torn tail begins. */
interface Cut {
  readonly offset: number;
  readonly firstIndex: bigint | undefined;
  readonly entriesBefore: number;
  readonly lastKept: Position | undefined;
  maybeAcknowledged: boolean;
}

/** One pass through one file. */
class Scanner {
  readonly #options: ScanOptions;
  readonly #visitor: ScanVisitor;
  readonly #window: Window;
  readonly #budget: WorkBudget;
  readonly #run: FrameRun;
  readonly #problems: Problem[] = [];
  #problemsLeftOut = 0;
  #fatal = false;
  #dataEnd: number | undefined;
  /** What was true where the torn tail begins; all after it is cut with it. */
  #cut: Cut | undefined;
  #keptBytes: number;
  readonly #known: KnownRuns | undefined;

  constructor(options: ScanOptions, visitor: ScanVisitor) {
    const { known } = options;
    assert(
      known === undefined || visitor.frame === undefined,
      'Frames that are passed over cannot be visited',
    );
    this.#known = known;
    this.#options = options;
    this.#visitor = visitor;
    this.#window = new Window(options.fileBytes, options.chunkBytes ?? SCAN_CHUNK_BYTES);
    this.#keptBytes = options.startOffset ?? 0;
    this.#budget = new WorkBudget(this.#window);
    this.#run = new FrameRun(visitor.frame, (disorder) => this.#reportDisorder(disorder), options.fold);
    this.#run.expect({
      ...(options.firstIndex === undefined ? {} : { index: options.firstIndex }),
      ...(options.previousTerm === undefined ? {} : { termMin: options.previousTerm }),
    });
  }

  *scan(): Reading<ScanResult> {
    let position = this.#options.startOffset ?? 0;
    while (position < this.#window.fileBytes) {
      position = yield* this.#goodFrames(position);
      if (this.#cut === undefined) this.#keptBytes = position;
      if (position >= this.#window.fileBytes) break;
      if (this.#dataEnd === undefined) {
        // A node may be writing this very place. What stands before the end of the data that is seen now is written, so
        // the place is looked at again, after it: then it is judged by bytes that no write is still missing from.
        this.#dataEnd = yield* findDataEnd(this.#window, position);
      } else {
        position = yield* this.#damagedStretch(position, this.#dataEnd);
      }
    }
    return this.#result();
  }

  /** Takes good frames from `position` on; returns where the first stands that is none. */
  *#goodFrames(start: number): Reading<number> {
    let position = start;
    for (;;) {
      position = this.#passKnown(position);
      const nextKnown = this.#known?.nextFrom(position + 1)?.from ?? this.#window.fileBytes;
      if (!(yield* this.#window.load(position, FRAME_HEADER_BYTES))) return position;
      position = this.#run.consume(this.#window, position, nextKnown);
      if (position >= nextKnown && position < this.#window.fileBytes) continue;
      const { base, bytes, view, fileBytes } = this.#window;
      // The chunk ends inside the next header: the rest of it comes with the next chunk.
      if (position - base + FRAME_HEADER_BYTES > bytes.length) continue;
      const length = FRAME_HEADER_BYTES + view.getUint32(position - base + FRAME_FIELDS.size, true);
      if (!isPlausibleSize(length - FRAME_HEADER_BYTES) || position + length > fileBytes) return position;
      if (this.#window.holds(position, length)) {
        this.#budget.failed(length);
        return position;
      }
      if (!(yield* this.#window.load(position, length))) return position;
    }
  }

  /** Passes over what is known to be good from `position` on; returns where that ends. */
  #passKnown(start: number): number {
    let position = start;
    for (;;) {
      const run = this.#known?.nextFrom(position);
      if (run?.from !== position || run.to > this.#window.fileBytes || !this.#run.take(run)) return position;
      this.#budget.passed(run.to - run.from);
      position = run.to;
    }
  }

  /** Names the damage at `offset`; returns where frames go on. */
  *#damagedStretch(offset: number, dataEnd: number): Reading<number> {
    if (offset >= dataEnd) return this.#reportZeros(offset);
    const evidence = yield* this.#gatherEvidence(offset, dataEnd);
    const verdict = classify(evidence);
    const { index } = evidence.expected;
    const isCut = verdict.kind === 'torn-tail' && this.#options.segment === 'last';
    if (isCut || this.#cut !== undefined) yield* this.#noteCut(evidence);
    this.#expectAfter(evidence);
    this.#report({
      kind: verdict.kind,
      offset,
      length: evidence.end - offset,
      ...(index === undefined || verdict.kind === 'garbage-tail' ? {} : { index }),
      detail: verdict.detail,
      fatal: this.#cut === undefined,
    });
    return evidence.end;
  }

  *#gatherEvidence(offset: number, dataEnd: number): Reading<Evidence> {
    const header = yield* readHeader(this.#window, offset);
    const expected = { index: this.#run.expectedIndex, termMin: this.#run.termMin };
    const trust = this.#run.entries > 0 || (this.#options.startOffset ?? 0) > 0 ? 'log' : 'unknown';
    const next = yield* findNextFrame(
      this.#window,
      { offset, header, expected, dataEnd, trust },
      this.#budget,
    );
    const { fileBytes } = this.#window;
    const end = next?.offset ?? fileBytes;
    const search = { from: offset, to: end, before: dataEnd, dataEnd };
    return {
      ...{ offset, end, dataEnd, fileBytes, header, expected },
      nextIndex: next?.index,
      segment: this.#options.segment,
      trust,
      lostSector: yield* holdsLostSector(this.#window, search, header),
      withinBatch: dataEnd - offset <= (this.#options.batchBytesMax ?? BATCH_BYTES_MAX),
      gaveUp: next === undefined && this.#budget.isSpent,
    };
  }
  /** Where as many entries fit into the damaged stretch as are missing, the stretch explains the jump of the index. */
  #expectAfter(evidence: Evidence): void {
    const { nextIndex, expected } = evidence;
    if (nextIndex === undefined) return;
    if (expected.index === undefined || nextIndex <= expected.index + lostMax(evidence.offset, evidence.end))
      this.#run.expect({ index: nextIndex });
  }

  /** The first torn tail is where the log is cut; whatever comes after it goes with the cut. */
  *#noteCut(evidence: Evidence): Reading<void> {
    const { offset, header, expected } = evidence;
    this.#cut ??= {
      offset,
      firstIndex: expected.index,
      entriesBefore: this.#run.entries,
      lastKept: this.#run.last,
      maybeAcknowledged: false,
    };
    const end = promisedEnd(evidence);
    const search = {
      from: offset,
      to: end ?? offset,
      before: this.#window.fileBytes,
      dataEnd: evidence.dataEnd,
    };
    if (end !== undefined && end <= evidence.end && plausibleFields(header, expected) >= 2) {
      this.#cut.maybeAcknowledged ||= !(yield* holdsLostSector(this.#window, search, header));
    } else if (
      evidence.nextIndex === undefined &&
      (yield* isWholeButForSize(this.#window, offset, header, evidence.dataEnd))
    ) {
      this.#cut.maybeAcknowledged = true;
    }
  }

  #reportZeros(offset: number): number {
    const { fileBytes } = this.#window;
    const length = fileBytes - offset;
    const detail = `${length} zeros after the last frame: the file was filled ahead`;
    this.#report({ kind: 'zero-tail', offset, length, detail, fatal: this.#options.segment === 'earlier' });
    return fileBytes;
  }

  #reportDisorder(disorder: Disorder): void {
    const { kind, offset, found } = disorder;
    const fatal = this.#cut === undefined;
    this.#report({ kind, offset, length: 0, index: found.index, detail: describeDisorder(disorder), fatal });
  }

  #report(problem: Problem): void {
    this.#fatal ||= problem.fatal;
    if (this.#problems.length < PROBLEMS_KEPT_MAX) this.#problems.push(problem);
    else this.#problemsLeftOut++;
    this.#visitor.problem?.(problem);
  }

  #result(): ScanResult {
    const { entries, first, last } = this.#run;
    return {
      ...{ entries, first, last },
      bytes: this.#window.fileBytes,
      lastKept: this.#cut === undefined ? last : this.#cut.lastKept,
      keptBytes: this.#keptBytes,
      problems: this.#problems,
      problemsLeftOut: this.#problemsLeftOut,
      fatal: this.#fatal,
      tornTail: this.#tornTail(),
    };
  }

  #tornTail(): TornTail | undefined {
    if (this.#cut === undefined) return undefined;
    const { offset, firstIndex, entriesBefore, maybeAcknowledged } = this.#cut;
    const entriesCut = this.#run.entries - entriesBefore;
    const lastIndex = entriesCut > 0 ? this.#run.last?.index : firstIndex;
    return {
      ...{ offset, maybeAcknowledged, entriesCut },
      ...(firstIndex === undefined ? {} : { firstIndex }),
      ...(lastIndex === undefined ? {} : { lastIndex }),
    };
  }
}
