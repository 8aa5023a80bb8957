import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { concatBytes, EMPTY_BYTES } from '../lib/bytes.ts';

/** One HTTP request between nodes. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The whole exchange takes at most this long, in milliseconds. */
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
  readonly signal?: AbortSignal;
}

/** How an exchange ended. It never throws: on a network, failure is ordinary. */
export type Exchange =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Uint8Array;
    }
  | {
      readonly type: 'failed';
      /** False only where certainly no byte of the request has left this node. */
      readonly sent: boolean;
      readonly cause: FailureCause;
      readonly reason: string;
    };

/** The connection could not be made or broke; time was up; the caller called it off; the answer was too long. */
export type FailureCause = 'connection' | 'time' | 'called-off' | 'too-long';

/** Sends one request through a connection pool, and resolves once it is answered or has failed. */
export function exchange(dispatcher: Dispatcher, request: ExchangeRequest): Promise<Exchange> {
  return new Promise((resolve) => {
    const attempt = new Attempt(request, resolve);
    const { method, path, headers, body } = request;
    dispatcher.dispatch({ method, path, headers, body: body ?? null }, attempt);
  });
}

/**
 * The life of one exchange. The time is kept by a timer of its own, because undici's are half a second coarse. Before
 * undici has a connection there is nothing to abort: an attempt that ends earlier is aborted when it would be sent.
 */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #resolve: (outcome: Exchange) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#end('called-off', 'the request was called off');
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #failure: Error | undefined;

  constructor(request: ExchangeRequest, resolve: (outcome: Exchange) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#timer = setTimeout(
      () => this.#end('time', `there was no answer within ${request.timeoutMs} ms`),
      request.timeoutMs,
    );
    if (request.signal?.aborted === true) this.#onAbort();
    else request.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#failure === undefined) this.#controller = controller;
    else controller.abort(this.#failure);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length <= this.#request.responseBytesMax) this.#chunks.push(chunk);
    else this.#end('too-long', `the answer is longer than ${this.#request.responseBytesMax} bytes`);
  }

  onResponseEnd(): void {
    if (this.#failure !== undefined) return;
    this.#release();
    const only = this.#chunks[0];
    const body = this.#chunks.length === 1 ? (only ?? EMPTY_BYTES) : concatBytes(this.#chunks);
    this.#resolve({ type: 'answered', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end('connection', error.message);
  }

  #end(cause: FailureCause, reason: string): void {
    if (this.#failure !== undefined) return;
    this.#release();
    this.#failure = new Error(reason);
    this.#resolve({ type: 'failed', sent: this.#controller !== undefined, cause, reason });
    this.#controller?.abort(this.#failure);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }
}
