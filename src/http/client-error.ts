import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RaftError } from '../lib/errors.ts';
import { type Answer, errorAnswer } from './route.ts';

/**
 * Answers what the HTTP parser itself has refused, where no request and so no route exists: no HTTP, headers that are
 * too large, a client that is too slow. The connection ends in every case.
 */
export function answerClientError(error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, sentence } = verdictOn(codeOf(error));
  endWith(socket, errorAnswer(new RaftError('bad-request', sentence), status));
}

/** Answers CONNECT, for which there is no response object either: a node is no proxy. */
export function refuseTunnel(socket: Duplex): void {
  // The client may be gone already, and `node:http` does not listen on this socket any more.
  socket.on('error', () => socket.destroy());
  endWith(
    socket,
    errorAnswer(new RaftError('method-not-allowed', 'A node is no proxy: CONNECT is refused.')),
  );
}

/** Writes an answer without `node:http`, and ends the connection. */
function endWith(socket: Duplex, { status, contentType, body: text }: Answer): void {
  const body = Buffer.from(text);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ].join('\r\n');
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]), () => socket.destroy());
}

function verdictOn(code: string): { readonly status: number; readonly sentence: string } {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, sentence: 'The request did not arrive in time.' };
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, sentence: 'The headers of the request are too large.' };
    default:
      return { status: 400, sentence: 'This is not a request in HTTP.' };
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
