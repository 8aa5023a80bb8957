import { logIndex, term } from '../../lib/brands.ts';
import { concatBytes, equalBytes, utf8 } from '../../lib/bytes.ts';
import { RaftError } from '../../lib/errors.ts';
import { bytesOfSessionId, sessionIdOfBytes } from '../../lib/session-command.ts';
import type { KeptAnswer, SessionRecord, SessionTableState } from './session-table.ts';

/**
 * Little-endian. The mark, version (uint32), log time (uint64), number of sessions (uint32); for each session its id
 * (16 bytes), lastUsedMs, acknowledgedBelow (uint64), number of answers (uint32); for each answer its sequence, index,
 * term (uint64), whether the response is kept (1 byte: 1 or 0), its length (uint32) and bytes. The snapshot of the
 * machine takes the rest.
 */
const MARK = utf8('raft-sessions\n');
const VERSION = 1;
const SESSION_ID_BYTES = 16;

/** The sessions and the machine's own snapshot, the same bytes on every node. */
export function encodeSessionSnapshot(state: SessionTableState, machine: Uint8Array): Uint8Array {
  const parts = [MARK, uint32(VERSION), uint64(state.logTimeMs), uint32(state.sessions.length)];
  for (const session of state.sessions) {
    parts.push(bytesOfSessionId(session.id), uint64(session.lastUsedMs), uint64(session.acknowledgedBelow));
    parts.push(uint32(session.answers.length));
    for (const { sequence, index, term, response } of session.answers) {
      parts.push(uint64(sequence), uint64(index), uint64(term), Uint8Array.of(response === null ? 0 : 1));
      parts.push(uint32(response?.length ?? 0));
      if (response !== null) parts.push(response);
    }
  }
  return concatBytes([...parts, machine]);
}

/** Reads a snapshot. Throws a `RaftError` (`damaged`) where it is none, or not whole. */
export function decodeSessionSnapshot(bytes: Uint8Array): {
  readonly state: SessionTableState;
  readonly machine: Uint8Array;
} {
  const reader = new Reader(bytes);
  if (!equalBytes(reader.take(MARK.length), MARK) || reader.uint32() !== VERSION)
    throw damaged('it does not begin as one with sessions');
  const logTimeMs = reader.uint64();
  const sessions = reader.list(() => readSession(reader));
  return { state: { logTimeMs, sessions }, machine: reader.rest() };
}

function readSession(reader: Reader): SessionRecord {
  return {
    id: sessionIdOfBytes(reader.take(SESSION_ID_BYTES)),
    lastUsedMs: reader.uint64(),
    acknowledgedBelow: reader.uint64(),
    answers: reader.list(() => readAnswer(reader)),
  };
}

function readAnswer(reader: Reader): KeptAnswer {
  const sequence = reader.uint64();
  const index = logIndex(reader.uint64());
  const entryTerm = term(reader.uint64());
  const isKept = reader.take(1)[0] === 1;
  const response = reader.take(reader.uint32());
  // A copy, so that the whole snapshot is not held for the sake of one answer.
  return { sequence, index, term: entryTerm, response: isKept ? new Uint8Array(response) : null };
}

/** Takes one part after the other, and throws `damaged` where the bytes end too early. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  take(length: number): Uint8Array {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw damaged('it ends too early');
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  uint32(): number {
    const start = this.#at;
    this.take(4);
    return this.#view.getUint32(start, true);
  }

  uint64(): number {
    const start = this.#at;
    this.take(8);
    const value = Number(this.#view.getBigUint64(start, true));
    if (!Number.isSafeInteger(value)) throw damaged('it holds a number beyond 2^53-1');
    return value;
  }

  /** A number of items, then the items. */
  list<T>(read: () => T): readonly T[] {
    const count = this.uint32();
    const items: T[] = [];
    while (items.length < count) items.push(read());
    return items;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

function damaged(what: string): RaftError {
  return new RaftError('damaged', `The snapshot of the sessions cannot be read: ${what}.`);
}
