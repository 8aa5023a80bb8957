import { Pool } from 'undici';
import { type Exchange, exchange } from '../../http/exchange.ts';
import { HEADERS, PATHS } from '../../http/paths.ts';
import { type NodeId, parseNodeId } from '../../lib/brands.ts';
import { textOf } from '../../lib/bytes.ts';
import { RaftError } from '../../lib/errors.ts';
import { PEER_REQUESTS_MAX, PEER_RESPONSE_BYTES_MAX, PEER_TIMEOUT_MS } from '../../lib/limits.ts';
import type { LogPosition } from '../ports.ts';
import { positionIn } from './log-position.ts';

export interface HttpPeerOptions {
  readonly id: NodeId;
  /** Base URL, without a trailing slash. */
  readonly url: string;
  /** Sent with every request: who we are. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The connections to one peer. Each carries one request at a time, and all are kept open between requests. */
export class HttpPeer {
  readonly id: NodeId;
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pool: Pool;
  #underWay = 0;
  #isOriginal: Promise<boolean> | undefined;

  constructor(options: HttpPeerOptions) {
    this.id = options.id;
    this.url = options.url;
    this.#headers = { ...options.headers, 'content-type': 'application/json' };
    this.#pool = new Pool(options.url, {
      connections: PEER_REQUESTS_MAX,
      connect: { timeout: PEER_TIMEOUT_MS },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Whether as many requests are under way as may be: one more would only wait behind them, and grow old. */
  get isBusy(): boolean {
    return this.#underWay >= PEER_REQUESTS_MAX;
  }

  /** Posts one RPC, with headers of its own beside those of all. Never throws. */
  async post(path: string, body: Uint8Array, more: Readonly<Record<string, string>> = {}): Promise<Exchange> {
    this.#underWay++;
    const outcome = await exchange(this.#pool, {
      method: 'POST',
      path,
      headers: { ...this.#headers, ...more },
      body,
      timeoutMs: PEER_TIMEOUT_MS,
      responseBytesMax: PEER_RESPONSE_BYTES_MAX,
    });
    this.#underWay--;
    // Behind a new connection there may be another process.
    if (outcome.type === 'failed') this.#isOriginal = undefined;
    return outcome;
  }

  /**
   * Whether the node behind this address, which does not introduce itself, is the one that we take it for: the
   * original tells its id on a path of its own. Asked once, and again after a connection was lost.
   */
  confirmOriginal(): Promise<boolean> {
    this.#isOriginal ??= this.#askForId();
    return this.#isOriginal;
  }

  /** Asks for its id; the headers of the answer introduce it. Never throws. */
  askForId(more: Readonly<Record<string, string>> = {}): Promise<Exchange> {
    return exchange(this.#pool, {
      method: 'GET',
      path: PATHS.id,
      headers: { ...this.#headers, ...more },
      timeoutMs: PEER_TIMEOUT_MS,
      responseBytesMax: PEER_RESPONSE_BYTES_MAX,
    });
  }

  async #askForId(): Promise<boolean> {
    const outcome = await this.askForId();
    const matches = idIn(outcome) === this.id;
    if (!matches) this.#isOriginal = undefined;
    return matches;
  }

  /** Ends all connections at once. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Who answers at an address: a node of the original tells its id and nothing else. */
export interface PeerIdentity {
  readonly id: NodeId;
  readonly clusterId: string | null;
  readonly incarnation: string | null;
  readonly run: string | null;
  readonly lastLogPosition: LogPosition;
}

/** What goes with the question who a node is. */
export interface IdentityQuestion {
  /** Say who asks. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Asks a node who it is, as the original's `NewHTTPPeer` does. `url` is its base URL. Throws a `RaftError`:
 * `unreachable` where it does not answer, `configuration` where what answers is no node.
 */
export async function fetchPeerIdentity(
  url: string,
  { headers = {}, signal }: IdentityQuestion = {},
): Promise<PeerIdentity> {
  const pool = new Pool(url, { connections: 1, connect: { timeout: PEER_TIMEOUT_MS } });
  try {
    const outcome = await exchange(pool, {
      method: 'GET',
      path: PATHS.id,
      headers,
      ...(signal === undefined ? {} : { signal }),
      timeoutMs: PEER_TIMEOUT_MS,
      responseBytesMax: PEER_RESPONSE_BYTES_MAX,
    });
    if (outcome.type === 'failed') {
      throw new RaftError('unreachable', `No node answers at ${url}: ${outcome.reason}.`, {
        suggestions: ['Start the node, and see that its address is right.'],
      });
    }
    const id = idIn(outcome);
    if (id === undefined) {
      throw new RaftError('configuration', `What answers at ${url} is not a Raft node.`, {
        suggestions: ['Check the address.'],
      });
    }
    return {
      id,
      clusterId: textIn(outcome.headers[HEADERS.clusterId]),
      incarnation: textIn(outcome.headers[HEADERS.incarnation]),
      run: textIn(outcome.headers[HEADERS.run]),
      lastLogPosition: positionIn(outcome.headers),
    };
  } finally {
    await pool.destroy();
  }
}

function textIn(header: string | string[] | undefined): string | null {
  return typeof header === 'string' ? header : null;
}

function idIn(outcome: Exchange): NodeId | undefined {
  if (outcome.type === 'failed' || outcome.status !== 200) return undefined;
  return parseNodeId(textOf(outcome.body).trim());
}
