import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { assertNever } from '../lib/assert.ts';
import { EMPTY_BYTES } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import {
  BODIES_BYTES_MAX,
  BODY_TIMEOUT_MS,
  HEADERS_TIMEOUT_MS,
  IDLE_CONNECTION_TIMEOUT_MS,
  REFUSED_BODY_TIMEOUT_MS,
} from '../lib/limits.ts';
import type { Logger } from '../raft/ports.ts';
import { BodyBudget } from './body-budget.ts';
import { answerClientError, refuseTunnel } from './client-error.ts';
import { connectionsMax } from './connections-max.ts';
import { listenError } from './listen-error.ts';
import { readBody } from './read-body.ts';
import { type Answer, errorAnswer, type Route, type StreamAnswer } from './route.ts';
import { sendStream } from './send-stream.ts';

/** How often `node:http` looks for connections that have exceeded their time, in milliseconds. */
const CONNECTIONS_CHECK_INTERVAL_MS = 250;

export interface HttpServerOptions {
  /** Served at once. Whatever else is asked for is answered 503 until `serve` gives all routes. */
  readonly routes: readonly Route[];
  /** Sent with every response until then. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hears of failures that nobody foresaw; the client only learns that there was one. */
  readonly logger?: Logger;
  /** A client must have sent all its headers after this time, in milliseconds. */
  readonly headersTimeoutMs?: number;
  /** A client must have sent its whole request after this time, and never pauses longer in taking its answer. */
  readonly bodyTimeoutMs?: number;
  /** The bodies of all requests under way hold at most this much together, in bytes. */
  readonly bodiesBytesMax?: number;
}

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Whether the client waits for `100 Continue` before it sends the body. */
type Expectation = 'none' | '100-continue';

/**
 * A node's one HTTP server: peers and users come in here. It waits for bodies within their limits, so that routes see
 * whole requests only, and nothing that a client does or a route throws ends the process.
 */
export class HttpServer {
  readonly #server: Server;
  #routes: readonly Route[];
  #headers: Readonly<Record<string, string>>;
  #phase: 'starting' | 'serving' = 'starting';
  readonly #logger: Logger | undefined;
  readonly #bodyTimeoutMs: number;
  readonly #bodies: BodyBudget;
  readonly #underWay = new Set<AbortController>();

