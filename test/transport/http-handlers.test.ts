import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeId, term } from '../../src/lib/brands.ts';
import { OWN_PEER_BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX, TERM_JUMP_MAX } from '../../src/lib/limits.ts';
import type { Response } from '../../src/raft/core/messages.ts';
import { fetchPeerIdentity } from '../../src/raft/transport/http-peer.ts';
import { eventually } from '../support/eventually.ts';
import { identity, startNode, type TestNode, type TestNodeOptions } from './nodes.ts';

const ONE = '18446744073709551615';
const GRANTED: Response = { type: 'requestVoteResponse', term: term(2), voteGranted: true };
const APPENDED: Response = { type: 'appendEntriesResponse', term: term(1), success: true };

const nodes: TestNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function start(options: TestNodeOptions): Promise<TestNode> {
  const node = await startNode(options);
  nodes.push(node);
  return node;
}

describe('the paths of peers', () => {
  const vote = { term: 2, candidate_id: 7, last_log_index: 0, last_log_term: 0 };
  const refusedVote = { status: 400, text: '{"term":0,"vote_granted":false}\n\n' };

  it('answer malformed requests with 400 and an empty response, and pass nothing on', async () => {
    const one = await start({ identity: identity(ONE) });
    for (const body of ['', '{', 'null', '[]', '{"term":1}', `${JSON.stringify(vote)}!`]) {
      expect(await post(one, '/raft/requestvote', body)).toMatchObject(refusedVote);
      expect(await post(one, '/raft/prevote', body)).toMatchObject(refusedVote);
      expect(await post(one, '/raft/appendentries', body)).toMatchObject({
        status: 400,
        text: '{"term":0,"success":false}\n\n',
      });
    }
    expect(one.ear.heard).toEqual([]);
  });

  it('refuse an index above 2^52, and a term more than 2^32 above their own', async () => {
    const own = term(1_000);
    const one = await start({ identity: identity(ONE), term: own, answer: () => GRANTED });
    const fits = { ...vote, term: own + TERM_JUMP_MAX };
    expect(await post(one, '/raft/requestvote', JSON.stringify(fits))).toMatchObject({ status: 200 });
    for (const high of [
      { ...vote, term: own + TERM_JUMP_MAX + 1 },
      { ...vote, last_log_index: 2 ** 52 + 1 },
    ]) {
      expect(await post(one, '/raft/requestvote', JSON.stringify(high))).toMatchObject(refusedVote);
    }
    expect(one.ear.of('request')).toHaveLength(1);
  });

  it('refuse a request in the name of another node than its headers, or of this one', async () => {
    const one = await start({ identity: identity(ONE) });
    const headers = { 'raft-cluster-id': 'cluster-a', 'raft-node-id': '8', 'raft-incarnation': 'x' };
    expect(await post(one, '/raft/requestvote', JSON.stringify(vote), headers)).toMatchObject(refusedVote);
    const own = `{"term":2,"candidate_id":${ONE},"last_log_index":0,"last_log_term":0}`;
    expect(await post(one, '/raft/requestvote', own)).toMatchObject(refusedVote);
    expect(one.ear.heard).toEqual([]);
  });

  it('refuse whoever is no member and does not introduce itself, and pass nothing on', async () => {
    const one = await start({ identity: identity(ONE), answer: () => GRANTED });
    const body = JSON.stringify({ ...vote, candidate_id: 6 });
    const answer = await post(one, '/raft/requestvote', body);
    expect(answer).toMatchObject({ status: 409, text: expect.stringContaining('node 6 is not a member') });
    expect(one.ear.heard).toEqual([]);
  });

  it('refuse an original that the configuration in force leaves out, also where that may be taken back yet', async () => {
    const one = await start({ identity: identity(ONE), answer: () => GRANTED });
    const member = (id: string) => ({ id: nodeId(id), url: null, incarnation: null });
    const body = JSON.stringify(vote);
    one.transport.setMembers({
      inForce: [member('8')],
      all: [member('7'), member('8')],
    });
    expect(await post(one, '/raft/requestvote', body)).toMatchObject({ status: 409 });
    expect(one.ear.heard).toEqual([]);
    // One of ours is listened to: it goes by its own configuration, and may lead by that.
    expect(await post(one, '/raft/requestvote', body, headersOf('7', 'x'))).toMatchObject({ status: 200 });
    one.transport.setMembers({
      inForce: [member('7'), member('8')],
      all: [member('7'), member('8')],
    });
    expect(await post(one, '/raft/requestvote', body)).toMatchObject({ status: 200 });
  });

  it('find out about a newcomer at the address that it gives, and take it then: it may be a member by now', async () => {
    const one = await start({ identity: identity(ONE), answer: () => GRANTED });
    const six = await start({ identity: identity('6') });
    const body = JSON.stringify({ ...vote, candidate_id: 6 });
    const headers = { ...headersOf('6', six.identity.incarnation), 'raft-url': six.url };
    expect(await post(one, '/raft/requestvote', body, headers)).toMatchObject({ status: 503 });
    await eventually('it is known', async () => {
      const { status } = await post(one, '/raft/requestvote', body, headers);
      return status === 200 ? true : undefined;
    });
    expect(one.ear.of('request')).toMatchObject([{ from: '6' }]);
  });

  it('do not take a newcomer that gives no address, or that of somebody else', async () => {
    const one = await start({ identity: identity(ONE), answer: () => GRANTED });
    const six = await start({ identity: identity('6') });
    const body = JSON.stringify({ ...vote, candidate_id: 6 });
    const none = await post(one, '/raft/requestvote', body, headersOf('6', six.identity.incarnation));
    expect(none).toMatchObject({ status: 409, text: expect.stringContaining('node 6 is not a member') });
    const forged = { ...headersOf('6', 'another'), 'raft-url': six.url };
    for (let i = 0; i < 10; i++)
      expect((await post(one, '/raft/requestvote', body, forged)).status).not.toBe(200);
    expect(one.ear.heard).toEqual([]);
  });

  it('refuse a node of another cluster, say so once in the log, and do not trouble the layer above', async () => {
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
    const one = await start({ identity: identity(ONE), answer: () => GRANTED, logger });
    for (const body of [JSON.stringify(vote), 'no vote at all']) {
      const answer = await post(one, '/raft/requestvote', body, headersOf('7', 'x', 'cluster-b'));
      expect(answer).toMatchObject({ status: 409, text: expect.stringContaining('cluster cluster-b') });
    }
    expect(one.ear.heard).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^A message was refused: node 7 belongs to .*[^.]\.$/)]);
  });

  it('learn no incarnation from requests: what anyone can send must not exclude the member itself', async () => {
    const one = await start({ identity: identity(ONE), answer: () => GRANTED });
    const forged = await post(one, '/raft/requestvote', JSON.stringify(vote), headersOf('7', 'forged'));
    const real = await post(one, '/raft/requestvote', JSON.stringify(vote), headersOf('7', 'real'));
    expect([forged.status, real.status]).toEqual([200, 200]);
  });

  it('refuse a request without headers in the name of a member that is known to send them', async () => {
    const peers = [{ id: nodeId('7'), url: 'http://127.0.0.1:9' }];
    const one = await start({ identity: identity(ONE), answer: () => GRANTED, peers });
    expect(await post(one, '/raft/requestvote', JSON.stringify(vote))).toMatchObject({ status: 200 });
    await post(one, '/raft/requestvote', JSON.stringify(vote), headersOf('7', 'x'));
    expect(await post(one, '/raft/requestvote', JSON.stringify(vote))).toMatchObject({
      status: 409,
      text: expect.stringContaining('node 7 introduces itself'),
    });
    expect(one.ear.of('request')).toHaveLength(2);
  });

  it('take the whole log of an original at once, and of one of our own no more than we send', async () => {
    const one = await start({ identity: identity(ONE), answer: () => APPENDED });
    const blank = ' '.repeat(OWN_PEER_BODY_BYTES_MAX);
    const body = `{"term":1,"leader_id":7,"prev_log_index":0,"prev_log_term":0,"entries":null,"commit_index":0}${blank}`;
    expect(await post(one, '/raft/appendentries', body)).toMatchObject({ status: 200 });
    expect(await post(one, '/raft/appendentries', body, headersOf('7', 'x'))).toMatchObject({ status: 413 });
  });

  it('refuse a vote that is larger than any vote', async () => {
    const one = await start({ identity: identity(ONE) });
    const body = ' '.repeat(SMALL_BODY_BYTES_MAX + 1);
    expect(await post(one, '/raft/requestvote', body)).toMatchObject({ status: 413 });
  });

  it('answer 503 where the layer above does not, and before it is there', async () => {
    const one = await start({ identity: identity(ONE) });
    expect(await post(one, '/raft/requestvote', JSON.stringify(vote))).toMatchObject({ status: 503 });
    await one.transport.stop();
    expect(await post(one, '/raft/requestvote', JSON.stringify(vote))).toMatchObject({ status: 503 });
  });

  it('tell the id in decimal, exact to the last digit', async () => {
    const one = await start({ identity: identity(ONE) });
    const response = await fetch(`${one.url}/raft/id`);
    expect(await response.text()).toBe(ONE);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await fetchPeerIdentity(one.url)).toMatchObject({ id: ONE, clusterId: 'cluster-a' });
  });
});

describe('the id of a peer', () => {
  it('is not to be had where nobody listens, or something else does', async () => {
    const server = createServer((_, response) => void response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    await expect(fetchPeerIdentity(url)).rejects.toMatchObject({ code: 'configuration' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(fetchPeerIdentity(url)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

function headersOf(id: string, incarnation: string, clusterId = 'cluster-a') {
  return { 'raft-cluster-id': clusterId, 'raft-node-id': id, 'raft-incarnation': incarnation };
}

async function post(node: TestNode, path: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${node.url}${path}`, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text() };
}
