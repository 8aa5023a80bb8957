/**
 * The demo of the article that the original was written with: five servers that talk over HTTP on loopback, a command
 * every half second, and each server prints every command that it applies.
 *
 *   npx tsx examples/five-servers.ts [COMMANDS]
 *
 * It ends by itself after so many commands (10 unless given), and with Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createServer, httpPeer, httpTransport, RaftError, type Server } from '../src/index.ts';

const SERVERS = 5;
const PAUSE_MS = 500;
const commands = Number(process.argv[2] ?? 10);
const directory = await mkdtemp(join(tmpdir(), 'five-servers-'));

const servers: Server[] = [];
const urls: string[] = [];
for (let n = 1; n <= SERVERS; n++) {
  const server = createServer({
    id: String(n),
    dataDir: join(directory, `server${n}`),
    apply: (index, command) => {
      console.log(`${index}, apply function: ${Buffer.from(command).toString()}`);
      return command;
    },
  });
  urls.push(await httpTransport(server, { port: 0 }));
  servers.push(server);
}

const peers = await Promise.all(urls.map(httpPeer));
for (const server of servers) server.setConfiguration(peers);
await Promise.all(servers.map((server) => server.start()));

let isInterrupted = false;
process.once('SIGINT', () => {
  isInterrupted = true;
});
for (let n = 1; n <= commands && !isInterrupted; n++) {
  await pause(PAUSE_MS);
  await send(`command ${n}`);
}

await Promise.all(servers.map(allApplied));
await Promise.all(servers.map((server) => server.stop()));
await rm(directory, { recursive: true });

/** Any server takes a command and passes it on to the leader; until there is one, it says so, and nothing was done. */
async function send(text: string): Promise<void> {
  for (;;) {
    try {
      await servers[0]?.command(Buffer.from(text));
      return;
    } catch (error) {
      if (!(error instanceof RaftError) || error.code !== 'no-leader') throw error;
      await pause(PAUSE_MS);
    }
  }
}

async function allApplied(server: Server): Promise<void> {
  const leader = servers.find((one) => one.status().role === 'leader');
  const last = leader?.status().commitIndex ?? 0;
  while (server.status().lastApplied < last) await pause(10);
}
