import { FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';
import type { FrameFold } from './fold.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES, type Position } from './frame.ts';
import type { Window } from './window.ts';

/** Two frames with good checksums that cannot stand one after the other. */
export interface Disorder {
  readonly kind: 'index-gap' | 'index-repeat' | 'term-regression';
  readonly offset: number;
  readonly previous: Position;
  readonly found: Position;
}

/** Good frames that follow each other, and that somebody has gone through already. */
export interface CleanRun {
  /** Where the first begins and the last ends, in bytes from the start of the file. */
  readonly from: number;
  readonly to: number;
  readonly entries: number;
  readonly first: Position;
  readonly last: Position;
}

/** What is told of each good frame: see `ScanVisitor.frame`. */
export type FrameCallback = (
  offset: number,
  index: number,
  term: number,
  size: number,
  bytes: Uint8Array,
  at: number,
) => void;

const UINT32_RANGE = 0x1_0000_0000;

/**
 * Where a stretch is shorter than this, though more bytes are there, the next so many are gone through frame by frame: to
 * begin a stretch at each of many breaks would cost more than it saves.
 */
const STRETCH_BYTES_MIN = 64 * 1024;

/**
 * Goes through good frames one after the other: the hot path of a scan. A uint64 is kept as two uint32 halves and
 * nothing is allocated per frame beyond what the checksum needs.
 */
export class FrameRun {
  readonly #onFrame: FrameCallback | undefined;
  readonly #onDisorder: (disorder: Disorder) => void;
  /** Undefined where each checksum is compared by itself. */
  readonly #fold: FrameFold | undefined;
  /** Up to here in the file frames are taken one by one: those of a stretch were not good together, or it was short. */
  #apartUntil: number;
  #entries = 0;
  #first: Position | undefined;
  /** The entry before: of the file, or the one that the caller says stands before it. */
  #indexLow = 0;
  #indexHigh = 0;
  #termLow = 0;
  #termHigh = 0;
  #indexKnown = false;

  /** `apartUntil`: up to here in the file frames are to be taken one by one, as an earlier run says. */
  constructor(
    onFrame: FrameCallback | undefined,
    onDisorder: (disorder: Disorder) => void,
    fold?: FrameFold | undefined,
    apartUntil = 0,
  ) {
    this.#onFrame = onFrame;
    this.#onDisorder = onDisorder;
    this.#fold = fold;
    this.#apartUntil = apartUntil;
  }

  /** What is good up to here together with something else was not: another run need not try that again. */
  get apartUntil(): number {
    return this.#apartUntil;
  }

  /** Good frames so far. */
  get entries(): number {
    return this.#entries;
  }

  get first(): Position | undefined {
    return this.#first;
  }

  /** The last good frame, or undefined where there was none yet. */
  get last(): Position | undefined {
    return this.#entries === 0 ? undefined : this.#previous();
  }

  /** The index that should come next, or undefined where nothing is known yet. */
  get expectedIndex(): bigint | undefined {
    return this.#indexKnown ? joined(this.#indexHigh, this.#indexLow) + 1n : undefined;
  }

  /** No term that comes next may be below this; 0 where nothing is known yet. */
  get termMin(): bigint {
    return joined(this.#termHigh, this.#termLow);
  }

  /** Says what comes next where that does not follow from the frames: at the start, and after a damaged stretch. */
  expect(next: { readonly index?: bigint; readonly termMin?: bigint }): void {
    if (next.index !== undefined) {
      this.#indexHigh = highOf(next.index - 1n);
      this.#indexLow = lowOf(next.index - 1n);
      this.#indexKnown = true;
    }
    if (next.termMin !== undefined) {
      this.#termHigh = highOf(next.termMin);
      this.#termLow = lowOf(next.termMin);
    }
  }

  /**
   * Takes good frames from `position` on that begin before `until`, as far as the window's chunk goes; returns where it
   * stopped.
   */
  consume(window: Window, position: number, until: number = window.fileBytes): number {
    if (this.#fold === undefined) return this.#consumeApart(window, position, until);
    let at = position;
    while (at < until) {
      if (at >= this.#apartUntil) at = this.#consumeTogether(this.#fold, window, { position: at, until });
      // The frame at which a stretch stopped is looked at by itself, so that whatever is wrong with it is found there.
      const stopped = this.#consumeApart(window, at, Math.min(until, Math.max(this.#apartUntil, at + 1)));
      if (stopped === at) return at;
      at = stopped;
    }
    return at;
  }

  /** Takes frames that are known to be good and in order, if they follow what came before; false where they do not. */
  take({ entries, first, last }: CleanRun): boolean {
    if (!this.#follows(highOf(first.index), lowOf(first.index), highOf(first.term), lowOf(first.term)))
      return false;
    this.#first ??= first;
    this.#entries += entries;
    this.expect({ index: last.index + 1n, termMin: last.term });
    return true;
  }

  /** Takes frames one by one that begin before `until`; returns where it stopped. */
  #consumeApart(window: Window, position: number, until: number): number {
    const { bytes, view, base } = window;
    const length = bytes.length;
    let at = position - base;
    while (at + FRAME_HEADER_BYTES <= length && base + at < until) {
      const size = view.getUint32(at + FRAME_FIELDS.size, true);
      const end = at + FRAME_HEADER_BYTES + size;
      if (size === 0 || size > FRAME_COMMAND_BYTES_MAX || end > length) break;
      if (crc32(bytes, at + FRAME_FIELDS.term, end) !== view.getUint32(at, true)) break;
      const termLow = view.getUint32(at + FRAME_FIELDS.term, true);
      const termHigh = view.getUint32(at + FRAME_FIELDS.term + 4, true);
      const indexLow = view.getUint32(at + FRAME_FIELDS.index, true);
      const indexHigh = view.getUint32(at + FRAME_FIELDS.index + 4, true);
      if ((termLow | termHigh) === 0 || (indexLow | indexHigh) === 0) break;
      if (!this.#follows(indexHigh, indexLow, termHigh, termLow)) {
        this.#reportDisorder(base + at, {
          index: joined(indexHigh, indexLow),
          term: joined(termHigh, termLow),
        });
      }
      this.#indexLow = indexLow;
      this.#indexHigh = indexHigh;
      this.#termLow = termLow;
      this.#termHigh = termHigh;
      this.#indexKnown = true;
      this.#entries++;
      if (this.#entries === 1) this.#first = this.#previous();
      this.#onFrame?.(
        base + at,
        indexHigh * UINT32_RANGE + indexLow,
        termHigh * UINT32_RANGE + termLow,
        size,
        bytes,
        at,
      );
      at = end;
    }
    return base + at;
  }

  /** Takes one stretch after the other, up to the first whose checksums do not match or that something odd ends. */
  #consumeTogether(
    fold: FrameFold,
    window: Window,
    { position, until }: { readonly position: number; readonly until: number },
  ): number {
    const { bytes, base } = window;
    let at = position;
    // Nothing says yet what the first frame of all has to be.
    while (this.#entries > 0) {
      const request = { bytes, from: at - base, beginBefore: until - base, previous: this.#previous() };
      const stretch = fold.check(request);
      const end = stretch === undefined ? at : base + stretch.end;
      const isShort =
        end - at < STRETCH_BYTES_MIN && Math.min(until, base + bytes.length) - at > STRETCH_BYTES_MIN;
      if (isShort) this.#apartUntil = at + STRETCH_BYTES_MIN;
      if (stretch === undefined) return at;
      if (!stretch.isGood) {
        this.#apartUntil = Math.max(this.#apartUntil, end);
        return at;
      }
      if (this.#onFrame !== undefined) tellFrames(window, at, end, this.#onFrame);
      this.expect({ index: stretch.last.index + 1n, termMin: stretch.last.term });
      this.#entries += stretch.entries;
      at = end;
      if (isShort) return at;
    }
    return at;
  }

  #follows(indexHigh: number, indexLow: number, termHigh: number, termLow: number): boolean {
    if (termHigh < this.#termHigh || (termHigh === this.#termHigh && termLow < this.#termLow)) return false;
    if (!this.#indexKnown) return true;
    if (indexHigh === this.#indexHigh) return indexLow === this.#indexLow + 1;
    return indexHigh === this.#indexHigh + 1 && indexLow === 0 && this.#indexLow === UINT32_RANGE - 1;
  }

  /** A repeat explains a lower term too; behind a gap both are told. */
  #reportDisorder(offset: number, found: Position): void {
    const previous = this.#previous();
    if (this.#indexKnown && found.index <= previous.index) {
      this.#onDisorder({ kind: 'index-repeat', offset, previous, found });
      return;
    }
    if (this.#indexKnown && found.index > previous.index + 1n) {
      this.#onDisorder({ kind: 'index-gap', offset, previous, found });
    }
    if (found.term < previous.term) this.#onDisorder({ kind: 'term-regression', offset, previous, found });
  }

  #previous(): Position {
    return { index: joined(this.#indexHigh, this.#indexLow), term: joined(this.#termHigh, this.#termLow) };
  }
}

/** Calls back for each frame from `position` to `end`, all of which are known to be good. */
function tellFrames(window: Window, position: number, end: number, onFrame: FrameCallback): void {
  const { bytes, view, base } = window;
  for (let at = position - base; at < end - base; ) {
    const size = view.getUint32(at + FRAME_FIELDS.size, true);
    const index =
      view.getUint32(at + FRAME_FIELDS.index + 4, true) * UINT32_RANGE +
      view.getUint32(at + FRAME_FIELDS.index, true);
    const term =
      view.getUint32(at + FRAME_FIELDS.term + 4, true) * UINT32_RANGE +
      view.getUint32(at + FRAME_FIELDS.term, true);
    onFrame(base + at, index, term, size, bytes, at);
    at += FRAME_HEADER_BYTES + size;
  }
}

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

function highOf(value: bigint): number {
  return Number((value >> 32n) & 0xffff_ffffn);
}

function lowOf(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}
