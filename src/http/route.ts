import type { IncomingHttpHeaders } from 'node:http';
import { httpStatusOf, type RaftError } from '../lib/errors.ts';
import type { ErrorBody } from './error-body.ts';

/** One path of a node's HTTP server, whoever mounts it: peers' RPCs and users' paths look the same to the server. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** A longer body is answered with `too-large` (413) and not kept. It may follow from the headers. */
  readonly bodyBytesMax: number | ((headers: IncomingHttpHeaders) => number);
  /** A `RaftError` that is thrown becomes its status and `ErrorBody`; anything else that is thrown, a 500. */
  handle(request: RouteRequest): Answer | Promise<Answer | StreamAnswer>;
}

/** A request whose body has arrived whole. */
export interface RouteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  /** Aborted once the client has gone, or the server closes. */
  readonly signal: AbortSignal;
  /** The client asked what the answer would be like, and takes no body (HEAD). */
  readonly headersOnly: boolean;
}

/** What goes back. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that comes in pieces, for as long as both sides want it. What fails in it has to be its last chunk. */
export interface StreamAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: AsyncIterable<string>;
}

/** One JSON document a line. */
export const NDJSON = 'application/x-ndjson';

/** The content type that Go's server gives to text; the original's answers carry it. */
export const TEXT = 'text/plain; charset=utf-8';

const JSON_TYPE = 'application/json; charset=utf-8';

/** An answer in JSON, with a line feed at its end for whoever reads it in a terminal. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, contentType: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

/** The `ErrorBody` of an error, with the status that belongs to its code unless the caller knows a better one. */
export function errorAnswer(error: RaftError, status: number = httpStatusOf(error.code)): Answer {
  return jsonAnswer(status, errorBody(error));
}

/** An error as clients read it. */
export function errorBody({ code, message, suggestions, leader }: RaftError): ErrorBody {
  return { error: { code, message, suggestions, ...(leader === undefined ? {} : { leader }) } };
}
