import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { ClientOptions } from '../../src/api/client-types.ts';
import { logIndex, type NodeId, nodeId, term } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { RaftError, type RaftErrorCode } from '../../src/lib/errors.ts';
import { COMMAND_BYTES_MAX, RESPONSE_BYTES_MAX } from '../../src/lib/limits.ts';
import type { Role } from '../../src/raft/core/effects.ts';
import type { RaftService, ServiceMember } from '../../src/raft/service.ts';
import { fakeService, IDLE_STATUS, identity, startNode } from '../transport/nodes.ts';

const COMMAND = utf8('put a 1');
const BIG_ID = '18446744073709551615';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A node of a cluster, as a client sees it, whose layer below the API is told what to answer. */
class Node {
  role: Role = 'follower';
  leaderId: NodeId | null = null;
  leaderUrl: string | null = null;
  term = 1;
  failure: RaftErrorCode | undefined;
  readonly commands: string[] = [];
  readonly queries: string[] = [];
  /** Addresses of the members, as the node's status has them. */
  memberUrls: readonly string[] = [];
  url = '';
  stop: () => Promise<void> = async () => {};
  readonly id: NodeId;

  constructor(id: string) {
    this.id = nodeId(id);
  }

  async start(): Promise<this> {
    const node = await startNode({ identity: identity(this.id), service: this.#service() });
    this.url = node.url;
    this.stop = () => node.stop();
    closing.push(() => node.stop());
    return this;
  }

  #service(): RaftService {
    const fail = () => {
      if (this.failure !== undefined) throw new RaftError(this.failure, 'It was told to fail.');
    };
    return fakeService({
      command: async (command) => {
        this.commands.push(textOf(command));
        fail();
        return { index: logIndex(7), term: term(3), response: utf8(`from ${this.id}`) };
      },
      query: async (query, consistency) => {
        this.queries.push(`${consistency} ${textOf(query)}`);
        fail();
        return utf8(`from ${this.id}`);
      },
      status: () => ({
        ...IDLE_STATUS,
        id: this.id,
        name: `node${this.id}`,
        role: this.role,
        term: term(this.term),
        leaderId: this.leaderId,
        leaderUrl: this.leaderUrl,
        members: this.memberUrls.map(memberAt),
      }),
    });
  }
}

function memberAt(url: string, position: number): ServiceMember {
  const id = nodeId(String(position + 1));
  const unknown = { isHeard: null, matchIndex: null, dialect: null, incarnation: null };
  return { id, url, part: 'voter', ...unknown, mayBeOriginal: false };
}

async function cluster(...ids: readonly string[]): Promise<readonly [Node, Node, Node]> {
  const [one = '1', two = '2', three = '3'] = ids;
  return Promise.all([new Node(one).start(), new Node(two).start(), new Node(three).start()]);
}

function elect(leader: Node, nodes: readonly Node[], inTerm = 1): void {
  for (const node of nodes) {
    node.role = node === leader ? 'leader' : 'follower';
    node.leaderId = leader.id;
    node.leaderUrl = leader.url;
    node.term = inTerm;
  }
}

function clientOf(
  servers: readonly (Node | string)[],
  timeoutMs = 2_000,
  options: Omit<ClientOptions, 'servers'> = {},
) {
  const client = createClient({
    servers: servers.map((server) => (typeof server === 'string' ? server : server.url)),
    timeoutMs,
    ...options,
  });
  closing.push(() => client.close());
  return client;
}

/** A server that is no node of ours. */
async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const node = await new Node('9').start();
  await node.stop();
  return node.url;
}

