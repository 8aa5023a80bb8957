import { type LogIndex, logIndex } from '../../lib/brands.ts';
import { concatBytes, textOf, utf8 } from '../../lib/bytes.ts';
import { RaftError } from '../../lib/errors.ts';

/** A value, and the index of the command that wrote it. */
export interface KvItem {
  readonly value: string;
  readonly index: LogIndex;
}

const FORMAT = 'raft-kv';
const VERSION = 1;
const LINE_FEED = 0x0a;

/**
 * The whole store as lines of JSON: `["raft-kv",1,COUNT]`, then `[KEY,VALUE,INDEX]` for each item. Lines, because one
 * text of everything could be longer than a JavaScript string may be.
 */
export function encodeKvSnapshot(count: number, items: Iterable<readonly [string, KvItem]>): Uint8Array {
  const lines = [utf8(`${JSON.stringify([FORMAT, VERSION, count])}\n`)];
  for (const [key, { value, index }] of items) lines.push(utf8(`${JSON.stringify([key, value, index])}\n`));
  return concatBytes(lines);
}

/** The items of a snapshot, in order. Throws a `RaftError` (`damaged`) where it is none, or not whole. */
export function* decodeKvSnapshot(snapshot: Uint8Array): Generator<readonly [string, KvItem]> {
  const lines = linesOf(snapshot);
  const [format, version, count] = arrayIn(lines.next().value);
  if (format !== FORMAT || version !== VERSION)
    throw damaged('it does not begin as one of the key-value machine');
  let seen = 0;
  for (const line of lines) {
    const [key, value, index] = arrayIn(line);
    if (typeof key !== 'string' || typeof value !== 'string' || !Number.isSafeInteger(index)) {
      throw damaged(`item ${seen + 1} is not whole`);
    }
    seen++;
    yield [key, { value, index: logIndex(Number(index)) }];
  }
  if (seen !== count) throw damaged(`it holds ${seen} items, not ${String(count)}`);
}

function* linesOf(bytes: Uint8Array): Generator<string, undefined> {
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    yield textOf(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) throw damaged('its last line has no end');
}

function arrayIn(line: string | undefined): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(line ?? '');
    return Array.isArray(value) ? value : [];
  } catch (cause) {
    throw damaged('a line is no JSON', cause);
  }
}

function damaged(what: string, cause?: unknown): RaftError {
  return new RaftError('damaged', `The snapshot of the machine cannot be read: ${what}.`, { cause });
}
