import { FRAME_COMMAND_BYTES_MAX, INDEX_MAX, TERM_JUMP_MAX } from '../lib/limits.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from './frame.ts';
import type { Reading, Window } from './window.ts';

/** The first bytes of what should be a frame, whatever they are worth. */
export interface Header {
  /** How many of its bytes the file holds; those that it does not hold read as zeros. */
  readonly bytes: number;
  readonly crc: number;
  readonly term: bigint;
  readonly index: bigint;
  readonly size: number;
}

/** What the entries before a place say about the entry that should stand there. */
export interface Expectation {
  /** Undefined where no entry came before. */
  readonly index: bigint | undefined;
  /** Terms never go back: at least this; 0 where no entry came before. */
  readonly termMin: bigint;
}

const INDEX_MAX_EXACT = BigInt(INDEX_MAX);
const TERM_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const TERM_JUMP = BigInt(TERM_JUMP_MAX);

/** Reads the header at `position`, or as much of it as the file holds. */
export function* readHeader(window: Window, position: number): Reading<Header> {
  const available = Math.max(0, Math.min(FRAME_HEADER_BYTES, window.fileBytes - position));
  const padded = new Uint8Array(FRAME_HEADER_BYTES);
  if (yield* window.load(position, available)) {
    const at = position - window.base;
    padded.set(window.bytes.subarray(at, at + available));
  }
  const view = new DataView(padded.buffer);
  return {
    bytes: available,
    crc: view.getUint32(FRAME_FIELDS.crc, true),
    term: view.getBigUint64(FRAME_FIELDS.term, true),
    index: view.getBigUint64(FRAME_FIELDS.index, true),
    size: view.getUint32(FRAME_FIELDS.size, true),
  };
}

/** How many of TERM, INDEX and SIZE are what one would expect, 0 to 3. A single damaged field leaves two. */
export function plausibleFields(header: Header, expected: Expectation): number {
  return (
    Number(isPlausibleTerm(header.term, expected.termMin)) +
    Number(isPlausibleIndex(header.index, expected.index)) +
    Number(isPlausibleSize(header.size))
  );
}

/** A term that may follow `termMin` (0: nothing is known). */
export function isPlausibleTerm(term: bigint, termMin: bigint): boolean {
  return term >= 1n && term >= termMin && term <= (termMin === 0n ? TERM_MAX : termMin + TERM_JUMP);
}

export function isPlausibleSize(size: number): boolean {
  return size >= 1 && size <= FRAME_COMMAND_BYTES_MAX;
}

/** Whether the first `bytes` bytes of a header fit what is expected: the rest of it was never written. */
export function isPlausiblePrefix(header: Header, bytes: number, expected: Expectation): boolean {
  const termBytes = Math.min(8, bytes - FRAME_FIELDS.term);
  const indexBytes = Math.min(8, bytes - FRAME_FIELDS.index);
  if (termBytes === 8 && !isPlausibleTerm(header.term, expected.termMin)) return false;
  if (indexBytes <= 0) return true;
  if (expected.index === undefined) return header.index <= INDEX_MAX_EXACT;
  return BigInt.asUintN(8 * indexBytes, header.index) === BigInt.asUintN(8 * indexBytes, expected.index);
}

function isPlausibleIndex(index: bigint, expected: bigint | undefined): boolean {
  return expected === undefined ? index >= 1n && index <= INDEX_MAX_EXACT : index === expected;
}