describe('a command', () => {
  it('goes to the leader, wherever that stands in the list, and once', async () => {
    const nodes = await cluster();
    elect(nodes[2], nodes);
    const result = await clientOf(nodes).command(COMMAND);
    expect({ ...result, response: textOf(result.response) }).toEqual({
      index: 7,
      term: 3,
      response: 'from 3',
    });
    expect(nodes.map((node) => node.commands.length)).toEqual([0, 0, 1]);
  });

  it('goes to the only server that is named, which forwards it', async () => {
    const nodes = await cluster();
    elect(nodes[2], nodes);
    expect(textOf((await clientOf([nodes[0]]).command(COMMAND)).response)).toBe('from 1');
  });

  it('passes over servers that are dead or hang', async () => {
    const nodes = await cluster();
    elect(nodes[2], nodes);
    const hanging = await startServer(() => {});
    const client = clientOf([await deadAddress(), hanging, ...nodes]);
    expect(textOf((await client.command(COMMAND)).response)).toBe('from 3');
  });

  it('follows the leader to another server after a change', async () => {
    const nodes = await cluster();
    elect(nodes[0], nodes);
    const client = clientOf(nodes);
    await client.command(COMMAND);
    elect(nodes[1], nodes, 2);
    nodes[0].failure = 'not-leader';
    expect(textOf((await client.command(COMMAND)).response)).toBe('from 2');
    await nodes[1].stop();
    elect(nodes[2], nodes, 3);
    // A question to everyone takes long enough to notice that the connection to the old leader has ended.
    await client.statusAll();
    expect(textOf((await client.command(COMMAND)).response)).toBe('from 3');
  });

  it('goes to the leader of the highest term where two say that they lead', async () => {
    const nodes = await cluster();
    elect(nodes[2], nodes, 5);
    nodes[0].role = 'leader';
    nodes[0].term = 4;
    expect(textOf((await clientOf(nodes).command(COMMAND)).response)).toBe('from 3');
  });

  it('waits while there is no leader, and is sent when there is one', async () => {
    const nodes = await cluster();
    const result = clientOf(nodes).command(COMMAND);
    setTimeout(() => elect(nodes[1], nodes), 100);
    expect(textOf((await result).response)).toBe('from 2');
  });

  it.each(['no-leader', 'not-leader', 'unreachable', 'stopping', 'too-many'] as const)(
    'is sent again after "%s", which says that it was not done',
    async (code) => {
      const nodes = await cluster();
      elect(nodes[0], nodes);
      nodes[0].failure = code;
      setTimeout(() => {
        nodes[0].failure = undefined;
      }, 60);
      expect(textOf((await clientOf(nodes).command(COMMAND)).response)).toBe('from 1');
      expect(nodes[0].commands.length).toBeGreaterThan(1);
    },
  );

  it.each(['outcome-unknown', 'bad-request', 'too-large'] as const)(
    'without a session is never sent again after "%s"',
    async (code) => {
      const nodes = await cluster();
      elect(nodes[0], nodes);
      nodes[0].failure = code;
      const client = clientOf(nodes, 2_000, { session: false });
      await expect(client.command(COMMAND)).rejects.toMatchObject({ code });
      expect(nodes.map((node) => node.commands.length)).toEqual([1, 0, 0]);
    },
  );

  it('has an outcome that is not known where a node failed in a way that was not foreseen', async () => {
    const nodes = await cluster();
    elect(nodes[0], nodes);
    nodes[0].failure = 'unexpected';
    const client = clientOf(nodes, 2_000, { session: false });
    await expect(client.command(COMMAND)).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringContaining('It was told to fail.'),
    });
    expect(nodes.map((node) => node.commands.length)).toEqual([1, 0, 0]);
  });

  it('is not sent any more once time is up, and then certainly was not done', async () => {
    const [follower, leader] = await cluster();
    follower.leaderId = leader.id;
    const hanging = await startServer(() => {});
    const begun = performance.now();
    await expect(clientOf([hanging, follower], 200).command(COMMAND)).rejects.toMatchObject({
      code: 'no-leader',
      message: expect.stringContaining('1 of 2 servers answered'),
    });
    // Less than the time that servers have for their status: nothing is asked after the end.
    expect(performance.now() - begun).toBeLessThan(400);
    expect(follower.commands).toEqual([]);
  });

  it('without a session is never sent again once bytes have left and no answer came', async () => {
    const [follower] = await cluster();
    for (const answer of [(socket: { destroy(): unknown }) => socket.destroy(), () => {}]) {
      let commands = 0;
      const leader = await startServer((request, response) => {
        if (request.url === '/raft/status') {
          response.end(JSON.stringify({ ...IDLE_STATUS, role: 'leader', term: 9 }));
          return;
        }
        commands++;
        answer(request.socket);
      });
      const client = clientOf([leader, follower], 300, { session: false });
      await expect(client.command(COMMAND)).rejects.toMatchObject({
        code: 'outcome-unknown',
        message: expect.stringContaining('may have been done'),
      });
      expect(commands).toBe(1);
    }
  });

  it('has an outcome that is not known where an original says 500 and no more', async () => {
    const original = await startServer((request, response) => {
      response.writeHead(request.url === '/raft/status' ? 404 : 500).end();
    });
    await expect(clientOf([original]).command(COMMAND)).rejects.toMatchObject({ code: 'outcome-unknown' });
  });

  it('is given up in time without a leader, with a sentence that says how many servers answer', async () => {
    const nodes = await cluster();
    const begun = performance.now();
    await expect(clientOf([...nodes, await deadAddress()], 300).command(COMMAND)).rejects.toMatchObject({
      code: 'no-leader',
      message: expect.stringMatching(/3 of 4 servers answered.*majority/),
    });
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(nodes.flatMap((node) => node.commands)).toEqual([]);
  });

  it('counts each node once where the user names its address in another way than the cluster', async () => {
    const [node] = await cluster();
    node.memberUrls = [node.url, await deadAddress(), await deadAddress()];
    const named = node.memberUrls.map((url) => url.replace('127.0.0.1', 'localhost'));
    for (const servers of [named, named.slice(0, 1), [...named, node.url]]) {
      await expect(clientOf(servers, 300).command(COMMAND)).rejects.toMatchObject({
        message: expect.stringContaining(': 1 of 3 servers answered, '),
      });
    }
  });

  it('fails at once where nobody listens at any address', async () => {
    const servers = [await deadAddress(), await deadAddress()];
    const begun = performance.now();
    await expect(clientOf(servers, 10_000).command(COMMAND)).rejects.toMatchObject({
      code: 'unreachable',
      message: 'None of the 2 servers answers.',
    });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('is refused before it is sent where it is empty or too large', async () => {
    const client = clientOf([await deadAddress()]);
    await expect(client.command(new Uint8Array(0))).rejects.toMatchObject({ code: 'bad-request' });
    await expect(client.command(new Uint8Array(COMMAND_BYTES_MAX + 1))).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  it('can be called off while it waits for a leader', async () => {
    const nodes = await cluster();
    const controller = new AbortController();
    const result = clientOf(nodes, 10_000).command(COMMAND, { signal: controller.signal });
    controller.abort();
    await expect(result).rejects.toMatchObject({
      code: 'stopping',
      message: 'The request was called off, and was not done.',
    });
  });
});

describe('a query', () => {
  it('goes to the leader unless it may be stale, and then to the first server that answers', async () => {
    const nodes = await cluster();
    elect(nodes[2], nodes);
    const client = clientOf([await deadAddress(), ...nodes]);
    expect(textOf(await client.query(utf8('get a')))).toBe('from 3');
    expect(textOf(await client.query(utf8('get a'), { consistency: 'stale' }))).toBe('from 1');
    expect(nodes.map((node) => node.queries)).toEqual([['stale get a'], [], ['linearizable get a']]);
  });

  it('is asked again elsewhere where no answer comes, because it changes nothing', async () => {
    const nodes = await cluster();
    elect(nodes[1], nodes, 1);
    let isFirst = true;
    const dying = await startServer((request, response) => {
      if (request.url === '/raft/status' && isFirst) {
        response.end(JSON.stringify({ ...IDLE_STATUS, role: 'leader', term: 9 }));
        return;
      }
      isFirst = false;
      request.socket.destroy();
    });
    expect(textOf(await clientOf([dying, ...nodes]).query(utf8('get a')))).toBe('from 2');
  });

  it('fails at once where the machine does not understand it', async () => {
    const nodes = await cluster();
    elect(nodes[0], nodes);
    nodes[0].failure = 'machine-error';
    await expect(clientOf(nodes).query(utf8('?'))).rejects.toMatchObject({ code: 'machine-error' });
  });

  it('is given up in time, with a sentence that speaks of a read: there is nothing that was not done', async () => {
    const nodes = await cluster();
    await expect(clientOf(nodes, 200).query(utf8('get a'))).rejects.toMatchObject({
      code: 'no-leader',
      message: expect.stringMatching(
        /^No leader answered the read within 200 ms: 3 of 3 servers answered, .*majority/,
      ),
    });
    const hanging = await startServer(() => {});
    const stale = clientOf([hanging], 200).query(utf8('get a'), { consistency: 'stale' });
    // No leader is needed for that, so that none is missing.
    await expect(stale).rejects.toMatchObject({
      code: 'unreachable',
      message: 'No server answered the read within 200 ms: 0 of 1 servers answered.',
    });
  });

  it('can be called off while it waits for a leader', async () => {
    const nodes = await cluster();
    const controller = new AbortController();
    const result = clientOf(nodes, 10_000).query(utf8('get a'), { signal: controller.signal });
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: 'stopping', message: 'The request was called off.' });
  });

  it('takes no answer without end', async () => {
    const endless = await startServer((request, response) => {
      if (request.url === '/raft/status') response.end(JSON.stringify({ ...IDLE_STATUS, role: 'leader' }));
      else response.end(Buffer.alloc(RESPONSE_BYTES_MAX + 1));
    });
    await expect(clientOf([endless], 1_000).query(utf8('q'))).rejects.toMatchObject({ code: 'too-large' });
  });
});

