import { BATCH_BYTES_MAX, SCAN_CHUNK_BYTES } from '../lib/limits.ts';
import type { FrameFold } from './fold.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { isPlausibleSize, readHeader } from './header.ts';
import { findNextFrame, WorkBudget } from './resync.ts';
import { type CleanRun, FrameRun } from './run.ts';
import type { KnownRuns } from './scan.ts';
import { type Reading, Window } from './window.ts';

/** A part of a file that is to be gone through ahead of a scan. */
export interface Block {
  readonly fileBytes: number;
  /** Frames that begin here and later, */
  readonly from: number;
  /** and before this. The last of them may end beyond it. */
  readonly to: number;
  /** As in `ScanOptions`. */
  readonly fold?: FrameFold | undefined;
  /** `SCAN_CHUNK_BYTES` unless given. */
  readonly chunkBytes?: number;
}

/** Runs that were found, in the order of the file, whatever the order in which they came: up to `FILE_RUNS_MAX`. */
export class FoundRuns implements KnownRuns {
  readonly #runs: CleanRun[] = [];

  /** Adds the runs of one block, in order, if there is room for them. */
  add(runs: readonly CleanRun[]): void {
    const [first] = runs;
    if (first === undefined || this.#runs.length + runs.length > FILE_RUNS_MAX) return;
    this.#runs.splice(this.#positionOf(first.from), 0, ...runs);
  }

  nextFrom(position: number): CleanRun | undefined {
    return this.#runs[this.#positionOf(position)];
  }

  /** The place of the first run that begins at `position` or behind it. */
  #positionOf(position: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.from ?? position) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** More runs than this in one block are left to the scan: where damage is so frequent, little is spared. */
const RUNS_MAX = 50;

/** So are more than this in one file, which take some 20 MB: as many as 800 GB without damage give. */
const FILE_RUNS_MAX = 50_000;

/**
 * Goes through a part of a log file without knowing what stands before it, and gives the runs of good frames in it. Where
 * a frame begins is guessed, from headers that are plausible, checksums that match and frames that follow: bytes in a
 * command may look like that too. A run that was guessed wrongly is one to which no scan ever comes.
 */
export function* cleanRuns(block: Block): Reading<readonly CleanRun[]> {
  const window = new Window(block.fileBytes, block.chunkBytes ?? SCAN_CHUNK_BYTES);
  const budget = new WorkBudget(window, 4 * (block.to - block.from) + 4 * BATCH_BYTES_MAX);
  const runs: CleanRun[] = [];
  // A frame begins at the start of a file; anywhere else one is looked for, at the block's first byte too.
  let next = block.from === 0 ? 0 : yield* frameAfter(window, block.from - 1, budget);
  let apartUntil = 0;
  while (next !== undefined && next < block.to && runs.length < RUNS_MAX) {
    const { run, end, ...passed }: Passed = yield* passFrames(window, { from: next, apartUntil }, block);
    apartUntil = passed.apartUntil;
    if (run !== undefined) runs.push(run);
    next = end >= block.to ? undefined : yield* frameAfter(window, end, budget);
  }
  return runs;
}

/** How far good frames went, and what they are where all of them were in order. */
interface Passed {
  readonly run: CleanRun | undefined;
  readonly end: number;
  /** As in `FrameRun`: each byte belongs to at most one stretch that was not good, however much damage there is. */
  readonly apartUntil: number;
}

function* passFrames(
  window: Window,
  { from, apartUntil }: { readonly from: number; readonly apartUntil: number },
  block: Block,
): Reading<Passed> {
  let isOrdered = true;
  const noteDisorder = () => {
    isOrdered = false;
  };
  const frames = new FrameRun(undefined, noteDisorder, block.fold, apartUntil);
  let end = from;
  while (
    isOrdered &&
    end < block.to &&
    (yield* window.load(end, FRAME_HEADER_BYTES, aheadBytes(window, end, block)))
  ) {
    const stopped = frames.consume(window, end, block.to);
    if (stopped === end && !(yield* loadWholeFrame(window, end, block))) break;
    end = stopped;
  }
  const { entries, first, last } = frames;
  const isRun = isOrdered && first !== undefined && last !== undefined;
  const run = isRun ? { from, to: end, entries, first, last } : undefined;
  return { run, end, apartUntil: frames.apartUntil };
}

/** Loads the frame that seems to begin at a place; false where it was there already, so that it is no good, or is none. */
function* loadWholeFrame(window: Window, position: number, block: Block): Reading<boolean> {
  const { size } = yield* readHeader(window, position);
  const length = FRAME_HEADER_BYTES + size;
  if (!isPlausibleSize(size) || window.holds(position, length)) return false;
  return yield* window.load(position, length, aheadBytes(window, position, block));
}

/** What is read beyond a place in one go: behind the block nothing is wanted but the rest of its last frame. */
function aheadBytes(window: Window, position: number, block: Block): number {
  return Math.min(window.chunkBytes, block.to - position);
}

/** Where the next frame seems to begin behind a place. */
function* frameAfter(window: Window, offset: number, budget: WorkBudget): Reading<number | undefined> {
  const header = yield* readHeader(window, offset);
  const expected = { index: undefined, termMin: 0n };
  const start = { offset, header, expected, dataEnd: window.fileBytes, trust: 'unknown' as const };
  return (yield* findNextFrame(window, start, budget))?.offset;
}
