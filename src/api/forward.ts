import { Pool } from 'undici';
import { errorIn } from '../http/error-body.ts';
import { type Exchange, exchange } from '../http/exchange.ts';
import { HEADERS, PATHS } from '../http/paths.ts';
import type { NodeId } from '../lib/brands.ts';
import { utf8 } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import {
  CHANGE_WAIT_MS_MAX,
  FORWARD_CONNECTIONS_MAX,
  PEER_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
  RESPONSE_BYTES_MAX,
} from '../lib/limits.ts';
import type {
  ClientCommand,
  CommandResult,
  Forward,
  MembershipRequest,
  MembershipResult,
  TransferResult,
} from '../raft/ports.ts';
import { commandResultIn, outcomeAfter, outcomeUnknown } from './command-answer.ts';
import { membershipJson, membershipResultIn, transferResultIn } from './membership.ts';
import { sessionHeaders } from './session-headers.ts';

export interface HttpForwardOptions {
  /** Base URL of a member, or undefined where it is not known. */
  urlOf(id: NodeId): string | undefined;
  /** Sent with every request: who we are, so that a leader of another cluster refuses it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What goes to the leader. */
interface Forwarded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
  /** In milliseconds; `REQUEST_TIMEOUT_MS` unless given. */
  readonly timeoutMs?: number;
}

/** Passes requests on to the leader over HTTP, once: the header that goes with them says that they were forwarded. */
export class HttpForward implements Forward {
  readonly #options: HttpForwardOptions;
  readonly #pools = new Map<string, Pool>();

  constructor(options: HttpForwardOptions) {
    this.#options = options;
  }

  /**
   * Errors: `unreachable` where the command certainly has not left this node, `outcome-unknown` where it has and no
   * answer came, `unsupported` where it is in a session and the leader knows none, and what the leader answers.
   */
  async command(
    leader: NodeId,
    { command, place }: ClientCommand,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const path = place === undefined ? PATHS.command : PATHS.sessionCommand;
    const headers = place === undefined ? {} : sessionHeaders(place);
    const outcome = await this.#post(leader, { path, headers, body: command, signal });
    if (outcome.type === 'failed') {
      if (!outcome.sent) throw unreachable(leader, outcome.reason);
      throw outcomeUnknown(`The leader ${leader} did not answer: ${outcome.reason}.`);
    }
    if (outcome.status === 200) return commandResultIn(outcome.headers, outcome.body);
    const error = errorIn(outcome.body);
    if (error !== undefined) throw outcomeAfter(`The leader ${leader}`, error);
    if (outcome.status === 404 && place !== undefined) throw withoutSessions(leader);
    // The original answers 500 and nothing else, whatever became of the command.
    throw outcomeUnknown(`The leader ${leader} answered with status ${outcome.status}.`);
  }

  /** Errors: `unreachable` where the leader does not answer, `unsupported` where it takes no queries, and its own. */
  async query(leader: NodeId, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const outcome = await this.#post(leader, { path: PATHS.query, headers: {}, body: query, signal });
    if (outcome.type === 'failed') throw unreachable(leader, outcome.reason);
    if (outcome.status === 200) return outcome.body;
    throw (
      errorIn(outcome.body) ??
      new RaftError('unsupported', `The leader ${leader} does not answer queries: it runs another program.`, {
        suggestions: [
          'Read by a command: raft command "get KEY"',
          'Or read what this node has: raft kv get KEY --stale',
        ],
      })
    );
  }

  /** Errors: as `RaftService.changeConfiguration`, and `unreachable` where the leader does not answer. */
  async changeConfiguration(
    leader: NodeId,
    request: MembershipRequest,
    signal: AbortSignal,
  ): Promise<MembershipResult> {
    const answer = await this.#administer(leader, PATHS.configuration, membershipJson(request), signal);
    return membershipResultIn(answer);
  }

  /** Errors: as `RaftService.transferLeadership`, and `unreachable` where the leader does not answer. */
  async transferLeadership(
    leader: NodeId,
    target: NodeId | null,
    signal: AbortSignal,
  ): Promise<TransferResult> {
    const answer = await this.#administer(leader, PATHS.transfer, { target }, signal);
    return transferResultIn(answer);
  }

  /** Asks the leader to do something to the cluster; the answer is JSON. */
  async #administer(leader: NodeId, path: string, json: unknown, signal: AbortSignal): Promise<Uint8Array> {
    const body = utf8(JSON.stringify(json));
    const outcome = await this.#post(leader, {
      ...{ path, headers: {}, body, signal },
      timeoutMs: CHANGE_WAIT_MS_MAX,
    });
    if (outcome.type === 'failed') {
      if (!outcome.sent) throw unreachable(leader, outcome.reason);
      throw new RaftError('outcome-unknown', `The leader ${leader} did not answer: ${outcome.reason}.`, {
        suggestions: ['raft config get   # says what is in force, and what is under way'],
      });
    }
    if (outcome.status === 200) return outcome.body;
    throw (
      errorIn(outcome.body) ??
      new RaftError('unsupported', `The leader ${leader} cannot do that: it runs another program.`)
    );
  }

  /** Ends all connections at once. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  async #post(leader: NodeId, request: Forwarded): Promise<Exchange> {
    const { path, headers, body, signal } = request;
    const url = this.#options.urlOf(leader);
    if (url === undefined)
      return { type: 'failed', sent: false, cause: 'connection', reason: 'its address is not known' };
    return exchange(this.#poolFor(url), {
      method: 'POST',
      path,
      headers: {
        ...headers,
        ...this.#options.headers,
        [HEADERS.forwarded]: '1',
        'content-type': 'application/octet-stream',
      },
      body,
      timeoutMs: request.timeoutMs ?? REQUEST_TIMEOUT_MS,
      responseBytesMax: RESPONSE_BYTES_MAX,
      signal,
    });
  }

  #poolFor(url: string): Pool {
    const known = this.#pools.get(url);
    if (known !== undefined) return known;
    const pool = new Pool(url, {
      connections: FORWARD_CONNECTIONS_MAX,
      connect: { timeout: PEER_TIMEOUT_MS },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#pools.set(url, pool);
    return pool;
  }
}

function withoutSessions(leader: NodeId): RaftError {
  return new RaftError('unsupported', `The leader ${leader} knows no sessions; the command was not done.`, {
    suggestions: ['Send it without a session, and at most once: raft command --once TEXT'],
  });
}

function unreachable(leader: NodeId, reason: string): RaftError {
  return new RaftError('unreachable', `The leader ${leader} cannot be reached: ${reason}.`, {
    suggestions: ['See which nodes answer: raft status'],
  });
}
