import { createServer, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { WatchEvent } from '../../src/api/schema.ts';
import type { WatchNotice, WatchOptions } from '../../src/api/watch.ts';
import { assert } from '../../src/lib/assert.ts';
import { EchoMachine } from '../../src/raft/machine/echo.ts';
import { eventually } from '../support/eventually.ts';
import { WatchedMachine } from '../support/watched-machine.ts';
import { fakeService, identity, startNode, type TestNode } from '../transport/nodes.ts';

/** Some of these wait until a client has left a server for its silence, which takes seconds. */
const TIMEOUT_MS = 30_000;

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A node whose log the test decides. */
class Node {
  readonly machine: WatchedMachine;
  readonly id: string;
  url = '';
  /** How often it was asked for a watch. */
  asked = 0;
  /** What its watches have told. */
  readonly news: unknown[] = [];
  #node: TestNode | undefined;

  constructor(id: string, machine = new WatchedMachine()) {
    this.id = id;
    this.machine = machine;
    machine.leader = { id };
  }

  async start(clusterId = 'cluster-a'): Promise<this> {
    const port = this.url === '' ? 0 : Number(new URL(this.url).port);
    const node = await startNode({
      identity: identity(this.id, clusterId),
      port,
      service: fakeService({
        watch: async (selector, options = {}) => {
          this.asked++;
          const watch = await this.machine.watches.open(selector, options);
          const next = watch.next.bind(watch);
          watch.next = async () => {
            const news = await next();
            this.news.push(news);
            return news;
          };
          return watch;
        },
      }),
    });
    this.#node = node;
    this.url = node.url;
    closing.push(() => node.stop());
    return this;
  }

  /** Ends its connections as a crash does. */
  async kill(): Promise<void> {
    await this.#node?.stop();
  }
}

/** Two nodes with the same log, the first of which leads. */
async function twoNodes(): Promise<readonly [Node, Node]> {
  const [one, two] = await Promise.all([new Node('1').start(), new Node('2').start()]);
  two.machine.core.role = 'follower';
  two.machine.leader = { id: '1', url: one.url };
  return [one, two];
}

function urlsOf(nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) => node.url);
}

function applyAll(nodes: readonly Node[], ...commands: readonly string[]): void {
  for (const { machine } of nodes) machine.apply(...commands);
}

/** What a client hears of a watch. */
class Listener {
  readonly events: WatchEvent[] = [];
  readonly notices: WatchNotice[] = [];
  readonly ended: Promise<unknown>;
  readonly #abort = new AbortController();

