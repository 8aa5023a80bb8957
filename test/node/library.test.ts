import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createClient,
  createServer,
  httpPeer,
  httpTransport,
  KvMachine,
  LocalHub,
  localPeer,
  type Server,
} from '../../src/index.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Above 2^53, where a number would be rounded. */
const IDS = ['13529762455909600461', '13529762455909600462', '13529762455909600463'];

describe('the library', () => {
  it('runs three servers in one process, over a hub', async () => {
    const hub = new LocalHub();
    const servers = makeServers((server) => hub.connect(server));
    for (const server of servers) server.setConfiguration(servers.map(localPeer));
    await startAll(servers);
    await putThroughEach(servers);
    await readThroughEach(servers);
  });

  it('runs three servers over HTTP, whose peers are found by their addresses alone', async () => {
    const servers = makeServers(() => {});
    const urls = await Promise.all(servers.map((server) => httpTransport(server, { port: 0 })));
    const peers = await Promise.all(urls.map(httpPeer));
    expect(peers.map((peer) => peer.id)).toEqual(IDS);
    for (const server of servers) server.setConfiguration(peers);
    await startAll(servers);
    await putThroughEach(servers);
    await readThroughEach(servers);
  });

  it('keeps what was acknowledged when the leader stops, and when all stop and start again', async () => {
    const directory = temporaryDirectory();
    const first = await startCluster(directory);
    await putThroughEach(first);
    const leader = await leaderOf(first);
    await leader.stop();
    const rest = first.filter((server) => server !== leader);
    await readThroughEach(rest);
    await Promise.all(rest.map((server) => server.stop()));
    await readThroughEach(await startCluster(directory));
  });

  it('tells whoever watches a server what is changed through any of them, until it stops', async () => {
    const hub = new LocalHub();
    const servers = makeServers((server) => hub.connect(server));
    for (const server of servers) server.setConfiguration(servers.map(localPeer));
    await startAll(servers);
    const leader = await leaderOf(servers);
    const watch = await leader.watch({ type: 'prefix', prefix: 'through-' });
    const [follower] = servers.filter((server) => server !== leader);
    await expect(follower?.watch({ type: 'prefix', prefix: '' })).rejects.toMatchObject({
      code: 'not-leader',
    });
    await putThroughEach(servers);
    const keys: string[] = [];
    while (keys.length < IDS.length)
      keys.push(...((await watch.next())?.changes ?? []).map(({ key }) => key));
    expect(keys).toEqual(servers.map(({ id }) => `through-${id}`));
    const next = watch.next();
    await Promise.all([expect(next).rejects.toMatchObject({ code: 'stopping' }), leader.stop()]);
  });

  it('applies a command in a session once, whichever server it comes to, and after all have been restarted', async () => {
    const directory = temporaryDirectory();
    const first = await startCluster(directory);
    const results = [...(await commandThroughEach(first, 'cas'))];
    await Promise.all(first.map((server) => server.stop()));
    results.push(...(await commandThroughEach(await startCluster(directory), 'cas')));
    expect(new Set(results)).toEqual(new Set(['{"ok":true,"swapped":true,"index":2} 2']));
  });

  it('opens one session for a client, which follows the leader', async () => {
    const servers = makeServers(() => {});
    const urls = await Promise.all(servers.map((server) => httpTransport(server, { port: 0 })));
    const peers = await Promise.all(urls.map(httpPeer));
    for (const server of servers) server.setConfiguration(peers);
    await startAll(servers);
    const leader = await leaderOf(servers);
    const followerUrls = urls.filter((_, at) => servers[at] !== leader);
    const client = createClient({ servers: followerUrls });
    onTestFinished(() => client.close());
    const put = async (value: string) => client.command(Buffer.from(`put k ${value}`));
    expect((await put('1')).index).toBe(2);
    // A follower passes on where the command stands in its session: the log time moves with such commands alone.
    await eventually('time passes', async () => {
      await put('2');
      return (servers[0]?.status().logTimeMs ?? 0) > 0 ? true : undefined;
    });
  });

  it('says what is wrong with a configuration', async () => {
    const [server] = makeServers(() => {});
    expect(() => server?.setConfiguration([])).toThrow(/do not include this node/);
    expect(() => createServer({ id: '0', dataDir: 'x', apply: new KvMachine() })).toThrow(/is not an id/);
    await expect(server?.start()).rejects.toThrow(/no network/);
  });

  it('refuses a second server on the same directory', async () => {
    const directory = temporaryDirectory();
    const [one] = await startCluster(directory);
    const again = makeServer(String(one?.id), join(directory, String(one?.id)));
    const hub = new LocalHub();
    hub.connect(again);
    again.setConfiguration([localPeer(again)]);
    await expect(again.start()).rejects.toMatchObject({ code: 'already-running' });
  });
});

