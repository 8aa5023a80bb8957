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

/** `count` ports that are free now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held at once, or the kernel could give the same one twice.
  const servers = await Promise.all(Array.from({ length: count }, () => listenOnce(0)));
  await Promise.all(servers.map((server) => server.close()));
  return servers.map((server) => server.port);
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
