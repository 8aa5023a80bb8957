import { randomInt } from 'node:crypto';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { PATHS } from '../http/paths.ts';

const ID_BYTES_MAX = 64;

/** The id that answers at a node's address, or undefined where nobody answers with one in time. */
export function askNodeId(url: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(
      `${url}${PATHS.id}`,
      { signal: AbortSignal.timeout(timeoutMs), agent: false },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > ID_BYTES_MAX) response.destroy();
        });
        response.on('close', () => resolve(/^\d+$/.test(text.trim()) ? text.trim() : undefined));
        response.on('error', () => resolve(undefined));
      },
    );
    request.on('error', () => resolve(undefined));
  });
}

/** Whether a server can listen on a loopback port now. */
export function isPortFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    (server) => server.close().then(() => true),
    () => false,
  );
}

/**
 * Ports below those that systems give to outgoing connections (from 32768 on, or higher): of the latter one that belongs
 * to a stopped node is now and then taken by some connection, and for a minute after that.
 */
const PORTS_LASTING = { from: 10_240, before: 32_768 } as const;

/** So many are tried before any port will do. */
const PORTS_TRIED_MAX = 100;

/** `count` ports that are free now, all different, and likely to be free again for a server that comes back. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Listening[] = [];
  try {
    // All are held at once, or the same one could be found twice.
    while (servers.length < count) servers.push(await listenSomewhere());
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
  return servers.map((server) => server.port);
}

async function listenSomewhere(): Promise<Listening> {
  for (let tries = 0; tries < PORTS_TRIED_MAX; tries++) {
    const port = randomInt(PORTS_LASTING.from, PORTS_LASTING.before);
    const server = await listenOnce(port).catch(() => undefined);
    if (server !== undefined) return server;
  }
  return listenOnce(0);
}

interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

function listenOnce(port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      resolve({ port: bound, close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
