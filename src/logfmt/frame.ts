import { assert } from '../lib/assert.ts';
import { logIndex, term } from '../lib/brands.ts';
import type { Entry } from '../lib/entry.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';

/**
 * The frame of one log entry, the original's to the byte. Little-endian:
 *
 * | bytes  | field   |                                          |
 * |--------|---------|------------------------------------------|
 * | 0..4   | CRC     | CRC-32 (IEEE) of all that follows        |
 * | 4..12  | TERM    | uint64, at least 1                       |
 * | 12..20 | INDEX   | uint64, at least 1                       |
 * | 20..24 | SIZE    | uint32, length of COMMAND                |
 * | 24..   | COMMAND | SIZE bytes, at least 1                   |
 */
export const FRAME_HEADER_BYTES = 24;

/** Where the fields of a frame stand, in bytes from its start. */
export const FRAME_FIELDS = { crc: 0, term: 4, index: 12, size: 20, command: 24 } as const;

/** The longest frame that is taken for one: a longer SIZE is damage. */
export const FRAME_BYTES_MAX: number = FRAME_HEADER_BYTES + FRAME_COMMAND_BYTES_MAX;

/** The shortest frame: a header and one byte of command. */
export const FRAME_BYTES_MIN: number = FRAME_HEADER_BYTES + 1;

const UINT64_MAX = 2n ** 64n - 1n;

/** Where an entry stands in the order of the log. */
export interface Position {
  readonly index: bigint;
  readonly term: bigint;
}

/** One frame as it stands in a file, every uint64 exact. */
export interface RawFrame {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly term: bigint;
  readonly index: bigint;
  readonly command: Uint8Array;
}

/** What stands at a place where a frame should begin. */
export type DecodedFrame =
  /** A frame with a good checksum, and its length with header. Its command is a view of the bytes that were given. */
  | { readonly type: 'frame'; readonly frame: RawFrame; readonly frameBytes: number }
  /** The bytes end before the frame does; `missingBytes` at least are wanted. */
  | { readonly type: 'incomplete'; readonly missingBytes: number }
  | { readonly type: 'damaged'; readonly detail: string };

/** A run of frames as entries. */
export interface DecodedEntries {
  readonly entries: readonly Entry[];
  /** The length of the frames that were decoded. */
  readonly bytes: number;
  /** Why decoding ended: at the end of the bytes, inside a frame, or at one that is no good. */
  readonly end: 'complete' | 'incomplete' | 'damaged';
}

/** The length of an entry's frame in bytes, header included. */
export function frameBytes(entry: Pick<Entry, 'command'>): number {
  return FRAME_HEADER_BYTES + entry.command.length;
}

/** The frame of one entry. */
export function encodeFrame(entry: Entry): Uint8Array {
  return encodeFrames([entry]);
}

/** The frames of a run of entries, one after the other, in one array. */
export function encodeFrames(entries: readonly Entry[]): Uint8Array {
  let length = 0;
  for (const entry of entries) length += frameBytes(entry);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const entry of entries) {
    assert(
      Number.isSafeInteger(entry.term) && entry.term >= 1,
      `An entry's term is at least 1, not ${entry.term}`,
    );
    assert(
      Number.isSafeInteger(entry.index) && entry.index >= 1,
      `An entry's index is at least 1, not ${entry.index}`,
    );
    writeUint64(view, at + FRAME_FIELDS.term, entry.term);
    writeUint64(view, at + FRAME_FIELDS.index, entry.index);
    at = completeFrame(bytes, view, at, entry.command);
  }
  return bytes;
}

/** The frame of an entry whose term or index may be any uint64. */
export function encodeRawFrame(frame: Omit<RawFrame, 'offset'>): Uint8Array {
  assert(
    frame.term >= 1n && frame.term <= UINT64_MAX,
    `A frame's term is a uint64 of at least 1, not ${frame.term}`,
  );
  assert(
    frame.index >= 1n && frame.index <= UINT64_MAX,
    `A frame's index is a uint64 of at least 1, not ${frame.index}`,
  );
  const bytes = new Uint8Array(frameBytes(frame));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(FRAME_FIELDS.term, frame.term, true);
  view.setBigUint64(FRAME_FIELDS.index, frame.index, true);
  completeFrame(bytes, view, 0, frame.command);
  return bytes;
}

