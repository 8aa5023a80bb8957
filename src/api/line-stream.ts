import { type Agent, type IncomingMessage, request as openRequest } from 'node:http';
import { TextDecoder } from 'node:util';
import { concatBytes } from '../lib/bytes.ts';
import { RESPONSE_BYTES_MAX } from '../lib/limits.ts';

/** What is asked for as a stream of lines. */
export interface StreamCall {
  readonly server: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The answer has to begin within this time, in milliseconds. */
  readonly answerMs: number;
  /** The stream breaks off where nothing comes for this long while somebody waits for it, in milliseconds. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/** How a server answers. */
export interface StreamResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The whole body, where the answer is no stream: an error. */
  body(): Promise<Uint8Array>;
  /** The lines of the body as they come. Throws where the connection breaks or falls silent. */
  lines(): AsyncIterable<string>;
  /** Ends the connection. */
  close(): void;
}

/** Asks for a stream, and resolves once the answer begins. Throws where there is none in time. */
export function openStream(agent: Agent, call: StreamCall): Promise<StreamResponse> {
  const { server, path, headers, answerMs, silenceMs, signal } = call;
  return new Promise((resolve, reject) => {
    const request = openRequest(`${server}${path}`, { agent, method: 'GET', headers, signal });
    const timer = setTimeout(() => request.destroy(silence(answerMs)), answerMs);
    // The listener stays: what was destroyed may still report an error.
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.once('response', (response) => {
      clearTimeout(timer);
      // Whoever reads the body hears of an error there; one that comes before or after would end the process.
      response.on('error', () => {});
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: () => bodyOf(response, silenceMs),
        lines: () => linesOf(response, silenceMs),
        close: () => response.destroy(),
      });
    });
    request.end();
  });
}

async function bodyOf(response: IncomingMessage, silenceMs: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(response, silenceMs)) {
    length += chunk.length;
    if (length > RESPONSE_BYTES_MAX) throw tooLong();
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

async function* linesOf(response: IncomingMessage, silenceMs: number): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunksOf(response, silenceMs)) {
    const [first = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    parts.push(first);
    length += first.length;
    for (const next of rest) {
      yield parts.join('');
      parts = [next];
      length = next.length;
    }
    if (length > RESPONSE_BYTES_MAX) throw tooLong();
  }
}

/** Only the time that somebody waits counts: a reader who is busy himself has not been left alone. */
async function* chunksOf(response: IncomingMessage, silenceMs: number): AsyncGenerator<Uint8Array, void> {
  const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(silence(silenceMs)), silenceMs);
      const chunk = await chunks.next().finally(() => clearTimeout(timer));
      if (chunk.done === true) return;
      yield chunk.value;
    }
  } finally {
    response.destroy();
  }
}

function silence(ms: number): Error {
  return new Error(`it said nothing for ${ms} ms`);
}

function tooLong(): Error {
  return new Error(`a line of its answer is longer than ${RESPONSE_BYTES_MAX} bytes`);
}
