import { assertNever } from '../../lib/assert.ts';
import type { LogIndex } from '../../lib/brands.ts';
import { utf8 } from '../../lib/bytes.ts';
import { RaftError } from '../../lib/errors.ts';
import { LIST_BYTES_MAX } from '../../lib/limits.ts';
import type { ChangeHistory, StateMachine } from '../ports.ts';
import { type KvCommand, type KvProblem, parseKvCommand } from './kv-command.ts';
import { KvHistory } from './kv-history.ts';
import { decodeKvSnapshot, encodeKvSnapshot, type KvItem } from './kv-snapshot.ts';
import { SortedKeys } from './sorted-keys.ts';

type KvQuery = Extract<KvCommand, { op: 'get' | 'list' }>;

/**
 * The default machine: a key-value store. Keys and values are Unicode; each value carries the index of the command that
 * wrote it. Answers are JSON with `"ok":true`, or `{"ok":false,"error":{"code","message"}}` for what is no command:
 * the same on every node, and nothing is changed. Its last changes can be watched.
 */
export class KvMachine implements StateMachine {
  #items = new Map<string, KvItem>();
  #keys = new SortedKeys();
  readonly #history: KvHistory;

  /** `history` is the store's own; given where its limits are to be others. */
  constructor(history = new KvHistory()) {
    this.#history = history;
  }

  get changes(): ChangeHistory {
    return this.#history;
  }

  apply(index: LogIndex, command: Uint8Array): Uint8Array {
    this.#history.reach(index);
    const parsed = parseKvCommand(command);
    return json(parsed.ok ? this.#execute(index, parsed.command) : refusal(parsed.problem));
  }

  query(query: Uint8Array): Uint8Array {
    const parsed = parseKvCommand(query);
    if (!parsed.ok)
      throw new RaftError('machine-error', `The machine does not understand: ${parsed.problem.message}.`);
    const { command } = parsed;
    if (command.op !== 'get' && command.op !== 'list') {
      throw new RaftError('machine-error', `A query changes nothing, so it cannot be "${command.op}".`, {
        suggestions: ['Send it as a command: raft command TEXT'],
      });
    }
    return json(this.#read(command));
  }

  snapshot(): Uint8Array {
    const items = this.#items;
    return encodeKvSnapshot(items.size, inOrder(this.#keys, items));
  }

  /** Throws a `RaftError` (`damaged`) where the bytes are no snapshot; the state is then what it was. */
  restore(snapshot: Uint8Array): void {
    const items = new Map<string, KvItem>();
    const keys = new SortedKeys();
    for (const [key, item] of decodeKvSnapshot(snapshot)) {
      items.set(key, item);
      keys.add(key);
    }
    this.#items = items;
    this.#keys = keys;
    this.#history.forget();
  }

  #execute(index: LogIndex, command: KvCommand): object {
    switch (command.op) {
      case 'get':
      case 'list':
        return this.#read(command);
      case 'put':
        this.#write(command.key, command.value, index);
        return { ok: true, index };
      case 'delete':
        return { ok: true, found: this.#delete(command.key, index) };
      case 'cas':
        return this.#compareAndSet(index, command);
      default:
        return assertNever(command, 'operation');
    }
  }

  #read(query: KvQuery): object {
    if (query.op === 'list') return this.#list(query);
    const item = this.#items.get(query.key);
    return item === undefined ? { ok: true, found: false } : { ok: true, found: true, ...item };
  }

  #write(key: string, value: string, index: LogIndex): void {
    if (!this.#items.has(key)) this.#keys.add(key);
    this.#items.set(key, { value, index });
    this.#history.add({ index, type: 'put', key, value });
  }

  #delete(key: string, index: LogIndex): boolean {
    if (!this.#items.delete(key)) return false;
    this.#keys.remove(key);
    this.#history.add({ index, type: 'delete', key, value: null });
    return true;
  }

  #compareAndSet(index: LogIndex, command: Extract<KvCommand, { op: 'cas' }>): object {
    const item = this.#items.get(command.key);
    if ((item?.value ?? null) === command.expect) {
      this.#write(command.key, command.value, index);
      return { ok: true, swapped: true, index };
    }
    if (item === undefined) return { ok: true, swapped: false, found: false };
    return { ok: true, swapped: false, found: true, value: item.value };
  }

  #list({ prefix, limit, after }: Extract<KvCommand, { op: 'list' }>): object {
    const items: object[] = [];
    let length = 0;
    for (const key of this.#keys.from(after !== null && after > prefix ? after : prefix)) {
      if (key === after) continue;
      if (!key.startsWith(prefix)) break;
      const item = this.#items.get(key);
      if (item === undefined) continue;
      length += utf8(key).length + utf8(item.value).length;
      if (items.length === limit || (items.length > 0 && length > LIST_BYTES_MAX))
        return { ok: true, items, more: true };
      items.push({ key, ...item });
    }
    return { ok: true, items, more: false };
  }
}

function* inOrder(
  keys: SortedKeys,
  items: ReadonlyMap<string, KvItem>,
): Generator<readonly [string, KvItem]> {
  for (const key of keys.from('')) {
    const item = items.get(key);
    if (item !== undefined) yield [key, item];
  }
}

function refusal(error: KvProblem): object {
  return { ok: false, error };
}

function json(value: object): Uint8Array {
  return utf8(JSON.stringify(value));
}
