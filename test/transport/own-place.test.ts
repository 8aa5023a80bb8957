import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import type { PreVote } from '../../src/raft/core/messages.ts';
import type { LogPosition, Self } from '../../src/raft/ports.ts';
import { LOG_START } from '../../src/raft/transport/log-position.ts';
import { OwnPlace } from '../../src/raft/transport/own-place.ts';
import { eventually } from '../support/eventually.ts';
import { identity, memoryOf, startNode, type TestNode, type TestNodeOptions } from './nodes.ts';

/** The node that moves, and two peers. */
const MOVED = '7';
const OTHER = '8';
const THIRD = '9';
const OLD = logTo(1, 4);
const NEW = logTo(1, 9);
const RUN = 'a run of the test';
const NOBODY = 'http://127.0.0.1:9';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

describe('a node that asks for the id of a peer', () => {
  it('says where its log ends and where its configuration has the peer, and where it is in every message', async () => {
    const heard: IncomingMessage[] = [];
    const peer = await listener((request, response) => {
      heard.push(request);
      response.writeHead(503).end();
    });
    const { url, transport } = await startAs(MOVED, { log: NEW, peers: { [OTHER]: peer } });
    transport.send(nodeId(OTHER), { requestId: 1, message: PRE_VOTE });
    const of = (method: string) => heard.find((request) => request.method === method);
    const question = await eventually('a question', () => of('GET'));
    const message = await eventually('a message', () => of('POST'));
    expect(question.headers).toMatchObject({ ...NEW_HEADERS, 'raft-expected-url': peer, 'raft-url': url });
    expect(message.headers).toMatchObject({ 'raft-url': url });
  });

  it('and where the sender of a message is not where it says, is in the answer', async () => {
    const { url } = await startAs(OTHER, { log: NEW, peers: { [MOVED]: NOBODY } });
    const post = async (place: string) => {
      const headers = { ...headersOf(MOVED), 'raft-url': place };
      const response = await fetch(`${url}/raft/prevote`, { method: 'POST', headers, body: '{' });
      return response.headers.get('raft-expected-url');
    };
    expect(await post(url)).toBe(NOBODY);
    expect(await post(NOBODY)).toBeNull();
  });

  it('is answered with where the sender is looked for, if it says who it is', async () => {
    const { url } = await startAs(OTHER, { log: NEW, peers: { [MOVED]: NOBODY } });
    const wanted = { ...NEW_HEADERS, 'raft-expected-url': NOBODY };
    const known = await fetch(`${url}/raft/id`, { headers: headersOf(MOVED) });
    const message = await fetch(`${url}/raft/prevote`, {
      method: 'POST',
      headers: headersOf(MOVED),
      body: '{',
    });
    const unknown = await fetch(`${url}/raft/id`);
    expect(Object.fromEntries(known.headers)).toMatchObject(wanted);
    expect(Object.fromEntries(message.headers)).toMatchObject(wanted);
    expect(unknown.headers.get('raft-expected-url')).toBeNull();
    expect(unknown.headers.get('cache-control')).toBe('no-store');
  });
});