  constructor(options: HttpServerOptions) {
    this.#routes = options.routes;
    this.#headers = options.headers;
    this.#logger = options.logger;
    this.#bodyTimeoutMs = options.bodyTimeoutMs ?? BODY_TIMEOUT_MS;
    this.#bodies = new BodyBudget(options.bodiesBytesMax ?? BODIES_BYTES_MAX);
    const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
    this.#server = createServer({
      headersTimeout,
      requestTimeout: Math.max(this.#bodyTimeoutMs, headersTimeout),
      keepAliveTimeout: IDLE_CONNECTION_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_INTERVAL_MS,
      noDelay: true,
      // Node would answer with an empty body: #answer says what is missing.
      requireHostHeader: false,
    });
    this.#server.maxConnections = connectionsMax();
    this.#server.on('request', (request, response) => void this.#serve(request, response, 'none'));
    this.#server.on(
      'checkContinue',
      (request, response) => void this.#serve(request, response, '100-continue'),
    );
    this.#server.on('checkExpectation', (request, response) => this.#refuseExpectation(request, response));
    this.#server.on('connect', (_request, socket) => refuseTunnel(socket));
    this.#server.on('clientError', answerClientError);
  }

  /**
   * Listens on `host` (127.0.0.1 unless told otherwise) and `port` (0: any free one), and resolves with where that is.
   * Throws a `RaftError`: `address-in-use`, or `cannot-create` where this process may not listen there.
   */
  async listen(options: { readonly host?: string; readonly port: number }): Promise<ListenAddress> {
    const host = options.host ?? '127.0.0.1';
    await new Promise<void>((resolve, reject) => {
      // The listener stays: an error of a later accept (too many open files) must not end the process.
      this.#server.on('error', (error) => reject(listenError(error, host, options.port)));
      this.#server.listen(options.port, host, resolve);
    });
    const address = this.#server.address();
    return { host, port: typeof address === 'object' && address !== null ? address.port : options.port };
  }

  /** Serves these routes from now on, with these headers: a node listens before it knows from its disk who it is. */
  serve(routes: readonly Route[], headers: Readonly<Record<string, string>>): void {
    this.#routes = routes;
    this.#headers = headers;
    this.#phase = 'serving';
  }

  /**
   * Accepts nothing more, ends idle connections at once, and the others once they are answered or after `graceMs`.
   * Resolves when the last connection has ended.
   */
  async close(graceMs: number): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const controller of this.#underWay) controller.abort();
        this.#server.closeAllConnections();
      }, graceMs);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, expectation: Expectation): Promise<void> {
    const controller = new AbortController();
    this.#underWay.add(controller);
    response.once('close', () => {
      this.#underWay.delete(controller);
      // Nobody works on a request that has been answered, and an abort is dear: it makes an error with a stack.
      if (!response.writableFinished) controller.abort();
    });
    try {
      const answer = await this.#answer(request, response, controller.signal, expectation);
      if (answer === undefined) return;
      if ('chunks' in answer) await this.#stream(request, response, answer);
      else this.#send(request, response, answer);
    } catch (error) {
      this.#fail(request, response, errorAnswer(this.#forTheClient(request, error)));
    }
  }

  /** The answer to a request, or undefined where the client went away before it had sent the whole of it. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
    expectation: Expectation,
  ): Promise<Answer | StreamAnswer | undefined> {
    if (request.headers.origin !== undefined) throw webPage();
    if (request.headers.host === undefined && request.httpVersion === '1.1') throw hostless();
    const [path, query] = splitTarget(request.url ?? '/');
    const found = this.#find(path, request.method ?? 'GET');
    if (found.type === 'refused') return found.answer;
    const { route } = found;
    const bytes = await this.#bodyOf(request, response, route, expectation);
    if (bytes === undefined) return undefined;
    const headersOnly = request.method === 'HEAD';
    const asked = { headers: request.headers, query: new URLSearchParams(query) };
    return route.handle({ ...asked, body: bytes, signal, headersOnly });
  }

  /** The body of a request within the limits, or undefined where the client went away before it had sent all of it. */
  async #bodyOf(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    expectation: Expectation,
  ): Promise<Uint8Array | undefined> {
    const bytesMax = bodyBytesMaxOf(route, request.headers);
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(route, bytesMax);
    if (expectation === '100-continue') response.writeContinue();
    if (!hasBody(request)) return EMPTY_BYTES;
    const share = this.#bodies.share();
    // Whoever handles the request may hold the body until the answer is out.
    response.once('close', () => share.release());
    const body = await readBody(request, bytesMax, share);
    switch (body.type) {
      case 'whole':
        return body.bytes;
      case 'too-large':
        throw tooLarge(route, bytesMax);
      case 'over-budget':
        throw overBudget();
      case 'gone':
        return undefined;
      default:
        return assertNever(body, 'body');
    }
  }

  #refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
    const error = new RaftError('bad-request', 'The only expectation that is met here is 100-continue.');
    this.#fail(request, response, errorAnswer(error, 417));
  }

  #find(
    path: string,
    method: string,
  ):
    | { readonly type: 'route'; readonly route: Route }
    | { readonly type: 'refused'; readonly answer: Answer } {
    const here = this.#routes.filter((route) => route.path === path);
    const route = here.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method));
    if (route !== undefined) return { type: 'route', route };
    if (here.length === 0) throw this.#nothingAt(path);
    const allowed = here.map((candidate) => candidate.method);
    const error = new RaftError(
      'method-not-allowed',
      `${path} takes ${allowed.join(' and ')}, not ${method}.`,
    );
    return { type: 'refused', answer: { ...errorAnswer(error), headers: { allow: allowed.join(', ') } } };
  }

  /** A node that starts must not look like one that does not know a path: peers take that for the original. */
  #nothingAt(path: string): RaftError {
    return this.#phase === 'starting'
      ? new RaftError('stopping', 'This node is starting: try again soon.')
      : new RaftError('not-found', `There is nothing at ${path}.`);
  }

  /** What a route threw, as the client may see it: of an unforeseen failure, that it happened and not its insides. */
  #forTheClient(request: IncomingMessage, error: unknown): RaftError {
    if (error instanceof RaftError) return error;
    const insides = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#logger?.warn(`${request.method} ${request.url} failed in a way that was not foreseen: ${insides}`);
    return new RaftError('unexpected', 'This node failed on the request in a way that was not foreseen.');
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    if (response.headersSent || response.destroyed) {
      // A stream that breaks off must not look like one that has ended.
      response.destroy();
      return;
    }
    const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': body.length,
      ...this.#headers,
      ...answer.headers,
    });
    response.setTimeout(this.#bodyTimeoutMs, () => this.#cutOff(request));
    response.end(body);
    if (!request.complete) endUnlessComplete(request);
  }

  async #stream(request: IncomingMessage, response: ServerResponse, answer: StreamAnswer): Promise<void> {
    const slow = { timeoutMs: this.#bodyTimeoutMs, cutOff: () => this.#cutOff(request) };
    await sendStream(response, answer, this.#headers, slow);
  }

  /** A client that takes nothing of its answer would hold it, and its connection, for ever. */
  #cutOff(request: IncomingMessage): void {
    this.#logger?.info(`A client took nothing of its answer for ${this.#bodyTimeoutMs} ms, and was cut off.`);
    request.socket.destroy();
  }

  /** Sends what is to be said after a failure. Where that fails too, the connection ends: nothing may be thrown here. */
  #fail(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    try {
      this.#send(request, response, answer);
    } catch (error) {
      this.#logger?.warn(`${request.method} ${request.url} could not be answered: ${String(error)}`);
      response.destroy();
    }
  }
}

