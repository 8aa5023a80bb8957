import { assert } from '../lib/assert.ts';
import { FRAME_BYTES_MIN, FRAME_FIELDS } from './frame.ts';

/** The polynomial of CRC-32 (IEEE), its bits reversed, as the checksum has them. */
const POLYNOMIAL = 0xedb8_8320;

/** What the register of a checksum is before the first byte; it is turned over once more behind the last. */
const ALL_ONES = 0xffff_ffff;

/** A linear map of 32 bits: what each value of each of its four bytes contributes, one byte after the other. */
type LinearMap = Int32Array;

const BYTE_VALUES = 256;
const MAP_LENGTH = 4 * BYTE_VALUES;
const REGISTER_BITS = 32;

/** A length is written in digits of this many bits; every value of every digit has a map. */
const DIGIT_BITS = 7;
const DIGIT_VALUES = 1 << DIGIT_BITS;

/** A frame shorter than this may have a map of its own: a log holds many frames of few lengths. */
const OWN_LENGTH_MAX = 4096;

/** So many lengths have one: their maps take a MiB, which a processor still keeps near. */
const OWN_MAPS_MAX = 256;

/** What a frame of one length does to the register. */
interface FrameStep {
  readonly map: LinearMap;
  /** The part that does not depend on the register: each body's own checksum begins with all ones. */
  readonly constant: number;
}

/**
 * The checksum of many frames that stand one after the other, from what their headers say alone.
 *
 * CRC-32 is linear: to append L bytes is a linear map of the register that depends on L, plus what the bytes contribute,
 * and of a body that contribution is known from its stored checksum. A frame is four bytes of checksum c and a body of L
 * bytes that c is over, so the register s becomes `map(L)(map(4)(s ^ c) ^ ~0) ^ ~c`. If one native checksum over all of
 * the bytes gives the same, every stored checksum is right: one that alone is wrong always shows, since all maps can be
 * undone, and of several that are wrong one combination in 2^32 hides.
 */
export class CombinedChecksum {
  readonly #steps: (FrameStep | undefined)[] = [];
  #stepsMade = 0;
  #register = ~0;
  /** Of the length that came last: most logs hold runs of one length. */
  #length = 0;
  #step: FrameStep | undefined;

  /** Begins anew. */
  reset(): void {
    this.#register = ~0;
  }

  /** Adds a frame of `length` bytes, header included, whose first four bytes are `checksum`. */
  add(checksum: number, length: number): void {
    if (length !== this.#length) {
      this.#length = length;
      this.#step = length < OWN_LENGTH_MAX ? this.#stepOf(length) : undefined;
    }
    const step = this.#step;
    const input = this.#register ^ checksum;
    this.#register =
      step === undefined
        ? appendLength(
            applyMap(appendMap(0, FRAME_FIELDS.term), input) ^ ALL_ONES,
            length - FRAME_FIELDS.term,
          ) ^ ~checksum
        : applyMap(step.map, input) ^ step.constant ^ ~checksum;
  }

  /** The checksum of all that was added, as a uint32, if the stored ones are right. */
  get value(): number {
    return ~this.#register >>> 0;
  }

  #stepOf(length: number): FrameStep | undefined {
    assert(length >= FRAME_BYTES_MIN, `A frame of ${length} bytes is none`);
    const known = this.#steps[length];
    if (known !== undefined || this.#stepsMade === OWN_MAPS_MAX) return known;
    const columns = unitVectors().map((column) => appendLength(column, length));
    const step = { map: mapOfColumns(columns), constant: appendLength(ALL_ONES, length - FRAME_FIELDS.term) };
    this.#steps[length] = step;
    this.#stepsMade++;
    return step;
  }
}

/** The maps of each digit, made when a length first has a digit there: a pure function's values, kept. */
const digitMaps: (readonly LinearMap[])[] = [];

/** The register after `length` zero bytes. */
function appendLength(register: number, length: number): number {
  let result = register;
  for (let place = 0, rest = length; rest > 0; place++, rest >>>= DIGIT_BITS) {
    const digit = rest & (DIGIT_VALUES - 1);
    if (digit > 0) result = applyMap(appendMap(place, digit), result);
  }
  return result;
}

/** The map that appends `digit * 128 ** place` zero bytes. */
function appendMap(place: number, digit: number): LinearMap {
  digitMaps[place] ??= makeDigitMaps(place);
  const map = digitMaps[place][digit];
  assert(map !== undefined, `No digit: ${digit}`);
  return map;
}

function makeDigitMaps(place: number): readonly LinearMap[] {
  // One more than the highest digit of the place before is one of this.
  const unit =
    place === 0
      ? appendZeroByte
      : (register: number) =>
          applyMap(appendMap(place - 1, 1), applyMap(appendMap(place - 1, DIGIT_VALUES - 1), register));
  const maps: LinearMap[] = [];
  let columns = unitVectors();
  for (let digit = 0; digit < DIGIT_VALUES; digit++) {
    maps.push(mapOfColumns(columns));
    columns = columns.map(unit);
  }
  return maps;
}

function applyMap(map: LinearMap, register: number): number {
  return (
    (map[register & 0xff] ?? 0) ^
    (map[BYTE_VALUES + ((register >>> 8) & 0xff)] ?? 0) ^
    (map[2 * BYTE_VALUES + ((register >>> 16) & 0xff)] ?? 0) ^
    (map[3 * BYTE_VALUES + (register >>> 24)] ?? 0)
  );
}

/** The map that takes each bit to its column. */
function mapOfColumns(columns: readonly number[]): LinearMap {
  const map = new Int32Array(MAP_LENGTH);
  for (let at = 0; at < MAP_LENGTH; at++) {
    const firstBit = 8 * Math.floor(at / BYTE_VALUES);
    for (let bit = 0; bit < 8; bit++)
      if (((at >>> bit) & 1) === 1) map[at] = (map[at] ?? 0) ^ (columns[firstBit + bit] ?? 0);
  }
  return map;
}

function unitVectors(): readonly number[] {
  return Array.from({ length: REGISTER_BITS }, (_, bit) => 1 << bit);
}

function appendZeroByte(register: number): number {
  let result = register;
  for (let bit = 0; bit < 8; bit++) result = (result >>> 1) ^ ((result & 1) === 1 ? POLYNOMIAL : 0);
  return result;
}