describe('of two processes of one node', () => {
  it('the one whose log is less up to date hears from a peer that the node has moved', async () => {
    const ports = await freePorts(2);
    const there = await startAs(MOVED, { log: NEW, port: ports[1] });
    const other = await startAs(OTHER, { log: NEW, peers: { [MOVED]: there.url } });
    const here = await startAs(MOVED, { log: OLD, port: ports[0], peers: { [OTHER]: other.url } });
    await stopsFor(here, there);
  });

  it('the one that stays behind is found by the other, because a peer that lags looks for the node there', async () => {
    const here = await startAs(MOVED, { log: OLD });
    const other = await startAs(OTHER, { log: OLD, peers: { [MOVED]: here.url } });
    const there = await startAs(MOVED, { log: NEW, peers: { [OTHER]: other.url } });
    await stopsFor(here, there);
  });

  it('the one whose log ends in an earlier term, though at a higher index with entries that were never committed', async () => {
    const there = await startAs(MOVED, { log: logTo(2, 4) });
    const other = await startAs(OTHER, { log: logTo(2, 4), peers: { [MOVED]: there.url } });
    const here = await startAs(MOVED, { log: logTo(1, 11), peers: { [OTHER]: other.url } });
    await stopsFor(here, there);
  });

  it('the old one, which hears it from the second peer while the first names an address where nobody is', async () => {
    const there = await startAs(MOVED, { log: NEW });
    const lagging = await startAs(OTHER, { log: logTo(1, 6), peers: { [MOVED]: NOBODY } });
    const knowing = await startAs(THIRD, { log: NEW, peers: { [MOVED]: there.url } });
    const peers = { [OTHER]: lagging.url, [THIRD]: knowing.url };
    const here = await startAs(MOVED, { log: OLD, peers });
    await stopsFor(here, there);
  });

  it('the old one, which finds the other where a peer of it was', async () => {
    const there = await startAs(MOVED, { log: NEW });
    const here = await startAs(MOVED, { log: OLD, peers: { [OTHER]: there.url } });
    await stopsFor(here, there);
  });

  it('the old one, also where it knows its peers with data that they have lost since', async () => {
    const there = await startAs(MOVED, { log: NEW });
    const fresh = identity(OTHER, 'cluster-a', 'fresh');
    const other = await startAs(OTHER, { identity: fresh, log: NEW, peers: { [MOVED]: there.url } });
    const memory = memoryOf({ [OTHER]: 'lost' });
    const here = await startAs(MOVED, { log: OLD, memory, peers: { [OTHER]: other.url } });
    await stopsFor(here, there);
  });

  it('the old one, for a peer that heard of the node only after it had answered the new one', async () => {
    const [port = 0] = await freePorts(1);
    const other = await startAs(OTHER, { log: LOG_START });
    const there = await startAs(MOVED, { log: NEW, peers: { [OTHER]: other.url } });
    await there.ear.until('dialect');
    const members = [{ id: nodeId(MOVED), url: `http://127.0.0.1:${port}`, incarnation: null }];
    other.transport.setMembers({ inForce: members, all: members });
    const here = await startAs(MOVED, { log: OLD, port });
    await stopsFor(here, there);
  });
});

describe('a node', () => {
  it('asks a peer again when it has moved, and when the peer looks for it elsewhere, until that knows', async () => {
    const [port = 0] = await freePorts(1);
    const questions: string[] = [];
    let expected = `http://127.0.0.1:${port}`;
    const peer = await listener((request, response) => {
      if (request.method === 'GET') questions.push(String(request.headers['raft-url']));
      const place = { ...headersOf(OTHER), ...positionOf(OLD), 'raft-expected-url': expected };
      response.writeHead(request.method === 'GET' ? 200 : 503, place).end(OTHER);
    });
    const { url, transport, ear } = await startAs(MOVED, { log: OLD, port, peers: { [OTHER]: peer } });
    await ear.until('dialect');

    const members = [
      { id: nodeId(MOVED), url: `${url}/`, incarnation: null },
      { id: nodeId(OTHER), url: peer, incarnation: null },
    ];
    expected = `${url}/`;
    transport.setMembers({ inForce: members, all: members });
    await eventually('it says where it is now', () => questions.includes(`${url}/`) || undefined);

    expected = NOBODY;
    const before = questions.length;
    transport.send(nodeId(OTHER), { requestId: 1, message: PRE_VOTE });
    await eventually('it says so again', () => questions.length > before || undefined);
  });

  it('asks where a member looks for it, and where somebody says that he is this node', async () => {
    const asked: string[] = [];
    const place = (name: string) =>
      listener((_, response) => {
        asked.push(name);
        response.writeHead(404).end();
      });
    const [expected, visited] = [await place('expected'), await place('visited')];
    const claimed = await place('claimed');
    const { url, ear } = await startAs(MOVED, { log: OLD, peers: { [OTHER]: NOBODY } });
    const ask = (headers: Record<string, string>) => fetch(`${url}/raft/id`, { headers });
    const post = (headers: Record<string, string>) =>
      fetch(`${url}/raft/prevote`, { method: 'POST', headers, body: '{' });
    // The first answer has been taken in by the time of the second question.
    await eventually('all were asked twice', async () => {
      await ask({ ...headersOf(OTHER), 'raft-expected-url': expected });
      await ask({ ...headersOf(MOVED), 'raft-url': visited });
      await post({ ...headersOf(MOVED), 'raft-url': claimed });
      const counts = ['expected', 'visited', 'claimed'].map(
        (name) => asked.filter((each) => each === name).length,
      );
      return Math.min(...counts) >= 2 || undefined;
    });
    expect(ear.of('mismatch')).toEqual([]);
  });

  it('asks at few places at a time, and at no text that is no address', async () => {
    const asked: number[] = [];
    const place = identityPlace();
    const urls: string[] = [];
    for (let i = 0; i < 10; i++) urls.push(await listener(() => void asked.push(i)));
    for (const url of ['not/an/address', ...urls, ...urls]) place.heed({ 'raft-expected-url': url });
    await eventually('eight are asked', () => asked.length >= 8 || undefined);
    await fetch(await listener((_, response) => void response.end()));
    expect(asked.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    place.stop();
  });

  it('is known by another name of its address, once it has answered there', async () => {
    let asked = 0;
    const url = await listener((_, response) => {
      asked++;
      response.writeHead(200, headersOf(MOVED)).end(MOVED);
    });
    const place = identityPlace();
    const alias = { 'raft-expected-url': url };
    expect(place.heed(alias)).toBe(false);
    await eventually('the name is known', () => place.heed(alias) || undefined);
    expect(asked).toBe(1);
    place.moveTo(NOBODY);
    expect(place.heed(alias)).toBe(false);
    place.stop();
  });

  it('has one question under way at its own address, however often that changes, and complains once', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    const url = await listener((_, response) => {
      most = Math.max(most, waiting.push(response));
    });
    const warnings: string[] = [];
    const place = identityPlace({ info: () => {}, warn: (text) => void warnings.push(text) });
    for (let i = 0; i < 20; i++) {
      place.moveTo(NOBODY);
      place.moveTo(url);
    }
    for (let i = 0; i < 3; i++) {
      const response = await eventually('it asks', () => waiting[0]);
      waiting.shift();
      response.writeHead(404).end();
    }
    expect(most).toBe(1);
    expect(warnings.filter((text) => text.includes(url))).toHaveLength(1);
    expect(warnings[0]).toMatch(/raft config add 7=http:\/\/127\.0\.0\.1:7$/);
    place.stop();
  });
});

