import { type Agent, type ClientRequest, type IncomingMessage, request as openRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange, ExchangeRequest, FailureCause } from '../http/exchange.ts';
import { concatBytes } from '../lib/bytes.ts';

/**
 * Sends one request with `node:http`, and resolves once it is answered or has failed. Commands use it, because undici
 * takes longer to load than they take to run.
 */
export function httpCall(agent: Agent, server: string, call: ExchangeRequest): Promise<Exchange> {
  const { method, headers, body } = call;
  let request: ClientRequest;
  try {
    request = openRequest(`${server}${call.path}`, { agent, method, headers: withLength(headers, body) });
  } catch (error) {
    // Another node may name an address that is none.
    return Promise.resolve({ type: 'failed', sent: false, cause: 'connection', reason: String(error) });
  }
  return perform(request, call);
}

function perform(request: ClientRequest, call: ExchangeRequest): Promise<Exchange> {
  return new Promise((resolve) => {
    let sent = false;
    const { body, signal } = call;
    const end = (outcome: Exchange): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const fail = (cause: FailureCause, reason: string): void => {
      end({ type: 'failed', sent, cause, reason });
      request.destroy();
    };
    const onAbort = (): void => fail('called-off', 'the request was called off');
    const timer = setTimeout(
      () => fail('time', `there was no answer within ${Math.round(call.timeoutMs)} ms`),
      call.timeoutMs,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    request.once('socket', (socket) => whenConnected(socket, () => (sent = true)));
    // The listener stays: what was destroyed may still report an error.
    request.on('error', (error) => fail('connection', reasonOf(error)));
    request.once('response', (response) => collect(response, call.responseBytesMax, end, fail));
    request.end(body);
    if (signal?.aborted === true) onAbort();
  });
}

function withLength(headers: Readonly<Record<string, string>>, body: Uint8Array | undefined) {
  return body === undefined ? headers : { ...headers, 'content-length': String(body.length) };
}

/** A connection that was kept open takes the bytes at once, a new one as soon as it stands. */
function whenConnected(socket: Socket, connected: () => void): void {
  if (socket.connecting) socket.once('connect', connected);
  else connected();
}

function collect(
  response: IncomingMessage,
  bytesMax: number,
  end: (outcome: Exchange) => void,
  fail: (cause: FailureCause, reason: string) => void,
): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  response.on('data', (chunk: Uint8Array) => {
    length += chunk.length;
    if (length <= bytesMax) chunks.push(chunk);
    else fail('too-long', `the answer is longer than ${bytesMax} bytes`);
  });
  response.once('end', () => {
    end({
      type: 'answered',
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: concatBytes(chunks),
    });
  });
  response.on('error', (error) => fail('connection', reasonOf(error)));
}

/** Node's message for a refused connection to several addresses is empty; its code is not. */
function reasonOf(error: NodeJS.ErrnoException): string {
  return error.message === '' ? (error.code ?? 'the connection failed') : error.message;
}
