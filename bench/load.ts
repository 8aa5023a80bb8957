/**
 * The load of `bench/writes.ts`, in a process of its own: writes over a number of connections, each with one request
 * under way at a time. Prints one JSON object. It speaks HTTP over bare sockets, because `node:http` as a client would
 * take as much of the machine as the cluster that is measured.
 *
 *   load.ts URL CONNECTIONS SECONDS
 */
import { connect } from 'node:net';

/** What the load found out. Latencies are in milliseconds. */
export interface LoadResult {
  readonly writes: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 200. */
  readonly errors: number;
}

const VALUE = 'v'.repeat(128);
const KEYS = 100_000;

const [url = '', connections = '1', seconds = '5'] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const endMs = performance.now() + Number(seconds) * 1000;
const latenciesMs: number[] = [];
let errors = 0;
let sent = 0;

await Promise.all(Array.from({ length: Number(connections) }, writeUntilTheEnd));
latenciesMs.sort((a, b) => a - b);
const result: LoadResult = {
  writes: latenciesMs.length,
  seconds: Number(seconds),
  p50Ms: percentile(0.5),
  p99Ms: percentile(0.99),
  errors,
};
console.log(JSON.stringify(result));

/** One connection: the next write goes out when the one before is answered. */
function writeUntilTheEnd(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname).setNoDelay().setEncoding('latin1');
    let received = '';
    let begunMs = 0;
    const send = (): void => {
      begunMs = performance.now();
      received = '';
      socket.write(nextRequest());
    };
    socket.once('connect', send);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('A node has closed the connection.')));
    socket.on('data', (text) => {
      received += text;
      if (!isWhole(received)) return;
      const nowMs = performance.now();
      if (received.startsWith('HTTP/1.1 200 ')) latenciesMs.push(nowMs - begunMs);
      else errors++;
      if (nowMs < endMs) {
        send();
        return;
      }
      resolve();
      socket.destroy();
    });
  });
}

function nextRequest(): string {
  const key = `key${String(sent++ % KEYS).padStart(8, '0')}`;
  const body = `{"op":"put","key":"${key}","value":"${VALUE}"}`;
  return `POST /raft/command HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Whether a response has come in full. Every one of them carries a Content-Length. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1] ?? '0';
  return received.length >= headEnd + 4 + Number(length);
}

function percentile(share: number): number {
  return latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
}
