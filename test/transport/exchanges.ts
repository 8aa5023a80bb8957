import { readFileSync } from 'node:fs';

/** One request to a node of the original, and its answer, as they were recorded. */
export interface RecordedExchange {
  readonly to: number;
  readonly method: string;
  readonly path: string;
  readonly request: Uint8Array<ArrayBuffer>;
  readonly status: number;
  readonly contentType: string;
  readonly response: Uint8Array;
}

const FIXTURE = new URL('../fixtures/seed-wire/exchanges.ndjson', import.meta.url);

/** All recorded exchanges, in the order in which they ended. */
export function readExchanges(): readonly RecordedExchange[] {
  return readFileSync(FIXTURE, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { to, method, path, requestBase64, status, responseContentType, responseBase64 } =
        JSON.parse(line);
      return {
        to,
        method,
        path,
        request: new Uint8Array(Buffer.from(requestBase64, 'base64')),
        status,
        contentType: responseContentType,
        response: new Uint8Array(Buffer.from(responseBase64, 'base64')),
      };
    });
}

/** The ids of the recorded nodes, by their number. */
export function idsOf(exchanges: readonly RecordedExchange[]): ReadonlyMap<number, string> {
  const answers = exchanges.filter((exchange) => exchange.path === '/raft/id');
  return new Map(answers.map((exchange) => [exchange.to, Buffer.from(exchange.response).toString()]));
}

/** Sends a recorded request to the node at `url`. */
export async function replay(url: string, { method, path, request }: RecordedExchange) {
  const response = await fetch(`${url}${path}`, { method, ...(method === 'POST' ? { body: request } : {}) });
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    response: new Uint8Array(await response.arrayBuffer()),
  };
}
