import { textOf } from '../../lib/bytes.ts';
import { decodePayload, type Payload } from '../../lib/entry.ts';
import type { RawFrame } from '../../logfmt/frame.ts';
import { type KvCommand, parseKvCommand } from '../../raft/machine/kv-command.ts';
import { readableText } from '../readable.ts';
import type { ExpressionSubject } from './expression.ts';

/** What `--where` may ask of an entry. */
export const WHERE_SUBJECT: ExpressionSubject = {
  flag: '--where',
  variables: {
    index: 'int',
    term: 'int',
    offset: 'int',
    size: 'int',
    kind: 'string',
    text: 'string',
    op: 'string',
    key: 'string',
    value: 'string',
    session: 'string',
    sequence: 'int',
  },
  example: 'op == "put" && key.startsWith("user/")',
};

/**
 * One entry as the variables of `WHERE_SUBJECT`. What an entry does not have is an empty text, or 0. Everything that takes
 * decoding is decoded when it is first asked for: most conditions are decided by less.
 */
export class EntryValues {
  readonly #frame: RawFrame;
  #payload: Payload | undefined;
  #command: KvCommand | null | undefined;

  constructor(frame: RawFrame) {
    this.#frame = frame;
  }

  get index(): bigint {
    return this.#frame.index;
  }

  get term(): bigint {
    return this.#frame.term;
  }

  get offset(): bigint {
    return BigInt(this.#frame.offset);
  }

  get size(): bigint {
    return BigInt(this.#frame.command.length);
  }

  get kind(): string {
    return this.payload.kind;
  }

  /** What the entry says to a person: what a client sent, a byte that is no UTF-8 as U+FFFD; or the members. */
  get text(): string {
    return readableText(this.payload) ?? ('command' in this.payload ? textOf(this.payload.command) : '');
  }

  /** `put`, `get`, `delete`, `cas` or `list`, where the key-value machine understands the command. */
  get op(): string {
    return this.#kv()?.op ?? '';
  }

  get key(): string {
    const command = this.#kv();
    return command !== null && 'key' in command ? command.key : '';
  }

  get value(): string {
    const command = this.#kv();
    return command !== null && 'value' in command ? command.value : '';
  }

  /** What the key has to hold for a `cas` to write; null where it has to be absent, and of what is none. No condition asks. */
  get expect(): string | null {
    const command = this.#kv();
    return command?.op === 'cas' ? command.expect : null;
  }

  get session(): string {
    return this.payload.kind === 'session' ? this.payload.place.session : '';
  }

  get sequence(): bigint {
    return this.payload.kind === 'session' ? BigInt(this.payload.place.sequence) : 0n;
  }

  get payload(): Payload {
    this.#payload ??= decodePayload(this.#frame.command);
    return this.#payload;
  }

  #kv(): KvCommand | null {
    if (this.#command === undefined) this.#command = kvCommandOf(this.payload);
    return this.#command;
  }
}

/** The key-value machine's command in an entry, or null where it holds none. */
export function kvCommandOf(payload: Payload): KvCommand | null {
  if (!('command' in payload)) return null;
  const parsed = parseKvCommand(payload.command);
  return parsed.ok ? parsed.command : null;
}
