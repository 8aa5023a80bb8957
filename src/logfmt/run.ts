import { FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from './frame.ts';
import type { Window } from './window.ts';

/** Where an entry stands in the order of the log. */
export interface Position {
  readonly index: bigint;
  readonly term: bigint;
}

/** Two frames with good checksums that cannot stand one after the other. */
export interface Disorder {
  readonly kind: 'index-gap' | 'index-repeat' | 'term-regression';
  readonly offset: number;
  readonly previous: Position;
  readonly found: Position;
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
 * Goes through good frames one after the other: the hot path of a scan. A uint64 is kept as two uint32 halves and
 * nothing is allocated per frame beyond what the checksum needs.
 */
export class FrameRun {
  readonly #onFrame: FrameCallback;
  readonly #onDisorder: (disorder: Disorder) => void;
  #entries = 0;
  #first: Position | undefined;
  /** The entry before: of the file, or the one that the caller says stands before it. */
  #indexLow = 0;
  #indexHigh = 0;
  #termLow = 0;
  #termHigh = 0;
  #indexKnown = false;

  constructor(onFrame: FrameCallback, onDisorder: (disorder: Disorder) => void) {
    this.#onFrame = onFrame;
    this.#onDisorder = onDisorder;
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

  /** Takes good frames from `position` on, as far as the window's chunk goes; returns where it stopped. */
  consume(window: Window, position: number): number {
    const { bytes, view, base } = window;
    const length = bytes.length;
    let at = position - base;
    while (at + FRAME_HEADER_BYTES <= length) {
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
      this.#onFrame(
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

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

function highOf(value: bigint): number {
  return Number((value >> 32n) & 0xffff_ffffn);
}

function lowOf(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}
