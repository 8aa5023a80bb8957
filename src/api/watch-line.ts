import { errorIn } from '../http/error-body.ts';
import { field, jsonIn } from '../http/json.ts';
import { utf8 } from '../lib/bytes.ts';
import type { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';
import { isPeerUrl } from '../lib/peer-url.ts';
import type { WatchEvent } from './schema.ts';

/** A line of `GET /raft/watch`, as a client takes it. */
export type ParsedWatchLine =
  | { readonly type: 'event'; readonly event: WatchEvent }
  | {
      readonly type: 'heartbeat';
      readonly index: number;
      readonly knowsLeader: boolean;
      readonly members: readonly string[];
    }
  | { readonly type: 'error'; readonly error: RaftError }
  /** A later version may have more kinds of line. */
  | { readonly type: 'unknown' }
  /** The line is none of a node of ours. */
  | { readonly type: 'malformed' };

/** Reads one line. Total: it comes from another program. */
export function parseWatchLine(line: string): ParsedWatchLine {
  const bytes = utf8(line);
  const value = jsonIn(bytes);
  const type = field(value, 'type');
  if (typeof type !== 'string') return { type: 'malformed' };
  const index = field(value, 'index');
  const key = field(value, 'key');
  const text = field(value, 'value');
  switch (type) {
    case 'put':
      if (!isIndex(index) || typeof key !== 'string' || typeof text !== 'string')
        return { type: 'malformed' };
      return { type: 'event', event: { type, index, key, value: text } };
    case 'delete':
      if (!isIndex(index) || typeof key !== 'string') return { type: 'malformed' };
      return { type: 'event', event: { type, index, key, value: null } };
    case 'heartbeat':
      if (!isIndex(index)) return { type: 'malformed' };
      return {
        ...{ type, index, knowsLeader: typeof field(value, 'leaderId') === 'string' },
        members: addressesIn(field(value, 'members')),
      };
    case 'error': {
      const error = errorIn(bytes);
      return error === undefined ? { type: 'malformed' } : { type, error };
    }
    default:
      return { type: 'unknown' };
  }
}

function addressesIn(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((url) => typeof url === 'string' && isPeerUrl(url)).slice(0, MEMBERS_MAX);
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