/**
 * The answer went out before the body had come in. `node:http` drops the rest of the body, because a connection that is
 * closed on unread bytes is reset, and the client would lose the answer; this bounds how long that may go on.
 */
function endUnlessComplete(request: IncomingMessage): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, REFUSED_BODY_TIMEOUT_MS);
  timer.unref();
}

function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/** Path and query of a request's target, which proxies' clients write as a whole URL (RFC 9112, section 3.2.2). */
function splitTarget(target: string): readonly [path: string, query: string] {
  const relative = target.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = relative.indexOf('?');
  return mark === -1 ? [relative, ''] : [relative.slice(0, mark), relative.slice(mark + 1)];
}

/** Browsers add `Origin` to what a page sends: no page may talk to a node, least of all to one on loopback. */
function webPage(): RaftError {
  return new RaftError(
    'not-permitted',
    'Requests from web pages are refused: this one has an Origin header.',
  );
}

function hostless(): RaftError {
  return new RaftError('bad-request', 'A request in HTTP/1.1 needs a Host header.');
}

function bodyBytesMaxOf({ bodyBytesMax }: Route, headers: IncomingHttpHeaders): number {
  return typeof bodyBytesMax === 'number' ? bodyBytesMax : bodyBytesMax(headers);
}

function tooLarge(route: Route, bytesMax: number): RaftError {
  return new RaftError('too-large', `${route.path} takes at most ${bytesMax} bytes.`);
}

function overBudget(): RaftError {
  return new RaftError('too-many', 'This node is reading as much as it can hold; the request was not done.', {
    suggestions: ['Try again soon.'],
  });
}
