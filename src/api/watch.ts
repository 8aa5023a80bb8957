import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorIn } from '../http/error-body.ts';
import { HEADERS, PATHS } from '../http/paths.ts';
import { present } from '../lib/assert.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { WATCH_SILENCE_MS, WATCH_STALE_MS } from '../lib/limits.ts';
import { openStream, type StreamResponse } from './line-stream.ts';
import type { WatchEvent } from './schema.ts';
import { noNode, unreachable } from './verdict.ts';
import { parseWatchLine } from './watch-line.ts';

/** Which keys are watched. */
export type WatchTarget =
  | { readonly key: string; readonly prefix?: never }
  /** All keys that begin with it; the empty text stands for all keys. */
  | { readonly prefix: string; readonly key?: never };

export type WatchOptions = WatchTarget & {
  /**
   * The index of the first change that is wanted. Left out, the watch begins after everything that was acknowledged
   * before the call.
   */
  readonly from?: number;
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal;
  /** How long to wait for a server before the first word of one, and before a notice later; in milliseconds. */
  readonly timeoutMs?: number;
  /** Hears how the watch fares. */
  onNotice?(notice: WatchNotice): void;
};

/** What a watch has to say beside the changes. */
export type WatchNotice =
  /** It is established, or again: changes from this index on are told as they come. */
  | { readonly type: 'watching'; readonly server: string; readonly from: number }
  /** No server has served it for `timeoutMs`. It goes on trying, and misses nothing. */
  | { readonly type: 'waiting'; readonly reason: RaftError };

/** What a watch has of its client. */
export interface WatchClient {
  readonly agent: Agent;
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  /** Aborted when the client is closed. */
  readonly closed: AbortSignal;
}

/** Pauses after a round in which no server served the watch, in milliseconds; the last one repeats. */
const PAUSES_MS: readonly number[] = [20, 50, 100, 200, 500];

/** Errors that another server would answer with as well. */
const FINAL: ReadonlySet<RaftErrorCode> = new Set(['usage', 'bad-request', 'not-permitted', 'unsupported']);

/** Why a server was left. */
interface Leaving {
  readonly server: string;
  readonly error: RaftError;
  /** The server itself said so, in the form of a node. */
  readonly saidBy: 'node' | 'client';
  /** Nobody listens there. */
  readonly isRefused: boolean;
}

/**
 * Follows changes through the life and death of servers: each once and in the order of the log. It keeps the index up to
 * which it was told everything, and goes on after it at the next server.
 */
export async function* watchCluster(
  client: WatchClient,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  yield* new ClusterWatch(client, options).events();
}

class ClusterWatch {
  readonly #client: WatchClient;
  readonly #options: WatchOptions;
  readonly #signal: AbortSignal;
  readonly #timeoutMs: number;
  readonly #target: URLSearchParams;
  /** Everything before this index has been told; undefined until a leader has said what is now. */
  #next: number | undefined;
  /** The highest index of which a server has spoken: one that has not come as far is behind. */
  #known = 0;
  #phase: 'starting' | 'watching' | 'waiting' = 'starting';
  #lastGoodMs = performance.now();
  /** Servers that were left since the last good word of one. */
  readonly #left: Leaving[] = [];
  #position = 0;
  /** Where the leader is, as a node that was left said. */
  #hint: string | undefined;
  #rounds = 0;
  #clusterId: string | undefined;

  /** As the last server named them. */
  #members: readonly string[] = [];

  constructor(client: WatchClient, options: WatchOptions) {
    const { closed } = client;
    this.#client = client;
    this.#options = options;
    this.#signal = options.signal === undefined ? closed : AbortSignal.any([closed, options.signal]);
    this.#timeoutMs = options.timeoutMs ?? client.timeoutMs;
    this.#target = targetOf(options);
    this.#next = options.from;
  }

