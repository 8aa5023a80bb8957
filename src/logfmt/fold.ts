import { crc32 } from './crc.ts';
import { FOLD_MODULE } from './fold-module.ts';
import { FRAME_HEADER_BYTES, type Position } from './frame.ts';

/** Frames whose headers follow each other. */
export interface Stretch {
  /** Where the last one ends in the bytes that were given. */
  readonly end: number;
  readonly entries: number;
  readonly last: Position;
  /** All of their checksums are right; of several that are wrong one combination in 2^32 hides. */
  readonly isGood: boolean;
}

/** Frames that are to be checked together. */
interface StretchRequest {
  readonly bytes: Uint8Array;
  /** The first frame begins here, */
  readonly from: number;
  /** and every other one before this. */
  readonly beginBefore: number;
  /** The entry before the first. */
  readonly previous: Position;
}

/**
 * A read of this much is best: so long that what is done once for each costs little beside its bytes, and is seldom done
 * often enough to be compiled anew; short enough that the bytes are still in the processor's last cache when folded.
 */
export const FOLD_CHUNK_BYTES = 2 * 1024 * 1024;

/** The module reads, and writes back, so much behind the frames. */
const BEHIND_BYTES = 128;

/** What the module gives: see fold.wat. */
interface FoldExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly remainderBytes: { readonly value: number };
  readonly framesAt: { readonly value: number };
  readonly index: { value: bigint };
  readonly term: { value: bigint };
  readonly check: (start: number, until: number, length: number) => number;
}

/** The part of the language's own WebAssembly that is used here. Absent in a process without a compiler (`--jitless`). */
declare const WebAssembly:
  | {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object) => { readonly exports: FoldExports };
    }
  | undefined;

/**
 * Checks many frames at once, several times as fast as each checksum by itself.
 *
 * A checksum is a remainder: CRC-32 takes bytes for a polynomial over GF(2) and divides it by P, of degree 32. A body
 * whose first four bytes are turned over, followed by its checksum turned over, leaves 0. So does a sum of such codewords,
 * each moved to its place, and no single one that does not leave 0 can be made up for by its place. A frame has its
 * checksum in front; where it is put behind instead, into the four bytes in front of the next frame, the frames of a
 * stretch become one such sum, whatever their lengths are. Then a stretch is good if it leaves 0: a frame that alone is
 * wrong always shows, and of several that are wrong one combination in 2^32 hides.
 *
 * What a stretch leaves is found without division for all but its last 4018 bytes: 1 + y^1837 + y^2091 + y^4018, where y is
 * eight bits, is a multiple of P. So a byte may be taken away where it stands and added 1927, 2181 and 4018 bytes later
 * instead, which are three additions of 16 bytes at a time and no multiplication (the idea is that of the CRC named
 * Chorba; Russell, 2024). What is left at the end is divided by native code. Only the last 4018 folded bytes are ever
 * wanted again, so all of this happens in a few thousand bytes, in the processor's nearest cache.
 */
export class FrameFold {
  readonly #exports: FoldExports;
  /** The module's whole memory, and the parts of it that are read and written here. */
  readonly #memory: ArrayBuffer;
  readonly #frames: Uint8Array;
  readonly #remainder: Uint8Array;
  /** What `crc32` says of a remainder that P divides: the same as of so many zeros. */
  readonly #divided: number;

  private constructor(exports: FoldExports) {
    this.#exports = exports;
    this.#memory = exports.memory.buffer;
    this.#frames = new Uint8Array(this.#memory, exports.framesAt.value);
    this.#remainder = new Uint8Array(this.#memory, 0, exports.remainderBytes.value);
    this.#divided = crc32(new Uint8Array(this.#remainder.length));
  }

  /** Undefined where this process or processor cannot run it: then each checksum is compared by itself. */
  static make(): FrameFold | undefined {
    if (typeof WebAssembly === 'undefined') return undefined;
    try {
      const module = new WebAssembly.Module(Buffer.from(FOLD_MODULE, 'base64'));
      return new FrameFold(new WebAssembly.Instance(module).exports);
    } catch {
      // A processor without vectors of 128 bits, or no room left for a memory: what it would have spared is done instead.
      return undefined;
    }
  }

  /**
   * A place for bytes that are to be checked: what is read straight into it is not copied. One scan at a time may use it,
   * and only until it asks for other bytes. Undefined where there is not so much room.
   */
  room(length: number): Uint8Array | undefined {
    return length + BEHIND_BYTES <= this.#frames.length ? this.#frames.subarray(0, length) : undefined;
  }

  /** Takes frames as long as each follows the one before; undefined where the first does not. Leaves the bytes as they are. */
  check({ bytes, from, beginBefore, previous }: StretchRequest): Stretch | undefined {
    const length = Math.min(bytes.length - from, this.#frames.length - BEHIND_BYTES);
    const until = Math.min(beginBefore - from, length - FRAME_HEADER_BYTES + 1);
    if (until <= 0) return undefined;
    const start = this.#placeOf(bytes, from, length);
    const { index, term, check } = this.#exports;
    index.value = previous.index;
    term.value = previous.term;
    const end = check(start, start + until, start + length);
    if (end === start) return undefined;
    const last = { index: BigInt.asUintN(64, index.value), term: BigInt.asUintN(64, term.value) };
    return {
      end: from + end - start,
      entries: Number(last.index - previous.index),
      last,
      isGood: crc32(this.#remainder) === this.#divided,
    };
  }

  /** Where in the memory the bytes stand; they are copied there unless they do already. */
  #placeOf(bytes: Uint8Array, from: number, length: number): number {
    if (bytes.buffer === this.#memory) return bytes.byteOffset + from;
    this.#frames.set(bytes.subarray(from, from + length));
    return this.#frames.byteOffset;
  }
}