async function startCluster(directory: string): Promise<readonly Server[]> {
  const hub = new LocalHub();
  const servers = IDS.map((id) => makeServer(id, join(directory, id)));
  for (const server of servers) hub.connect(server);
  for (const server of servers) server.setConfiguration(servers.map(localPeer));
  await startAll(servers);
  return servers;
}

function makeServers(connect: (server: Server) => void): readonly Server[] {
  const directory = temporaryDirectory();
  const servers = IDS.map((id) => makeServer(id, join(directory, id)));
  servers.forEach(connect);
  return servers;
}

function makeServer(id: string, dataDir: string): Server {
  const server = createServer({ id, dataDir, apply: new KvMachine() });
  onTestFinished(() => server.stop());
  return server;
}

async function startAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.start()));
  await leaderOf(servers);
}

function leaderOf(servers: readonly Server[]): Promise<Server> {
  return eventually('all agree on a leader', () => {
    const leaders = new Set(servers.map((server) => server.status().leaderId));
    const leader = servers.find((server) => server.status().role === 'leader');
    return leaders.size === 1 ? leader : undefined;
  });
}

async function putThroughEach(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    const { response } = await server.command(Buffer.from(`put through-${server.id} yes`));
    expect(JSON.parse(Buffer.from(response).toString())).toMatchObject({ ok: true });
  }
}

/** The same command with the same place, through each server: what it was answered, and with which index. */
async function commandThroughEach(servers: readonly Server[], key: string): Promise<readonly string[]> {
  const session = sessionIdOfBytes(new Uint8Array(16).fill(1));
  const place = { session, sequence: 1, acknowledgedBelow: 1, openedAtMs: 0 };
  const command = Buffer.from(JSON.stringify({ op: 'cas', key, expect: null, value: 'v' }));
  const results: string[] = [];
  for (const server of servers) {
    const { index, response } = await eventually(`${server.id} answers`, () =>
      server.command(command, { place }),
    );
    results.push(`${Buffer.from(response)} ${index}`);
  }
  return results;
}

async function readThroughEach(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    for (const id of IDS) {
      const answer = await eventually(`${server.id} answers`, () =>
        server.query(Buffer.from(`get through-${id}`), 'linearizable'),
      );
      expect(JSON.parse(Buffer.from(answer).toString())).toMatchObject({ found: true, value: 'yes' });
    }
  }
}

it('a server that is stopped while it starts has ended, and its directory is free', async () => {
  const directory = temporaryDirectory();
  for (let round = 0; round < 5; round++) {
    const hub = new LocalHub();
    const server = makeServer(String(IDS[0]), directory);
    hub.connect(server);
    server.setConfiguration([localPeer(server)]);
    const starting = server.start();
    await server.stop();
    await starting.catch(() => {});
    expect(server.isRunning).toBe(false);
    expect(existsSync(join(directory, 'lock'))).toBe(false);
  }
});

it('a request that was called off before it came is not done', async () => {
  const [server] = await startCluster(temporaryDirectory());
  const options = { signal: AbortSignal.abort() };
  await expect(server?.command(Buffer.from('put never yes'), options)).rejects.toMatchObject({
    code: 'stopping',
  });
});
