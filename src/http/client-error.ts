import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RaftError } from '../lib/errors.ts';
import { errorAnswer } from './route.ts';

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
  const answer = errorAnswer(new RaftError('bad-request', sentence), status);
  const body = Buffer.from(answer.body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${answer.contentType}`,
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
