import type { Dice } from './fuzz-dice.ts';

/** What a request may be answered with. */
export type Expectation =
  /** 400 and the empty response of the RPC, to the byte. */
  | { readonly type: 'malformed'; readonly rpc: 'vote' | 'append' }
  /** An error that says what it is. */
  | { readonly type: 'refused' }
  /** A well-formed no: success or vote_granted is false. */
  | { readonly type: 'no' }
  /** An error that says what it is, or an answer to a request that has turned out to be valid. */
  | { readonly type: 'any' };

/** One request of the fuzz test, as the bytes that go out. */
export interface FuzzRequest {
  /** What is wrong with it, for whoever reads of a failure. */
  readonly what: string;
  readonly bytes: Buffer;
  /**
   * `whole`: sent at once, and answered. `slow`: the same, in pieces. `cut`: the client ends its side after the last
   * byte, and so may get no answer. `abandoned`: the client goes away without waiting for one.
   */
  readonly delivery: 'whole' | 'slow' | 'cut' | 'abandoned';
  /** How many answers must come, for requests that are sent in one go. */
  readonly answers: number;
  readonly expected: Expectation;
  /** It does not introduce itself: a node that knows its sender by its introductions refuses it, whatever it holds. */
  readonly mayBeStrange?: boolean;
  /** HEAD is answered without a body. */
  readonly isHead: boolean;
}

/** What a request is made for: one node of a cluster that has a leader. */
export interface Situation {
  readonly target: string;
  readonly members: readonly [string, ...string[]];
  readonly leader: string;
  readonly term: number;
  readonly lastIndex: number;
  readonly clusterId: string;
}

/** Makes a request of one kind. */
export type Maker = (dice: Dice, situation: Situation) => FuzzRequest;

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** `length`: as a client sends it. `chunked`: in chunks, so that nobody knows its length in advance. */
  readonly framing?: 'length' | 'chunked';
}

/** A request in HTTP, well formed as far as HTTP goes. The connection ends with the answer. */
export function httpBytes({ method = 'POST', path, headers = [], body = '', framing }: RawRequest): Buffer {
  const content = Buffer.from(body);
  const isChunked = framing === 'chunked';
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: close',
    ...headers,
    isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, isChunked ? chunked(content) : content]);
}

/** A request that is sent at once and answered once. */
export function fuzzRequest(what: string, expected: Expectation, request: RawRequest): FuzzRequest {
  const bytes = httpBytes(request);
  return { what, bytes, delivery: 'whole', answers: 1, expected, isHead: request.method === 'HEAD' };
}

function chunked(content: Buffer): Buffer {
  const CHUNK_BYTES = 16 * 1024;
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += CHUNK_BYTES) {
    const chunk = content.subarray(at, at + CHUNK_BYTES);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