  constructor(servers: readonly string[], options: WatchOptions, timeoutMs = 2_000) {
    const client = createClient({ servers, timeoutMs });
    closing.push(() => client.close());
    const { signal } = this.#abort;
    const watch = client.watch({ ...options, signal, onNotice: (notice) => this.notices.push(notice) });
    this.ended = this.#listen(watch).catch((error: unknown) => error);
    closing.push(() => this.#abort.abort());
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Resolves once it watches. */
  watching(): Promise<WatchNotice> {
    return eventually('it watches', () => this.notices.find(({ type }) => type === 'watching'));
  }

  async indexes(count: number): Promise<readonly number[]> {
    await eventually(`${count} changes are told`, () => (this.events.length >= count ? true : undefined));
    return this.events.map(({ index }) => index);
  }

  async #listen(watch: AsyncIterable<WatchEvent>): Promise<void> {
    for await (const event of watch) this.events.push(event);
  }
}

/** A server that answers a watch with what the test writes. */
async function fakeServer(listener: (response: ServerResponse, url: string) => void): Promise<string> {
  const server = createServer((request, response) => listener(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'A server without an address');
  return `http://127.0.0.1:${address.port}`;
}

describe('a client that watches', { timeout: TIMEOUT_MS }, () => {
  it('is told what comes after now, which the leader says, also where it is not in the list', async () => {
    const nodes = await twoNodes();
    applyAll(nodes, 'put a 1', 'put b 2');
    const listener = new Listener([nodes[1].url], { key: 'a' });
    expect(await listener.watching()).toEqual({ type: 'watching', server: nodes[0].url, from: 3 });
    applyAll(nodes, 'put b 3', 'put a 4', 'delete a');
    await listener.indexes(2);
    expect(listener.events).toEqual([
      { index: 4, type: 'put', key: 'a', value: '4' },
      { index: 5, type: 'delete', key: 'a', value: null },
    ]);
  });

  it('hears from which index on it is told, also where that is long past', async () => {
    const nodes = await twoNodes();
    applyAll(nodes, 'put a 1', 'put a 2', 'put a 3');
    const listener = new Listener(urlsOf(nodes), { prefix: '', from: 2 });
    expect(await listener.watching()).toMatchObject({ from: 2 });
    expect(await listener.indexes(2)).toEqual([2, 3]);
  });

  it('goes on at another server when its own dies, and is told each change once', async () => {
    const nodes = await twoNodes();
    applyAll(nodes, 'put a 1', 'put a 2');
    const listener = new Listener(urlsOf(nodes), { prefix: '', from: 2 });
    expect(await listener.indexes(1)).toEqual([2]);
    applyAll(nodes, 'put a 3');
    await listener.indexes(2);
    await nodes[0].kill();
    applyAll(nodes, 'put a 4', 'put a 5');
    await listener.indexes(4);
    await nodes[0].start();
    await nodes[1].kill();
    applyAll(nodes, 'put a 6');
    expect(await listener.indexes(5)).toEqual([2, 3, 4, 5, 6]);
  });

  it('does not lose its place where nothing of what it watches changes', async () => {
    const nodes = await twoNodes();
    const listener = new Listener(urlsOf(nodes), { key: 'a' });
    await listener.watching();
    applyAll(nodes, 'put b 1');
    await nodes[0].kill();
    applyAll(nodes, 'put a 2');
    expect(await listener.indexes(1)).toEqual([2]);
  });

  it('leaves a server that knows of no leader, and one that is behind what it has seen', async () => {
    const nodes = await twoNodes();
    const [one, two] = nodes;
    const listener = new Listener(urlsOf(nodes), { prefix: '', from: 1 });
    applyAll(nodes, 'put a 1');
    await listener.indexes(1);
    // The first is cut off from the others, which go on.
    one.machine.leader = undefined;
    two.machine.apply('put a 2');
    expect(await listener.indexes(2)).toEqual([1, 2]);
    // It is back and says that all is well, but has not caught up, when the second dies.
    one.machine.leader = { id: '2' };
    await two.kill();
    await eventually('the first is asked again', () => (one.asked > 1 ? true : undefined));
    await two.start();
    two.machine.apply('put a 3');
    expect(await listener.indexes(3)).toEqual([1, 2, 3]);
  });

  it('leaves a server that falls silent', async () => {
    const [node] = await twoNodes();
    node.machine.apply('put a 1', 'put a 2');
    const silent = await fakeServer((response) => {
      response.writeHead(200);
      response.write('{"type":"put","index":1,"key":"a","value":"1"}\n{"type":"heartbeat","ind');
    });
    const listener = new Listener([silent, node.url], { prefix: '', from: 1 });
    expect(await listener.indexes(2)).toEqual([1, 2]);
  });

  it('stays with a server that has nothing to tell, however little time it was given to begin', async () => {
    const [node] = await twoNodes();
    node.machine.apply('put a 1');
    const listener = new Listener([node.url], { key: 'b' }, 300);
    await listener.watching();
    // Heartbeats come further apart than the time in which it had to begin.
    const told = node.news.length;
    await eventually('two heartbeats are told', () => (node.news.length >= told + 2 ? true : undefined));
    expect(node.asked).toBe(1);
  });

  it('does not pass on what a server tells again, and leaves one that says what no node says', async () => {
    const [node] = await twoNodes();
    node.machine.apply('put a 1', 'put a 2', 'put a 3');
    const again = '{"type":"put","index":1,"key":"a","value":"1"}\n';
    const strange = await fakeServer((response) =>
      response.end(`${again}${again}{"type":"later","more":[]}\nnonsense\n`),
    );
    const listener = new Listener([strange, node.url], { prefix: '', from: 1 });
    expect(await listener.indexes(3)).toEqual([1, 2, 3]);
  });

  it('takes a value at the limit of a command, in whatever pieces it comes', async () => {
    const [node] = await twoNodes();
    const value = '☃'.repeat(300_000);
    node.machine.apply(`put a ${value}`);
    const listener = new Listener([node.url], { key: 'a', from: 1 });
    await listener.indexes(1);
    expect(listener.events[0]?.value).toBe(value);
  });

  it('does not listen to another cluster at an old address', async () => {
    const nodes = await twoNodes();
    const [one, two] = nodes;
    const listener = new Listener(urlsOf(nodes), { prefix: '', from: 1 });
    applyAll(nodes, 'put a 1');
    await listener.indexes(1);
    await one.kill();
    await eventually('the second is asked', () => (two.asked > 0 ? true : undefined));
    one.machine.apply('put of-another-cluster 2');
    await one.start('cluster-b');
    await two.kill();
    await two.start();
    two.machine.apply('put a 2');
    await listener.indexes(2);
    expect(listener.events[1]).toMatchObject({ key: 'a', value: '2' });
  });

  it('ends with an error where no server has the changes any more', async () => {
    const limits = { changesMax: 2 };
    const nodes = await Promise.all([
      new Node('1', new WatchedMachine({ limits })).start(),
      new Node('2').start(),
    ]);
    for (const { machine } of nodes) machine.fill(5);
    const both = new Listener(
      nodes.map((node) => node.url),
      { prefix: '', from: 1 },
    );
    expect(await both.indexes(5)).toEqual([1, 2, 3, 4, 5]);
    const one = new Listener([nodes[0].url], { prefix: '', from: 1 });
    expect(await one.ended).toMatchObject({ code: 'compacted' });
  });

  it('ends with an error where it cannot be', async () => {
    const echo = await new Node('1', new WatchedMachine({ machine: new EchoMachine() })).start();
    expect(await new Listener([echo.url], { prefix: '' }).ended).toMatchObject({ code: 'unsupported' });
    expect(await new Listener([echo.url], { key: '' }).ended).toMatchObject({ code: 'bad-request' });
    for (const options of [
      { key: '\ud800' },
      { key: 'a', from: 0 },
      { key: 'a', from: 1.5 },
    ] satisfies WatchOptions[]) {
      expect(await new Listener([echo.url], options).ended).toMatchObject({ code: 'usage' });
    }
  });

  it('ends with an error where nobody answers at the beginning, or nobody leads', async () => {
    const nodes = await twoNodes();
    for (const { machine } of nodes) {
      machine.core.role = 'follower';
      machine.leader = undefined;
    }
    const servers = nodes.map((node) => node.url);
    const leaderless = new Listener(servers, { prefix: '' }, 300);
    expect(await leaderless.ended).toMatchObject({
      code: 'no-leader',
      message: expect.stringContaining('within 300 ms'),
    });
    const hanging = await fakeServer(() => {});
    expect(await new Listener([hanging], { prefix: '' }, 300).ended).toMatchObject({ code: 'unreachable' });
    await Promise.all(nodes.map((node) => node.kill()));
    const nobody = new Listener(servers, { prefix: '' }, 60_000);
    expect(await nobody.ended).toMatchObject({
      code: 'unreachable',
      message: 'None of the 2 servers answers.',
    });
  });

  it('says that it waits when all servers are gone, and goes on when one is back', async () => {
    const nodes = await twoNodes();
    const listener = new Listener(urlsOf(nodes), { prefix: '', from: 1 }, 200);
    applyAll(nodes, 'put a 1');
    await listener.indexes(1);
    await Promise.all(nodes.map((node) => node.kill()));
    await eventually('it says that it waits', () => listener.notices.find(({ type }) => type === 'waiting'));
    nodes[1].machine.apply('put a 2');
    await nodes[1].start();
    expect(await listener.indexes(2)).toEqual([1, 2]);
    expect(listener.notices.map(({ type }) => type)).toEqual(['watching', 'waiting', 'watching']);
  });

  it('ends without an error by its signal, by its client, and where its reader leaves', async () => {
    const [node] = await twoNodes();
    node.machine.apply('put a 1');
    const listener = new Listener([node.url], { prefix: '', from: 1 });
    await listener.indexes(1);
    listener.abort();
    expect(await listener.ended).toBeUndefined();
    const client = createClient({ servers: [node.url] });
    const watch = client.watch({ prefix: '', from: 2, onNotice: () => client.close() });
    for await (const event of watch) expect(event).toBeUndefined();
    const reader = createClient({ servers: [node.url] });
    for await (const { index } of reader.watch({ prefix: '', from: 1 })) {
      expect(index).toBe(1);
      break;
    }
    reader.close();
    expect(await new Listener([node.url], { prefix: '', from: 1 }).indexes(1)).toEqual([1]);
  });
});