  async *events(): AsyncGenerator<WatchEvent, void> {
    while (!this.#signal.aborted) {
      const server = this.#chooseServer();
      const leaving = yield* this.#follow(server);
      if (this.#signal.aborted) return;
      await this.#leave(leaving);
    }
  }

  #chooseServer(): string {
    const hint = this.#hint;
    this.#hint = undefined;
    if (hint !== undefined) return hint;
    const servers = this.#servers();
    return servers[this.#position++ % servers.length] ?? '';
  }

  /** The user's servers and, once all of them have failed, the members that the last server named. */
  #servers(): readonly string[] {
    const { servers } = this.#client;
    return this.#rounds === 0 ? servers : [...new Set([...servers, ...this.#members])];
  }

  /** Tells what one server says, and returns why it was left. Throws where another would say the same. */
  async *#follow(server: string): AsyncGenerator<WatchEvent, Leaving> {
    let response: StreamResponse | undefined;
    try {
      response = await this.#open(server);
      if (response.status !== 200) return answered(server, response.status, await response.body());
      const clusterId = response.headers[HEADERS.clusterId];
      if (typeof clusterId === 'string') this.#clusterId ??= clusterId;
      return yield* this.#read(server, response);
    } catch (error) {
      return broken(server, error);
    } finally {
      response?.close();
    }
  }

  #open(server: string): Promise<StreamResponse> {
    const query = new URLSearchParams(this.#target);
    if (this.#next !== undefined) query.set('from', String(this.#next));
    const leftMs = this.#phase === 'starting' ? this.#timeoutMs - this.#withoutGoodMs() : WATCH_SILENCE_MS;
    return openStream(this.#client.agent, {
      server,
      path: `${PATHS.watch}?${query}`,
      // At an address there may be another cluster by now, whose indexes mean something else.
      headers: this.#clusterId === undefined ? {} : { [HEADERS.clusterId]: this.#clusterId },
      answerMs: Math.max(1, Math.min(WATCH_SILENCE_MS, leftMs)),
      silenceMs: WATCH_SILENCE_MS,
      signal: this.#signal,
    });
  }

  async *#read(server: string, response: StreamResponse): AsyncGenerator<WatchEvent, Leaving> {
    let goodMs = performance.now();
    for await (const text of response.lines()) {
      const line = parseWatchLine(text);
      switch (line.type) {
        case 'event':
          // What a server tells again, or out of order, is not passed on.
          if (this.#next !== undefined && line.event.index < this.#next) break;
          this.#hear(server, line.event.index);
          yield line.event;
          break;
        case 'heartbeat':
          if (line.members.length > 0) this.#members = line.members;
          if (line.knowsLeader && line.index >= this.#known) {
            this.#hear(server, line.index);
            break;
          }
          if (this.#mayLeave(performance.now() - goodMs)) return stale(server, line.knowsLeader);
          this.#noteWaiting(stale(server, line.knowsLeader).error);
          continue;
        case 'error':
          return { server, error: line.error, saidBy: 'node', isRefused: false };
        case 'malformed':
          return { server, error: noNode(server, response.status), saidBy: 'client', isRefused: false };
        case 'unknown':
          break;
      }
      goodMs = performance.now();
      this.#lastGoodMs = goodMs;
    }
    return broken(server, new Error('it ended the watch'));
  }

  /** Takes a good word of a server, which has told everything up to `index`. */
  #hear(server: string, index: number): void {
    this.#known = Math.max(this.#known, index);
    // Where something was asked for, it may stand before what the server has come to.
    const from = this.#next ?? index + 1;
    this.#next = Math.max(from, index + 1);
    this.#left.length = 0;
    this.#rounds = 0;
    if (this.#phase === 'watching') return;
    this.#phase = 'watching';
    this.#options.onNotice?.({ type: 'watching', server, from });
  }

  /** A server that is alone is not left for being stale, unless nothing has begun yet: there is no better one. */
  #mayLeave(staleMs: number): boolean {
    if (this.#client.servers.length > 1 || this.#members.length > 1) return staleMs >= WATCH_STALE_MS;
    return this.#phase === 'starting' && this.#withoutGoodMs() >= this.#timeoutMs;
  }

  /** Goes on to the next server, after a pause where all have been tried. Throws where that is of no use. */
  async #leave(leaving: Leaving): Promise<void> {
    const { error, saidBy } = leaving;
    if (saidBy === 'node' && FINAL.has(error.code)) throw error;
    this.#left.push(leaving);
    this.#noteWaiting(error);
    this.#hint = this.#leaderToAsk(error);
    if (this.#hint !== undefined || this.#left.length < this.#servers().length) return;
    const pauseMs = PAUSES_MS[Math.min(this.#rounds++, PAUSES_MS.length - 1)] ?? 0;
    this.#giveUpWhereUseless(pauseMs);
    this.#left.length = 0;
    // An abort ends the pause, and the caller sees it.
    await sleep(pauseMs, undefined, { signal: this.#signal }).catch(() => {});
  }

  /** The leader, as a node that was left names it, where one is needed and has not been asked in this round. */
  #leaderToAsk({ leader }: RaftError): string | undefined {
    const url = this.#next === undefined ? leader?.url : undefined;
    return this.#left.some(({ server }) => server === url) ? undefined : url;
  }

  /** After a round of all servers: none has the changes any more, or none has served it from the beginning. */
  #giveUpWhereUseless(pauseMs: number): void {
    const compacted = this.#left.find(({ error }) => error.code === 'compacted');
    if (compacted !== undefined) throw compacted.error;
    if (this.#phase !== 'starting') return;
    // What a node says of itself tells more than that another one could not be reached in the time that was left.
    const { error } = present(
      this.#left.findLast(({ saidBy }) => saidBy === 'node') ?? this.#left.at(-1),
      'a server',
    );
    const { length } = this.#left;
    if (this.#left.every(({ isRefused }) => isRefused))
      throw length === 1 ? error : gaveUp(`None of the ${length} servers answers.`, error);
    if (this.#withoutGoodMs() + pauseMs >= this.#timeoutMs)
      throw gaveUp(`No server took the watch within ${this.#timeoutMs} ms: ${error.message}`, error);
  }

  #noteWaiting(reason: RaftError): void {
    if (this.#phase !== 'watching' || this.#withoutGoodMs() < this.#timeoutMs) return;
    this.#phase = 'waiting';
    this.#options.onNotice?.({ type: 'waiting', reason });
  }

  #withoutGoodMs(): number {
    return performance.now() - this.#lastGoodMs;
  }
}

function targetOf({ key, prefix, from }: WatchOptions): URLSearchParams {
  const text = key ?? prefix;
  if (text === undefined || (key !== undefined && prefix !== undefined))
    throw new RaftError('usage', 'A watch is of one key or of one prefix.');
  // An address holds whole characters only; the key itself may hold half of one.
  if (/\p{Surrogate}/u.test(text))
    throw new RaftError('usage', 'What is watched has half a character in it, and cannot be asked for.', {
      suggestions: ['Watch a shorter prefix, and pick out the key.'],
    });
  if (from !== undefined && (!Number.isSafeInteger(from) || from < 1))
    throw new RaftError('usage', `A watch begins at an index of at least 1, not at ${from}.`);
  return new URLSearchParams(key === undefined ? { prefix: text } : { key: text });
}

function answered(server: string, status: number, body: Uint8Array): Leaving {
  const error = errorIn(body);
  return error === undefined
    ? { server, error: noNode(server, status), saidBy: 'client', isRefused: false }
    : { server, error, saidBy: 'node', isRefused: false };
}

function broken(server: string, error: unknown): Leaving {
  const { message, code } = failureIn(error);
  return {
    server,
    error: unreachable(server, message === '' ? code : message),
    saidBy: 'client',
    isRefused: code === 'ECONNREFUSED',
  };
}

function failureIn(error: unknown): { readonly message: string; readonly code: string } {
  if (!(error instanceof Error)) return { message: String(error), code: '' };
  return { message: error.message, code: 'code' in error ? String(error.code) : 'the connection failed' };
}

function stale(server: string, knowsLeader: boolean): Leaving {
  const message = knowsLeader
    ? `${server} is behind the other servers.`
    : `${server} knows of no leader, and may be behind the other servers.`;
  const error = new RaftError('no-leader', message, { suggestions: ['See which nodes answer: raft status'] });
  return { server, error, saidBy: 'client', isRefused: false };
}

function gaveUp(message: string, last: RaftError): RaftError {
  return new RaftError(last.code, message, { suggestions: last.suggestions, cause: last });
}