describe('the status of servers', () => {
  it('is had from each directly, without a leader, in the order of the list', async () => {
    const nodes = await cluster(BIG_ID);
    const stranger = await startServer((_, response) => void response.writeHead(200).end('<html>'));
    const reports = await clientOf([...nodes, await deadAddress(), stranger]).statusAll();
    expect(reports.map((report) => (report.type === 'status' ? report.status.id : report.type))).toEqual([
      BIG_ID,
      '2',
      '3',
      'silent',
      'no-status',
    ]);
  });

  it('of one server is its own view, or an error', async () => {
    const [node] = await cluster(BIG_ID);
    const client = clientOf([node]);
    expect(await client.status(node.url)).toMatchObject({
      id: BIG_ID,
      clusterId: 'cluster-a',
      machine: 'kv',
    });
    await expect(client.status(await deadAddress())).rejects.toMatchObject({ code: 'unreachable' });
    const stranger = await startServer((_, response) => void response.writeHead(404).end());
    await expect(client.status(stranger)).rejects.toMatchObject({ code: 'unsupported' });
    const hanging = await startServer(() => {});
    await expect(client.status(hanging, { timeoutMs: 50 })).rejects.toMatchObject({
      message: expect.stringMatching(/no answer within \d+ ms/),
    });
  });
});