const PRE_VOTE: PreVote = {
  ...{ type: 'preVote', nextTerm: term(2), candidateId: nodeId(MOVED) },
  ...{ lastLogIndex: logIndex(0), lastLogTerm: term(0) },
};

const NEW_HEADERS = positionOf(NEW);

function logTo(ofTerm: number, index: number): LogPosition {
  return { term: term(ofTerm), index: logIndex(index) };
}

function positionOf({ term: ofTerm, index }: LogPosition) {
  return { 'raft-last-log-term': String(ofTerm), 'raft-last-log-index': String(index) };
}

/** The first has to stop, and the second to go on. */
async function stopsFor(here: TestNode, there: TestNode): Promise<void> {
  await here.ear.until('mismatch');
  const reason = `another process runs as node ${MOVED} at ${there.url}`;
  await eventually(
    'it stops',
    () =>
      here.ear.of('mismatch').some((each) => each.type === 'mismatch' && each.kind === 'twin') || undefined,
  );
  expect(here.ear.of('mismatch')).toContainEqual({ type: 'mismatch', peer: MOVED, kind: 'twin', reason });
  // Whatever has been asked of the other one is answered by now.
  await fetch(`${there.url}/raft/id`);
  expect(there.ear.of('mismatch').filter((each) => each.type === 'mismatch' && each.kind === 'twin')).toEqual(
    [],
  );
}

interface Start extends Omit<TestNodeOptions, 'identity' | 'peers' | 'port'> {
  readonly identity?: Self;
  readonly port?: number | undefined;
  /** By id, where its configuration has them. */
  readonly peers?: Readonly<Record<string, string>>;
}

let runs = 0;

/** A process of a node, at the address at which its configuration has it. */
async function startAs(id: string, { peers = {}, port: wanted, ...options }: Start): Promise<TestNode> {
  const [free = 0] = await freePorts(1);
  const port = wanted ?? free;
  const members = [[id, `http://127.0.0.1:${port}`] as const, ...Object.entries(peers)];
  const node = await startNode({
    ...{ identity: identity(id), run: `run-${runs++}`, ...options, port },
    peers: members.map(([member, url]) => ({ id: nodeId(member), url })),
  });
  closing.push(() => node.stop());
  return node;
}

/** What a node knows of its place, without the node; it has none yet. */
function identityPlace(logger = { info: () => {}, warn: (_: string) => {} }): OwnPlace {
  const onTwin = (url: string) => expect.unreachable(`There is no twin at ${url}`);
  const place = new OwnPlace({
    ...{ identity: identity(MOVED), run: RUN, onTwin, logger },
    ...{ lastLogPosition: () => OLD, listensAt: () => 'http://127.0.0.1:7' },
  });
  place.start();
  return place;
}

async function listener(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function headersOf(id: string): Record<string, string> {
  return {
    ...{ 'raft-cluster-id': 'cluster-a', 'raft-node-id': id },
    ...{ 'raft-incarnation': `incarnation-${id}`, 'raft-run': RUN },
  };
}
