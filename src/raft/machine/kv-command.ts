import { strictTextOf, utf8 } from '../../lib/bytes.ts';
import { KEY_BYTES_MAX, LIST_ITEMS_MAX } from '../../lib/limits.ts';

/** What the key-value machine understands. */
export type KvCommand =
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'delete'; readonly key: string }
  /** Writes `value` where the key now holds `expect`, or, where that is null, does not exist. */
  | { readonly op: 'cas'; readonly key: string; readonly expect: string | null; readonly value: string }
  /** Lists keys that begin with `prefix`, after the key `after` where that is given: the next page of a list. */
  | { readonly op: 'list'; readonly prefix: string; readonly limit: number; readonly after: string | null };

/** Why bytes are no command. */
export interface KvProblem {
  readonly code: 'bad-command' | 'bad-key';
  readonly message: string;
}

export type ParsedKvCommand =
  | { readonly ok: true; readonly command: KvCommand }
  | { readonly ok: false; readonly problem: KvProblem };

const FORMS =
  'expected "put KEY VALUE", "get KEY", "delete KEY", or JSON such as {"op":"put","key":"k","value":"v"} ' +
  'with op put, get, delete, cas or list';

/** Reads a command as a program sends it (JSON) or as a person types it. Total: the same answer on every node. */
export function parseKvCommand(bytes: Uint8Array): ParsedKvCommand {
  const text = strictTextOf(bytes);
  if (text === undefined) return bad('the command is not UTF-8');
  return /^\s*\{/.test(text) ? parseJson(text) : parseTyped(text);
}

/** One line break at the end belongs to the way the text came, not to the value. */
function parseTyped(text: string): ParsedKvCommand {
  const match = /^(put|get|delete) (\S+)/.exec(text);
  if (match === null) return bad(FORMS);
  const [head, op, key = ''] = match;
  const rest = withoutLineBreak(text.slice(head.length));
  if (op === 'put' && rest.startsWith(' ')) return withKey({ op, key, value: rest.slice(1) });
  if ((op === 'get' || op === 'delete') && rest === '') return withKey({ op, key });
  return bad(FORMS);
}

/** Values are long: an expression for the end would be tried at each of their letters. */
function withoutLineBreak(text: string): string {
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function parseJson(text: string): ParsedKvCommand {
  try {
    return parseFields(new Map(Object.entries(JSON.parse(text))));
  } catch {
    // The parser says by exception what is an ordinary answer here: this is no JSON.
    return bad('the command begins like JSON but is none');
  }
}

function parseFields(fields: ReadonlyMap<string, unknown>): ParsedKvCommand {
  const op = fields.get('op');
  const key = fields.get('key');
  const value = fields.get('value');
  switch (op) {
    case 'put':
      if (!hasOnly(fields, ['op', 'key', 'value']) || typeof key !== 'string' || typeof value !== 'string') {
        return bad('put takes a text "key" and a text "value", and nothing else');
      }
      return withKey({ op, key, value });
    case 'get':
    case 'delete':
      if (!hasOnly(fields, ['op', 'key']) || typeof key !== 'string') {
        return bad(`${op} takes a text "key", and nothing else`);
      }
      return withKey({ op, key });
    case 'cas':
      return parseCas(fields, key, value);
    case 'list':
      return parseList(fields);
    default:
      return bad(FORMS);
  }
}

function parseCas(fields: ReadonlyMap<string, unknown>, key: unknown, value: unknown): ParsedKvCommand {
  const expect = fields.get('expect');
  const isComplete = typeof key === 'string' && typeof value === 'string';
  if (
    !hasOnly(fields, ['op', 'key', 'expect', 'value']) ||
    !isComplete ||
    (typeof expect !== 'string' && expect !== null)
  ) {
    return bad('cas takes a text "key", "expect" (a text, or null for an absent key) and a text "value"');
  }
  return withKey({ op: 'cas', key, expect, value });
}

function parseList(fields: ReadonlyMap<string, unknown>): ParsedKvCommand {
  const prefix = fields.get('prefix') ?? '';
  const limit = fields.get('limit') ?? LIST_ITEMS_MAX;
  const after = fields.get('after') ?? null;
  if (
    !hasOnly(fields, ['op', 'prefix', 'limit', 'after']) ||
    typeof prefix !== 'string' ||
    typeof limit !== 'number' ||
    !Number.isInteger(limit) ||
    limit < 1 ||
    (typeof after !== 'string' && after !== null)
  ) {
    return bad('list takes a text "prefix", a positive integer "limit" and a text "after", each if wanted');
  }
  return { ok: true, command: { op: 'list', prefix, limit: Math.min(limit, LIST_ITEMS_MAX), after } };
}

/** A field that is not known may be a misspelt one: passing over it would do something else than was meant. */
function hasOnly(fields: ReadonlyMap<string, unknown>, names: readonly string[]): boolean {
  return [...fields.keys()].every((name) => names.includes(name));
}

function withKey(command: Exclude<KvCommand, { op: 'list' }>): ParsedKvCommand {
  const { key } = command;
  // A unit of a text takes at most three bytes: most keys need not be encoded to be counted.
  if (key.length >= 1 && 3 * key.length <= KEY_BYTES_MAX) return { ok: true, command };
  const { length } = utf8(key);
  if (length >= 1 && length <= KEY_BYTES_MAX) return { ok: true, command };
  return {
    ok: false,
    problem: { code: 'bad-key', message: `a key has 1 to ${KEY_BYTES_MAX} bytes, not ${length}` },
  };
}

function bad(message: string): ParsedKvCommand {
  return { ok: false, problem: { code: 'bad-command', message } };
}
