import { BATCH_BYTES_MAX, FRAME_COMMAND_BYTES_MAX, INDEX_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';
import { FRAME_BYTES_MIN, FRAME_FIELDS, FRAME_HEADER_BYTES } from './frame.ts';
import {
  type Expectation,
  type Header,
  isPlausibleSize,
  isPlausibleTerm,
  plausibleFields,
  readHeader,
} from './header.ts';
import type { Reading, Window } from './window.ts';

/** The next place at which frames go on after a damaged one. */
export interface NextFrame {
  readonly offset: number;
  readonly index: bigint;
}

/** Whether a file has shown itself to be a log: only then is a header taken for a frame whose checksum is wrong. */
export type Trust = 'log' | 'unknown';

/** Where the search begins and what is known there. */
export interface ResyncStart {
  readonly offset: number;
  /** What stands at `offset`, where a frame should. */
  readonly header: Header;
  readonly expected: Expectation;
  /** The end of the last byte of the file that is not zero. */
  readonly dataEnd: number;
  readonly trust: Trust;
}

/** An index may jump this far over entries that are gone altogether; further is no continuation. */
const INDEX_JUMP_MAX = 2 ** 24;

/** A frame reaches at least to the first byte of SIZE that is not zero; its command may be zeros. */
const NONZERO_BYTES_MIN = FRAME_FIELDS.size + 1;

const UINT32_RANGE = 0x1_0000_0000;

/**
 * The work that damage may cause. An honest file costs about three times its length in reads and once its length in
 * checksums that fail. Hostile bytes can hold a plausible header every few bytes, each with 2 MiB to read and check:
 * once reads and failed checksums together exceed this bound, linear in the file's length, the search ends and the
 * rest of the file is reported as one damage.
 */
export class WorkBudget {
  readonly #window: Window;
  readonly #bytesMax: number;
  #failedBytes = 0;
  #passedBytes = 0;

  constructor(window: Window, bytesMax: number = 64 * BATCH_BYTES_MAX + 16 * window.fileBytes) {
    this.#window = window;
    this.#bytesMax = bytesMax;
  }

  /** Notes a checksum over this many bytes that did not match. */
  failed(bytes: number): void {
    this.#failedBytes += bytes;
  }

  /** Notes bytes that were read by somebody else: they count as if they had been read here. */
  passed(bytes: number): void {
    this.#passedBytes += bytes;
  }

  get isSpent(): boolean {
    return this.#failedBytes + this.#passedBytes + this.#window.bytesRead > this.#bytesMax;
  }
}

/** The end of the last byte that is not zero, looking back from the end of the file to `from`; `from` if all are. */
export function* findDataEnd(window: Window, from: number): Reading<number> {
  let end = window.fileBytes;
  while (end > from) {
    const start = Math.max(from, end - window.chunkBytes);
    yield* window.load(start, end - start, 0);
    end = Math.min(end, window.fileBytes);
    for (let at = Math.min(end - window.base, window.bytes.length) - 1; at >= start - window.base; at--) {
      if (window.bytes[at] !== 0) return window.base + at + 1;
    }
    end = start;
  }
  return from;
}

/**
 * Finds where frames go on after the damaged one at `start`, or undefined where they do not.
 *
 * A command may hold the bytes of a whole frame, so a good checksum is not enough. First the damaged frame's own SIZE
 * is believed, if a frame with the very next index stands where it points: that jumps over whatever the command holds.
 * Otherwise the bytes are searched for a header whose index and term continue the log, with a good checksum, and with
 * the log going on behind it.
 */
export function* findNextFrame(
  window: Window,
  start: ResyncStart,
  budget: WorkBudget,
): Reading<NextFrame | undefined> {
  const follower = yield* frameBehind(window, start);
  if (follower !== undefined) return follower;
  let unconfirmed: Candidate | undefined;
  let offset = start.offset + 1;
  while (offset + NONZERO_BYTES_MIN <= start.dataEnd && !budget.isSpent) {
    if (!(yield* window.load(offset, FRAME_HEADER_BYTES))) break;
    const found = findPlausibleHeader(window, offset, start);
    if (found === undefined) {
      offset = window.base + window.bytes.length - FRAME_HEADER_BYTES + 1;
      continue;
    }
    offset = found;
    const candidate = yield* checkCandidate(window, offset, budget);
    if (candidate !== undefined) {
      if (yield* isConfirmed(window, candidate, start.dataEnd)) {
        return unconfirmed !== undefined && canPrecede(unconfirmed, candidate) ? unconfirmed : candidate;
      }
      unconfirmed ??= candidate;
    }
    offset++;
  }
  return budget.isSpent ? undefined : unconfirmed;
}

interface Candidate extends NextFrame {
  readonly term: bigint;
  readonly end: number;
}

/** The frame to which the damaged frame's own SIZE points, if its header is exactly what should come there. */
function* frameBehind(window: Window, start: ResyncStart): Reading<NextFrame | undefined> {
  const { header, expected } = start;
  const offset = start.offset + FRAME_HEADER_BYTES + header.size;
  if (start.trust === 'unknown' || expected.index === undefined || !isPlausibleSize(header.size))
    return undefined;
  if (offset + NONZERO_BYTES_MIN > start.dataEnd) return undefined;
  const behind = yield* readHeader(window, offset);
  const next = { index: expected.index + 1n, termMin: expected.termMin };
  if (plausibleFields(behind, next) < 3) return undefined;
  return offset + FRAME_HEADER_BYTES + behind.size <= window.fileBytes
    ? { offset, index: behind.index }
    : undefined;
}

/**
 * The next place in the window's chunk, from `offset` on, whose header could continue the log. A few comparisons reject
 * nearly every byte, so the search is about as fast as reading.
 */
function findPlausibleHeader(window: Window, offset: number, start: ResyncStart): number | undefined {
  const { view, base } = window;
  const last = Math.min(view.byteLength - FRAME_HEADER_BYTES, start.dataEnd - base - NONZERO_BYTES_MIN);
  const { expected } = start;
  const indexMin = expected.index === undefined ? 1 : Number(expected.index);
  const indexMax = expected.index === undefined ? INDEX_MAX : indexMin + INDEX_JUMP_MAX;
  for (let at = offset - base; at <= last; at++) {
    const size = view.getUint32(at + FRAME_FIELDS.size, true);
    if (size === 0 || size > FRAME_COMMAND_BYTES_MAX) continue;
    // Above 2^53 these comparisons are off by rounding; the checksum decides then.
    const index =
      view.getUint32(at + FRAME_FIELDS.index + 4, true) * UINT32_RANGE +
      view.getUint32(at + FRAME_FIELDS.index, true);
    if (index < indexMin || index > indexMax) continue;
    if (base + at + FRAME_HEADER_BYTES + size > window.fileBytes) continue;
    if (isPlausibleTerm(view.getBigUint64(at + FRAME_FIELDS.term, true), expected.termMin)) return base + at;
  }
  return undefined;
}

/** Checks the checksum at a place whose header is plausible. */
function* checkCandidate(window: Window, offset: number, budget: WorkBudget): Reading<Candidate | undefined> {
  const header = yield* readHeader(window, offset);
  const length = FRAME_HEADER_BYTES + header.size;
  if (!isPlausibleSize(header.size) || !(yield* window.load(offset, length))) return undefined;
  const at = offset - window.base;
  if (crc32(window.bytes, at + FRAME_FIELDS.term, at + length) !== header.crc) {
    budget.failed(length);
    return undefined;
  }
  return { offset, index: header.index, term: header.term, end: offset + length };
}

/** Whether the log goes on behind a candidate: with a header that fits (one field may be damaged), zeros, or the end. */
function* isConfirmed(window: Window, candidate: Candidate, dataEnd: number): Reading<boolean> {
  if (candidate.end + FRAME_HEADER_BYTES > dataEnd) return true;
  const header = yield* readHeader(window, candidate.end);
  if (header.crc === 0 && header.term === 0n && header.index === 0n && header.size === 0) return true;
  return plausibleFields(header, { index: candidate.index + 1n, termMin: candidate.term }) >= 2;
}

/** Whether all entries between two candidates fit between them: a frame inside a command takes the place of another. */
function canPrecede(earlier: Candidate, later: Candidate): boolean {
  const between = later.index - earlier.index - 1n;
  return (
    between >= 0n &&
    earlier.term <= later.term &&
    between * BigInt(FRAME_BYTES_MIN) <= later.offset - earlier.end
  );
}
