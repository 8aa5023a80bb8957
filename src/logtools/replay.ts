import { assertNever } from '../lib/assert.ts';
import { type LogIndex, logIndex, term } from '../lib/brands.ts';
import { decodePayload } from '../lib/entry.ts';
import { RaftError } from '../lib/errors.ts';
import { INDEX_MAX } from '../lib/limits.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { KvMachine } from '../raft/machine/kv.ts';
import { KvHistory } from '../raft/machine/kv-history.ts';
import { SessionMachine } from '../raft/machine/sessions.ts';
import { readCommitHint } from './commit-hint.ts';
import type { LogLocation } from './locate.ts';
import type { LogProgress } from './progress.ts';
import { type ReadOptions, readLog, type SegmentItem } from './read-log.ts';

/** What a key holds. */
export interface ReplayedItem {
  readonly value: string;
  /** Of the entry that wrote it. */
  readonly index: LogIndex;
}

/** What one entry did to the state. */
export interface ReplayedChange {
  readonly key: string;
  /** Null where the key was not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * The key-value machine, with the sessions around it as on a node: a command that came twice is applied once. Beside it
 * stands its state as maps, kept up from the changes that the machine tells of.
 */
export class Replay {
  readonly #kv = new KvMachine(new KvHistory({ changesMax: 1, bytesMax: Number.POSITIVE_INFINITY }));
  readonly #machine = new SessionMachine(this.#kv);
  readonly #values = new Map<string, string>();
  readonly #indexes = new Map<string, LogIndex>();

  /** Keys and values. It changes with every entry. */
  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** The state in the order of its keys. */
  *items(): Generator<readonly [string, ReplayedItem], void> {
    for (const key of [...this.#values.keys()].sort()) {
      const value = this.#values.get(key);
      const index = this.#indexes.get(key);
      if (value !== undefined && index !== undefined) yield [key, { value, index }];
    }
  }

  /** Applies the next entry; the change that it made, if it made one. Errors: `unsupported` for a kind that is not known. */
  apply(frame: RawFrame): ReplayedChange | undefined {
    const index = logIndex(Number(frame.index));
    const payload = decodePayload(frame.command);
    switch (payload.kind) {
      case 'noop':
      case 'configuration':
        return undefined;
      case 'command':
        this.#machine.apply(index, payload.command);
        break;
      case 'session':
        this.#machine.applyInSession({ index, term: term(Number(frame.term)) }, payload);
        break;
      case 'unknown':
        throw new RaftError('unsupported', `Entry ${index} is of a kind that this version does not know.`, {
          suggestions: ['A later version wrote it: use that one.'],
        });
      default:
        return assertNever(payload, 'kind of entry');
    }
    return this.#noteChange(index);
  }

  #noteChange(index: LogIndex): ReplayedChange | undefined {
    const [change] = this.#kv.changes.read(index, { type: 'prefix', prefix: '' }).changes;
    if (change === undefined) return undefined;
    const { key, value } = change;
    const before = this.#values.get(key) ?? null;
    if (value === null) {
      this.#values.delete(key);
      this.#indexes.delete(key);
    } else {
      this.#values.set(key, value);
      this.#indexes.set(key, index);
    }
    return { key, before, after: value };
  }
}

export interface ReplayOptions extends ReadOptions {
  /** The last index to apply; the whole log unless given. */
  readonly at?: bigint | undefined;
  readonly progress?: LogProgress | undefined;
}

/** One entry that was applied. */
export interface ReplayStep {
  readonly found: SegmentItem;
  readonly frame: RawFrame;
  readonly change: ReplayedChange | undefined;
}

/**
 * Applies a log from its first entry on, and yields after each. Errors: `damaged` where an entry on the way is, or is
 * missing; `unsupported` where the log does not begin with index 1, since what came before is not known then.
 */
export async function* replayLog(
  location: LogLocation,
  replay: Replay,
  options: ReplayOptions = {},
): AsyncGenerator<ReplayStep, void> {
  yield* replayItems(readLog(location, options), { location, replay, ...options });
}

/** As `replayLog`, for items of a log that come in another way. */
export async function* replayItems(
  items: AsyncIterable<SegmentItem>,
  {
    location,
    replay,
    at,
    progress,
  }: Omit<ReplayOptions, keyof ReadOptions> & { readonly location: LogLocation; readonly replay: Replay },
): AsyncGenerator<ReplayStep, void> {
  let expected = 1n;
  const [{ firstIndex }] = location.segments;
  if (firstIndex !== undefined && firstIndex > 1n) throw noBeginning(location, firstIndex);
  for await (const found of items) {
    if (at !== undefined && expected > at) return;
    const { item } = found;
    if (item.type === 'problem') {
      if (item.problem.kind === 'zero-tail' || !item.problem.fatal) continue;
      throw notWhole(location, expected, `${item.problem.kind}: ${item.problem.detail}`);
    }
    const { frame } = item;
    if (expected === 1n && frame.index !== 1n) throw noBeginning(location, frame.index);
    if (frame.index !== expected || frame.index > BigInt(INDEX_MAX))
      throw notWhole(location, expected, `index ${frame.index} stands there`);
    if (frame.term > BigInt(Number.MAX_SAFE_INTEGER))
      throw notWhole(location, expected, `its term ${frame.term} is beyond what a node counts with`);
    const change = replay.apply(frame);
    progress?.see(found);
    yield { found, frame, change };
    expected++;
  }
}

/** Up to which index it is known that what a replay applied is committed. */
export function committedThrough(location: LogLocation): Promise<bigint> {
  return readCommitHint(location);
}

function notWhole(location: LogLocation, index: bigint, why: string): RaftError {
  const where = index === 1n ? '' : ` beyond index ${index - 1n}`;
  return new RaftError('damaged', `${location.path} cannot be replayed${where}: ${why}.`, {
    suggestions: [
      `raft log verify ${location.path}   # names all damage`,
      `raft log repair ${location.path}   # says what can be done about it`,
    ],
  });
}

function noBeginning(location: LogLocation, first: bigint): RaftError {
  return new RaftError(
    'unsupported',
    `${location.path} begins with index ${first}, and what the entries before it did is not known.`,
    { suggestions: ['Name the whole data directory, or another node whose log begins with index 1.'] },
  );
}
