import type { ServerResponse } from 'node:http';
import type { StreamAnswer } from './route.ts';

/** What becomes of a client that takes nothing of a chunk for a time, in milliseconds. */
export interface SlowClient {
  readonly timeoutMs: number;
  cutOff(): void;
}

/**
 * Sends a stream's chunks as they come, and waits wherever the client is slower: what it has not taken yet is one chunk
 * and the socket's own buffer. Resolves once the stream or the connection has ended. The connection is not used again,
 * so that a server that closes need not wait for it to become idle.
 */
export async function sendStream(
  response: ServerResponse,
  { status, contentType, chunks }: StreamAnswer,
  headers: Readonly<Record<string, string>>,
  slow: SlowClient,
): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  response.writeHead(status, { 'content-type': contentType, connection: 'close', ...headers });
  // So that the client learns at once that it was understood, also where the first chunk is long in coming.
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (response.write(chunk)) continue;
    // Only now does the client owe anything: a stream may have nothing to say for as long as it likes.
    response.setTimeout(slow.timeoutMs, slow.cutOff);
    await Promise.race([gone, drained(response)]);
    response.setTimeout(0);
    response.off('timeout', slow.cutOff);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', resolve));
}
