import { connect, type Socket } from 'node:net';
import type { FuzzRequest } from './fuzz-request.ts';

/** A response as it came, byte for byte. */
export interface RawResponse {
  readonly status: number;
  readonly headers: string;
  /** As Latin-1. */
  readonly body: string;
}

/** How an exchange ended. */
export interface RawOutcome {
  readonly responses: readonly RawResponse[];
  /** What came and is no whole response. */
  readonly rest: string;
  /** `silent`: the node neither answered nor closed the connection in time. */
  readonly end: 'answered' | 'closed' | 'silent';
}

/** A node answers within this time: a command waits for its decision at most ten seconds. In milliseconds. */
const PATIENCE_MS = 15_000;

/** Pauses between the pieces of a slow request, in milliseconds. */
const PIECE_PAUSE_MS = 15;
const PIECES = 5;

/** A client that goes away does so after this time, in milliseconds. */
const ABANDONED_AFTER_MS = 50;

/** Sends a request over a connection of its own, and resolves when it is answered or the connection has ended. */
export function exchangeRaw(port: number, request: FuzzRequest): Promise<RawOutcome> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const parser = new ResponseParser(request.isHead);
    const end = (how: RawOutcome['end']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ responses: parser.responses, rest: parser.rest, end: how });
    };
    const patienceMs = request.delivery === 'abandoned' ? ABANDONED_AFTER_MS : PATIENCE_MS;
    const timer = setTimeout(() => end('silent'), patienceMs);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      parser.push(text);
      if (parser.responses.length >= request.answers) end('answered');
    });
    // A node may reset the connection of a client that goes on sending what nobody wants.
    socket.on('error', () => end('closed'));
    socket.on('close', () => end('closed'));
    socket.once('connect', () => void deliver(socket, request));
  });
}

async function deliver(socket: Socket, { bytes, delivery }: FuzzRequest): Promise<void> {
  switch (delivery) {
    case 'whole':
    case 'abandoned':
      socket.write(bytes);
      return;
    case 'cut':
      socket.end(bytes);
      return;
    case 'slow':
      for (let piece = 0; piece < PIECES && !socket.destroyed; piece++) {
        const [from, to] = [piece, piece + 1].map((n) => Math.floor((n * bytes.length) / PIECES));
        socket.write(bytes.subarray(from, to));
        await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
      }
  }
}

/** Takes responses out of what a node says. All of them carry a Content-Length. */
class ResponseParser {
  readonly responses: RawResponse[] = [];
  readonly #isHead: boolean;
  rest = '';

  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  push(text: string): void {
    this.rest += text;
    while (this.#takeOne());
  }

  #takeOne(): boolean {
    const headEnd = this.rest.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.rest)?.[1];
    if (headEnd === -1 || status === undefined) return false;
    const headers = this.rest.slice(0, headEnd);
    const announced = /^content-length: (\d+)$/im.exec(headers)?.[1];
    if (announced === undefined) return this.#takeContinue(status, headEnd);
    const bodyStart = headEnd + 4;
    const bodyEnd = bodyStart + (this.#isHead ? 0 : Number(announced));
    if (this.rest.length < bodyEnd) return false;
    this.responses.push({ status: Number(status), headers, body: this.rest.slice(bodyStart, bodyEnd) });
    this.rest = this.rest.slice(bodyEnd);
    return true;
  }

  /** `100 Continue` is no answer yet. */
  #takeContinue(status: string, headEnd: number): boolean {
    if (status !== '100') return false;
    this.rest = this.rest.slice(headEnd + 4);
    return true;
  }
}