/**
 * Decodes the frame that begins at `at`. `offset` is what the frame is said to stand at in its file, `at` unless given.
 * Total: any bytes are answered, none throw, and nothing is allocated from SIZE.
 */
export function decodeFrame(bytes: Uint8Array, at = 0, offset: number = at): DecodedFrame {
  const available = bytes.length - at;
  if (available < FRAME_HEADER_BYTES)
    return { type: 'incomplete', missingBytes: FRAME_HEADER_BYTES - available };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES);
  const size = view.getUint32(FRAME_FIELDS.size, true);
  if (size === 0) return { type: 'damaged', detail: 'SIZE is 0: every entry has a command' };
  if (size > FRAME_COMMAND_BYTES_MAX) {
    return { type: 'damaged', detail: `SIZE is ${size}, over the limit of ${FRAME_COMMAND_BYTES_MAX} bytes` };
  }
  const length = FRAME_HEADER_BYTES + size;
  if (available < length) return { type: 'incomplete', missingBytes: length - available };
  if (crc32(bytes, at + FRAME_FIELDS.term, at + length) !== view.getUint32(FRAME_FIELDS.crc, true)) {
    return { type: 'damaged', detail: 'the checksum does not match' };
  }
  const frame = rawFrameAt(bytes, at, offset);
  if (frame.term === 0n || frame.index === 0n) return { type: 'damaged', detail: 'TERM or INDEX is 0' };
  return { type: 'frame', frame, frameBytes: length };
}

/** The fields of a frame that is known to be whole and good. Its command is a view of `bytes`, not a copy. */
export function rawFrameAt(bytes: Uint8Array, at: number, offset: number): RawFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const start = at + FRAME_FIELDS.command;
  return {
    offset,
    term: view.getBigUint64(FRAME_FIELDS.term, true),
    index: view.getBigUint64(FRAME_FIELDS.index, true),
    command: bytes.subarray(start, start + view.getUint32(FRAME_FIELDS.size, true)),
  };
}

/** The entry of a frame, or undefined where its term or index is beyond what a node counts with (2^53-1). */
export function entryOf(frame: RawFrame): Entry | undefined {
  if (frame.term > BigInt(Number.MAX_SAFE_INTEGER) || frame.index > BigInt(Number.MAX_SAFE_INTEGER))
    return undefined;
  return { index: logIndex(Number(frame.index)), term: term(Number(frame.term)), command: frame.command };
}

/**
 * Decodes frames that stand one after the other, up to the first that is cut short or no good; whether terms and
 * indexes follow each other is not looked at. Commands are views of `bytes`.
 */
export function decodeEntries(bytes: Uint8Array): DecodedEntries {
  const entries: Entry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const decoded = decodeFrame(bytes, at);
    if (decoded.type !== 'frame') return { entries, bytes: at, end: decoded.type };
    const entry = entryOf(decoded.frame);
    if (entry === undefined) return { entries, bytes: at, end: 'damaged' };
    entries.push(entry);
    at += decoded.frameBytes;
  }
  return { entries, bytes: at, end: 'complete' };
}

/** Writes SIZE, COMMAND and the checksum of a frame whose term and index are there; returns where the next begins. */
function completeFrame(bytes: Uint8Array, view: DataView, at: number, command: Uint8Array): number {
  assert(command.length >= 1, 'An entry has a command of at least one byte');
  assert(
    command.length <= FRAME_COMMAND_BYTES_MAX,
    `A command of ${command.length} bytes is over the limit of a frame`,
  );
  const end = at + FRAME_HEADER_BYTES + command.length;
  view.setUint32(at + FRAME_FIELDS.size, command.length, true);
  bytes.set(command, at + FRAME_FIELDS.command);
  view.setUint32(at + FRAME_FIELDS.crc, crc32(bytes, at + FRAME_FIELDS.term, end), true);
  return end;
}

/** Writes a safe integer as a uint64 without a bigint: this is the hot path of a node. */
function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
