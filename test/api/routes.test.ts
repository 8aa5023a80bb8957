import { afterEach, describe, expect, it } from 'vitest';
import { INDEX_ZERO, logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { COMMAND_BYTES_MAX, SMALL_BODY_BYTES_MAX } from '../../src/lib/limits.ts';
import type { MembershipRequest } from '../../src/raft/ports.ts';
import type { RaftService } from '../../src/raft/service.ts';
import { fakeService, IDLE_STATUS, identity, startNode, type TestNode } from '../transport/nodes.ts';

const ID = '13529762455909600464';

describe('the paths of users', () => {
  const nodes: TestNode[] = [];

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  async function start(service: Partial<RaftService>): Promise<string> {
    const node = await startNode({ identity: identity(ID), service: fakeService(service) });
    nodes.push(node);
    return node.url;
  }

  function post(
    url: string,
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) {
    return fetch(`${url}${path}`, { method: 'POST', body, headers });
  }

  /** A node whose machine answers with `INDEX:COMMAND`, and that notes how it was asked. */
  async function startEcho() {
    const asked: unknown[] = [];
    const url = await start({
      command: async (command, options) => {
        asked.push(options?.forwarded);
        return { index: logIndex(7), term: term(3), response: Buffer.concat([utf8('7:'), command]) };
      },
      query: async (query, consistency) => {
        asked.push(consistency);
        return query;
      },
    });
    return { url, asked };
  }

  it('take a command as bytes, and answer with the bytes of the machine, the index and the term', async () => {
    const { url } = await startEcho();
    const response = await post(url, '/raft/command', 'put a ☃');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('raft-index')).toBe('7');
    expect(response.headers.get('raft-term')).toBe('3');
    expect(await response.text()).toBe('7:put a ☃');
  });

  it('call bytes that are no text by their name, as Go does', async () => {
    const { url } = await startEcho();
    const response = await post(url, '/raft/command', Uint8Array.of(0, 255));
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.of(0x37, 0x3a, 0, 255));
  });

  it('leave index and term out where the leader did not tell them', async () => {
    const url = await start({
      command: async () => ({ index: undefined, term: undefined, response: utf8('x') }),
    });
    const response = await post(url, '/raft/command', 'c');
    expect(response.headers.has('raft-index')).toBe(false);
    expect(response.headers.has('raft-term')).toBe(false);
  });

  it('refuse a command that is empty or too large, before the node sees it', async () => {
    const { url, asked } = await startEcho();
    const empty = await post(url, '/raft/command', '');
    expect(empty.status).toBe(400);
    expect(await empty.json()).toMatchObject({
      error: { code: 'bad-request', message: 'The command is empty.' },
    });
    const large = await post(url, '/raft/command', new Uint8Array(COMMAND_BYTES_MAX + 1));
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error: { code: 'too-large' } });
    expect(asked).toEqual([]);
    expect((await post(url, '/raft/command', new Uint8Array(COMMAND_BYTES_MAX))).status).toBe(200);
  });

  it('pass on that a request was forwarded, and refuse one from another cluster', async () => {
    const { url, asked } = await startEcho();
    await post(url, '/raft/command', 'c');
    await post(url, '/raft/command', 'c', { 'raft-forwarded': '1', 'raft-cluster-id': 'cluster-a' });
    expect(asked).toEqual([false, true]);
    for (const path of ['/raft/command', '/raft/query']) {
      const response = await post(url, path, 'c', { 'raft-forwarded': '1', 'raft-cluster-id': 'cluster-b' });
      expect(response.status).toBe(409);
      expect(await response.json()).toMatchObject({ error: { code: 'configuration' } });
    }
  });

  const PLACE = {
    'raft-session': 'ab'.repeat(16),
    'raft-sequence': '7',
    'raft-acknowledged': '5',
    'raft-session-opened': '1000',
  };

  it('pass on where a command stands in a session', async () => {
    const places: unknown[] = [];
    const url = await start({
      command: async (_, options) => {
        places.push(options?.place);
        return { index: logIndex(7), term: term(3), response: utf8('x') };
      },
    });
    await post(url, '/raft/command', 'c');
    await post(url, '/raft/command', 'c', PLACE);
    expect((await post(url, '/raft/sessioncommand', 'c', PLACE)).headers.get('raft-index')).toBe('7');
    const place = {
      session: 'ab'.repeat(16),
      sequence: 7,
      acknowledgedBelow: 5,
      openedAtMs: 1000,
    };
    expect(places).toEqual([undefined, place, place]);
  });

  it('refuse what is no place in a session, before the node sees it', async () => {
    const { url, asked } = await startEcho();
    const wrong: readonly Record<string, string>[] = [
      ...Object.keys(PLACE).map((name) =>
        Object.fromEntries(Object.entries(PLACE).filter(([other]) => other !== name)),
      ),
      { ...PLACE, 'raft-session': 'AB'.repeat(16) },
      { ...PLACE, 'raft-session': 'ab'.repeat(17) },
      { ...PLACE, 'raft-sequence': '0' },
      { ...PLACE, 'raft-sequence': '-7' },
      { ...PLACE, 'raft-sequence': '07' },
      { ...PLACE, 'raft-sequence': '7.0' },
      { ...PLACE, 'raft-sequence': '9007199254740993' },
      { ...PLACE, 'raft-acknowledged': '0' },
      { ...PLACE, 'raft-acknowledged': '8' },
      { ...PLACE, 'raft-session-opened': '' },
      { ...PLACE, 'raft-session-opened': '1e3' },
    ];
    for (const headers of wrong) {
      const response = await post(url, '/raft/command', 'c', headers);
      expect(response.status, JSON.stringify(headers)).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'bad-request' } });
    }
    expect((await post(url, '/raft/sessioncommand', 'c')).status).toBe(400);
    expect((await post(url, '/raft/sessioncommand', '', PLACE)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('answer errors with their code, their sentence and the leader', async () => {
    const url = await start({
      command: async () => {
        throw new RaftError('no-leader', 'Nobody leads.', { leader: { id: ID, url: 'http://x' } });
      },
    });
    const response = await post(url, '/raft/command', 'c');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      error: {
        code: 'no-leader',
        message: 'Nobody leads.',
        suggestions: [],
        leader: { id: ID, url: 'http://x' },
      },
    });
  });

  it('take queries, linearizable unless asked otherwise', async () => {
    const { url, asked } = await startEcho();
    expect(await (await post(url, '/raft/query', 'get a')).text()).toBe('get a');
    await post(url, '/raft/query?consistency=linearizable', 'q');
    await post(url, '/raft/query?consistency=stale', 'q');
    expect(asked).toEqual(['linearizable', 'linearizable', 'stale']);
    const wrong = await post(url, '/raft/query?consistency=%00', 'q');
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { code: 'bad-request' } });
    expect((await post(url, '/raft/query', 'x'.repeat(SMALL_BODY_BYTES_MAX + 1))).status).toBe(413);
  });

  it('tell the status of the node, with ids as texts that are exact', async () => {
    const member = {
      ...({ id: nodeId(ID), url: 'http://127.0.0.1:1', part: 'voter', isHeard: true } as const),
      ...{ matchIndex: INDEX_ZERO, dialect: null, incarnation: null, mayBeOriginal: false },
    };
    const status = {
      ...IDLE_STATUS,
      id: nodeId(ID),
      leaderId: nodeId(ID),
      votedFor: nodeId(ID),
      members: [member],
    };
    const url = await start({ status: () => status });
    const response = await fetch(`${url}/raft/status`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({
      ...status,
      clusterId: 'cluster-a',
      incarnation: `incarnation-${ID}`,
      version: '0.0.0',
      pid: 1,
      machine: 'kv',
    });
  });

  it('say that the node lives whoever leads, and that it is ready only where someone does', async () => {
    let leaderId: string | null = null;
    const url = await start({
      status: () => ({ ...IDLE_STATUS, leaderId: leaderId === null ? null : nodeId(leaderId) }),
    });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const notReady = await fetch(`${url}/readyz`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ error: { code: 'no-leader' } });
    leaderId = ID;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it("take a whole new configuration in the original's form, and answer in it", async () => {
    const asked: MembershipRequest[] = [];
    const url = await start({
      changeConfiguration: async (request) => {
        asked.push(request);
        return { index: logIndex(7) };
      },
    });
    const peer = { id: ID, url: 'http://127.0.0.1:7001' };
    const send = (body: unknown) => post(url, '/raft/setconfiguration', JSON.stringify(body));
    const valid = await send({ peers: [peer] });
    expect(valid.status).toBe(200);
    expect(await valid.json()).toEqual({ success: true });
    expect(asked).toEqual([{ voters: [peer], learners: [], expectIndex: null, isForced: false }]);
    const nonsense: readonly unknown[] = [
      null,
      [],
      {},
      7,
      { peers: [] },
      { peers: {} },
      { peers: [null] },
      { peers: [{ ...peer, id: 7 }] },
      { peers: [{ ...peer, id: '07' }] },
      { peers: [{ ...peer, id: '18446744073709551616' }] },
      { peers: [peer, peer] },
      { peers: [{ ...peer, url: 'x' }] },
      { peers: [{ ...peer, url: 'file:///etc' }] },
      { peers: [{ id: ID }] },
      { peers: Array.from({ length: 100 }, (_, i) => ({ ...peer, id: String(i + 1) })) },
    ];
    for (const body of nonsense) {
      const response = await send(body);
      expect(response.status, JSON.stringify(body)).toBe(400);
      expect(await response.json()).toEqual({ error: expect.any(String) });
    }
    expect(asked).toHaveLength(1);
  });

  it('stop to wait where the client has gone', async () => {
    let gone: Promise<unknown> = Promise.resolve();
    let arrived: () => void = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const url = await start({
      command: async (_, options) => {
        gone = new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
        arrived();
        await gone;
        throw new RaftError('outcome-unknown', 'Nobody waits any more.');
      },
    });
    const controller = new AbortController();
    const response = fetch(`${url}/raft/command`, { method: 'POST', body: 'c', signal: controller.signal });
    await arrival;
    controller.abort();
    await expect(response).rejects.toThrow();
    await gone;
  });
});
