import { afterEach, describe, expect, it } from 'vitest';
import { INDEX_MAX, KEY_BYTES_MAX } from '../../src/lib/limits.ts';
import { RawClient } from '../support/raw-client.ts';
import { WatchedMachine } from '../support/watched-machine.ts';
import { fakeService, identity, startNode, type TestNode } from '../transport/nodes.ts';

const ID = '13529762455909600464';

describe('GET /raft/watch', { timeout: 30_000 }, () => {
  const closing: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(machine = new WatchedMachine()) {
    machine.leader = { id: ID };
    const node: TestNode = await startNode({
      identity: identity(ID),
      service: fakeService({ watch: (selector, options = {}) => machine.watches.open(selector, options) }),
    });
    closing.push(() => node.stop());
    return { machine, url: node.url, port: node.port };
  }

  /** The lines of a watch, and its end. */
  async function watch(url: string, query: string) {
    const controller = new AbortController();
    closing.push(() => controller.abort());
    const response = await fetch(`${url}/raft/watch?${query}`, { signal: controller.signal });
    const lines = linesOf(response);
    return {
      response,
      abort: () => controller.abort(),
      line: async (): Promise<unknown> => {
        const { value, done } = await lines.next();
        return done === true ? 'the end' : JSON.parse(value);
      },
    };
  }

  it('tells each change on a line of its own, and heartbeats with the index and the leader', async () => {
    const { machine, url } = await start();
    machine.apply('put a 1', 'put b 2', 'delete a');
    const { response, line } = await watch(url, 'prefix=&from=2');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await line()).toEqual({ type: 'put', index: 2, key: 'b', value: '2' });
    expect(await line()).toEqual({ type: 'delete', index: 3, key: 'a', value: null });
    expect(await line()).toEqual({ type: 'heartbeat', index: 3, leaderId: ID, members: [] });
    machine.leader = undefined;
    expect(await line()).toEqual({ type: 'heartbeat', index: 3, leaderId: null, members: [] });
  });

  it('keeps a value of many lines on one line, and a key of any Unicode what it is', async () => {
    const { machine, url } = await start();
    const key = '☃ &=?/\u{1f600}';
    machine.apply(JSON.stringify({ op: 'put', key, value: 'one\ntwo\u2028\ud800' }));
    const { line } = await watch(url, `key=${encodeURIComponent(key)}&from=1`);
    expect(await line()).toEqual({ type: 'put', index: 1, key, value: 'one\ntwo\u2028\ud800' });
  });

  it('says at once that it has begun where nothing is to be told', async () => {
    const { machine, url } = await start();
    machine.apply('put a 1');
    const { line } = await watch(url, 'key=a');
    expect(await line()).toEqual({ type: 'heartbeat', index: 1, leaderId: ID, members: [] });
    machine.apply('put a 2');
    expect(await line()).toMatchObject({ index: 2, value: '2' });
  });

  it('refuses what is no watch, with a status and a code', async () => {
    const { machine, url } = await start(new WatchedMachine({ limits: { changesMax: 2 } }));
    machine.fill(5);
    const nonsense = [
      '',
      'key=',
      'key=a&prefix=b',
      'prefix=a&from=0',
      'prefix=a&from=x',
      'prefix=a&from=-1',
      'prefix=a&from=1.5',
      `prefix=a&from=${INDEX_MAX + 1}`,
      'prefix=a&from=99999999999999999999',
      `key=${'k'.repeat(KEY_BYTES_MAX + 1)}`,
    ];
    for (const query of nonsense) {
      const response = await fetch(`${url}/raft/watch?${query}`);
      expect(response.status, query).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'bad-request' } });
    }
    const compacted = await fetch(`${url}/raft/watch?prefix=&from=1`);
    expect(compacted.status).toBe(410);
    expect(await compacted.json()).toMatchObject({ error: { code: 'compacted' } });
  });

  it('refuses a web page, a follower of another cluster, and another method', async () => {
    const { url } = await start();
    const ask = (init: RequestInit) => fetch(`${url}/raft/watch?prefix=`, init);
    expect((await ask({ headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect((await ask({ headers: { 'raft-cluster-id': 'cluster-b' } })).status).toBe(409);
    expect((await ask({ method: 'POST', body: '' })).status).toBe(405);
  });

  it('answers HEAD with its headers, and leaves no watch open', async () => {
    const { url } = await start();
    for (let i = 0; i < 300; i++) {
      const response = await fetch(`${url}/raft/watch?prefix=`, { method: 'HEAD' });
      expect(response.status).toBe(200);
    }
  });

  it('ends with a last line that says why, where the reader is overtaken or the node stops', async () => {
    const { machine, url } = await start(new WatchedMachine({ limits: { changesMax: 2 } }));
    const one = await watch(url, 'prefix=');
    expect(await one.line()).toMatchObject({ type: 'heartbeat' });
    machine.apply('put a 1', 'put a 2', 'put a 3');
    expect(await one.line()).toMatchObject({ type: 'error', error: { code: 'compacted' } });
    expect(await one.line()).toBe('the end');
    const two = await watch(url, 'prefix=');
    await two.line();
    machine.watches.stop();
    expect(await two.line()).toMatchObject({ type: 'error', error: { code: 'stopping' } });
    expect(await two.line()).toBe('the end');
  });

  it('gives its room back when the client goes', async () => {
    const { machine, url } = await start();
    const closed = whenClosed(machine);
    const { line, abort } = await watch(url, 'prefix=');
    await line();
    abort();
    await closed;
  });

  it('holds little for a reader who takes nothing, and cuts him off', async () => {
    const { machine, port } = await start(new WatchedMachine({ limits: { bytesMax: 100_000_000 } }));
    const value = 'x'.repeat(10_000);
    for (let i = 0; i < 3_000; i++) machine.apply(`put k${i} ${value}`);
    const closed = whenClosed(machine);
    const client = new RawClient(port);
    closing.push(() => client.destroy());
    client.pause();
    client.send('GET /raft/watch?prefix=&from=1 HTTP/1.1\r\nHost: a\r\n\r\n');
    // The node of this test allows a second in which nothing is taken, then ends the connection and the watch.
    await closed;
    client.resume();
    expect((await client.untilClosed()).length).toBeLessThan(3_000 * value.length);
  });
});

/** Resolves once the next watch that is opened has been closed. */
function whenClosed(machine: WatchedMachine): Promise<void> {
  const open = machine.watches.open.bind(machine.watches);
  return new Promise((resolve) => {
    machine.watches.open = async (selector, options) => {
      const watch = await open(selector, options);
      const close = watch.close.bind(watch);
      watch.close = () => {
        close();
        resolve();
      };
      return watch;
    };
  });
}

async function* linesOf(response: Response): AsyncGenerator<string, void> {
  let rest = '';
  const decoder = new TextDecoder();
  if (response.body === null) return;
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
