import { assert } from '../lib/assert.ts';
import {
  INDEX_ZERO,
  type LogIndex,
  logIndex,
  type NodeId,
  parseNodeId,
  type Term,
  term,
} from '../lib/brands.ts';
import { crc32 } from './crc.ts';

/** What a small file says, or why it says nothing. Decoders never throw on bytes. */
export type Decoded<T> =
  | { readonly type: 'value'; readonly value: T }
  | { readonly type: 'damaged'; readonly detail: string };

/** The content of the `state` file: what a node keeps besides its log (paper, figure 2). */
export interface StateRecord {
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
  /** The node neither votes nor campaigns before a leader has carried its log past this index; 0 where nothing was cut. */
  readonly abstainThrough: LogIndex;
}

/**
 * Both files, little-endian: CRC-32 of all that follows (4), a mark (4), the format version (4), uint64 fields (8 each).
 * `state` ("RFST"): currentTerm, votedFor (0: none), abstainThrough. `commit` ("RFCM"): the index.
 */
const CRC_BYTES = 4;
const MARK_AT = 4;
const VERSION_AT = 8;
const FIELDS_AT = 12;
const FIELD_BYTES = 8;
const RECORD_VERSION = 1;

/** The marks as little-endian numbers: 'RFST' and 'RFCM' in a hex dump. */
const STATE_MARK = 0x54534652;
const COMMIT_MARK = 0x4d434652;

/** The bytes of the `state` file, 36 of them. */
export function encodeState(state: StateRecord): Uint8Array {
  const votedFor = state.votedFor === null ? 0n : BigInt(state.votedFor);
  return encodeRecord(STATE_MARK, [BigInt(state.currentTerm), votedFor, BigInt(state.abstainThrough)]);
}

/** Reads a `state` file. */
export function decodeState(bytes: Uint8Array): Decoded<StateRecord> {
  const record = decodeRecord(bytes, STATE_MARK, 3);
  if (record.type === 'damaged') return record;
  const [currentTerm = 0n, votedFor = 0n, abstainThrough = 0n] = record.value;
  if (!isSafe(currentTerm)) return damaged(`currentTerm is ${currentTerm}, beyond 2^53-1`);
  if (!isSafe(abstainThrough)) return damaged(`abstainThrough is ${abstainThrough}, beyond 2^53-1`);
  const value = {
    currentTerm: term(Number(currentTerm)),
    votedFor: parseNodeId(votedFor.toString()) ?? null,
    abstainThrough: logIndex(Number(abstainThrough)),
  };
  return { type: 'value', value };
}

/** The bytes of the `commit` file, 20 of them: an index that is known to be committed. */
export function encodeCommitHint(index: LogIndex): Uint8Array {
  return encodeRecord(COMMIT_MARK, [BigInt(index)]);
}

/** Reads a `commit` file. It is only a hint: whoever finds it damaged takes 0. */
export function decodeCommitHint(bytes: Uint8Array): Decoded<LogIndex> {
  const record = decodeRecord(bytes, COMMIT_MARK, 1);
  if (record.type === 'damaged') return record;
  const [index = 0n] = record.value;
  if (!isSafe(index)) return damaged(`the index is ${index}, beyond 2^53-1`);
  return { type: 'value', value: index === 0n ? INDEX_ZERO : logIndex(Number(index)) };
}

function encodeRecord(mark: number, fields: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(FIELDS_AT + FIELD_BYTES * fields.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(MARK_AT, mark, true);
  view.setUint32(VERSION_AT, RECORD_VERSION, true);
  fields.forEach((field, i) => {
    assert(field >= 0n && field < 2n ** 64n, `Not a uint64: ${field}`);
    view.setBigUint64(FIELDS_AT + FIELD_BYTES * i, field, true);
  });
  view.setUint32(0, crc32(bytes, CRC_BYTES), true);
  return bytes;
}

function decodeRecord(bytes: Uint8Array, mark: number, fieldCount: number): Decoded<readonly bigint[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < FIELDS_AT) return damaged(`it is ${bytes.length} bytes long, too short for any version`);
  if (view.getUint32(0, true) !== crc32(bytes, CRC_BYTES))
    return damaged('its checksum does not match its bytes');
  if (view.getUint32(MARK_AT, true) !== mark)
    return damaged('it does not begin with the mark of this kind of file');
  const version = view.getUint32(VERSION_AT, true);
  if (version !== RECORD_VERSION)
    return damaged(`its format version is ${version}, and this program knows 1`);
  if (bytes.length !== FIELDS_AT + FIELD_BYTES * fieldCount)
    return damaged(`it is ${bytes.length} bytes long`);
  const fields: bigint[] = [];
  for (let i = 0; i < fieldCount; i++) fields.push(view.getBigUint64(FIELDS_AT + FIELD_BYTES * i, true));
  return { type: 'value', value: fields };
}

function isSafe(value: bigint): boolean {
  return value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function damaged(detail: string): { readonly type: 'damaged'; readonly detail: string } {
  return { type: 'damaged', detail };
}