describe('the leader', () => {
  it('is named by itself, also where it does not stand in the list', async () => {
    const nodes = await cluster('1', '2', BIG_ID);
    elect(nodes[2], nodes, 4);
    const leader = { id: BIG_ID, name: `node${BIG_ID}`, url: nodes[2].url, term: 4 };
    expect(await clientOf(nodes).leader()).toEqual(leader);
    expect(await clientOf([nodes[0]]).leader()).toEqual(leader);
  });

  it('is given up in time where the address that a node names hangs, or is none', async () => {
    const hanging = await startServer(() => {});
    for (const leaderUrl of [hanging, 'https://127.0.0.1:1', 'nowhere']) {
      const [node] = await cluster();
      node.leaderUrl = leaderUrl;
      const begun = performance.now();
      await expect(clientOf([node], 150).leader()).rejects.toMatchObject({ code: 'no-leader' });
      expect(performance.now() - begun).toBeLessThan(400);
    }
  });

  it('is waited for, and given up in time', async () => {
    const nodes = await cluster();
    await expect(clientOf(nodes, 200).leader()).rejects.toMatchObject({
      code: 'no-leader',
      message: expect.stringMatching(
        /^No leader was found within 200 ms: 3 of 3 servers answered, .*majority/,
      ),
    });
    // Who was asked counts, also beyond the servers that were given.
    nodes[0].memberUrls = nodes.map(({ url }) => url);
    await expect(clientOf([nodes[0]], 200).leader()).rejects.toMatchObject({
      message: expect.stringContaining(': 3 of 3 servers answered, '),
    });
    const leader = clientOf(nodes).leader();
    setTimeout(() => elect(nodes[0], nodes), 50);
    expect(await leader).toMatchObject({ id: '1' });
  });
});

describe('a client', () => {
  it('needs at least one server', () => {
    expect(() => createClient({ servers: [] })).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['https://127.0.0.1:7600', '127.0.0.1:7600', 'http://', 'http://a/?q', ''])(
    'refuses "%s" as the address of a server',
    (server) => {
      expect(() => createClient({ servers: [server] })).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it('takes addresses with a slash at the end', async () => {
    const nodes = await cluster();
    elect(nodes[0], nodes);
    expect(textOf((await clientOf([`${nodes[0].url}/`]).command(COMMAND)).response)).toBe('from 1');
  });
});
