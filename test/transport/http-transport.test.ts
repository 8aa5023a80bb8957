import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type LogIndex, logIndex, nodeId, type Term, term } from '../../src/lib/brands.ts';
import { PEER_REQUESTS_MAX, PEER_TIMEOUT_MS, TERM_JUMP_MAX } from '../../src/lib/limits.ts';
import type { AppendEntries, PreVote, Request, RequestVote, Response } from '../../src/raft/core/messages.ts';
import { HttpTransport } from '../../src/raft/transport/http-transport.ts';
import { Ear, identity, memoryOf, startNode, type TestNode, type TestNodeOptions } from './nodes.ts';

const ONE = '18446744073709551615';
const TWO = '9007199254740993';
const last: { readonly lastLogIndex: LogIndex; readonly lastLogTerm: Term } = {
  lastLogIndex: logIndex(0),
  lastLogTerm: term(0),
};
const VOTE: RequestVote = {
  ...{ type: 'requestVote', term: term(2), candidateId: nodeId(ONE), ...last },
  isTransfer: false,
};
const PRE_VOTE: PreVote = { type: 'preVote', nextTerm: term(2), candidateId: nodeId(ONE), ...last };
const HEARTBEAT: AppendEntries = {
  type: 'appendEntries',
  term: term(2),
  leaderId: nodeId(ONE),
  prevLogIndex: logIndex(0),
  prevLogTerm: term(0),
  entries: [{ index: logIndex(1), term: term(2), command: Uint8Array.of(0, 255) }],
  leaderCommit: logIndex(0),
};

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: TestNodeOptions): Promise<TestNode> {
  const node = await startNode(options);
  closing.push(() => node.stop());
  return node;
}

/** Node ONE, whose only peer, TWO, is at `url`. */
async function startOne(url: string, own = identity(ONE)): Promise<TestNode> {
  return start({ identity: own, peers: [{ id: nodeId(TWO), url }] });
}

/** Sends a vote request until there are so many responses: the first after a lost connection may be lost with it. */
async function sendUntilAnswered(node: TestNode, responses: number): Promise<void> {
  while (node.ear.of('response').length < responses) {
    const lost = node.ear.of('lost').length;
    node.transport.send(nodeId(TWO), { requestId: 100 + lost, message: VOTE });
    await Promise.race([node.ear.until('response', responses), node.ear.until('lost', lost + 1)]);
  }
}

/** The same until what answers turns out not to be the node that is known by its data. */
async function sendUntilMismatched(node: TestNode): Promise<void> {
  while (node.ear.of('mismatch').length === 0) {
    const lost = node.ear.of('lost').length;
    node.transport.send(nodeId(TWO), { requestId: 100 + lost, message: VOTE });
    await node.ear.until('lost', lost + 1);
  }
}

function agree(message: Request): Response {
  switch (message.type) {
    case 'appendEntries':
      return {
        type: 'appendEntriesResponse',
        term: term(2),
        success: false,
        conflict: { index: logIndex(1) },
      };
    case 'preVote':
      return { type: 'preVoteResponse', term: term(1), voteGranted: true };
    case 'requestVote':
      return { type: 'requestVoteResponse', term: term(2), voteGranted: true };
    case 'timeoutNow':
      return { type: 'timeoutNowResponse', term: term(2) };
  }
}

/** A node of the original, in as far as a transport sees one: it tells its id, and knows three RPCs. */
async function startOriginal(id: string, port = 0): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    if (request.url === '/raft/id') response.end(id);
    else if (request.url === '/raft/requestvote') response.end('{"term":2,"vote_granted":true}\n');
    else if (request.url === '/raft/appendentries') response.end('{"term":2,"success":true}\n');
    else response.writeHead(404).end('404 page not found\n');
  });
  return listen(server, port);
}

async function listen(server: Server, port = 0): Promise<{ readonly url: string; stop(): Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  closing.push(stop);
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}`, stop };
}

describe('messages between two of our nodes', () => {
  it('arrive with their sender, and the response comes back under the same request id', async () => {
    const two = await start({ identity: identity(TWO), answer: agree });
    const one = await startOne(two.url);
    const requests: readonly Request[] = [VOTE, PRE_VOTE, HEARTBEAT];
    for (const [requestId, message] of requests.entries()) {
      one.transport.send(nodeId(TWO), { requestId, message });
      await one.ear.until('response', requestId + 1);
    }
    expect(two.ear.of('request')).toEqual(
      requests.map((message) => ({ type: 'request', from: ONE, message })),
    );
    expect(one.ear.of('response')).toEqual(
      requests.map((message, requestId) => ({
        type: 'response',
        from: TWO,
        requestId,
        response: agree(message),
      })),
    );
  });

  it('show each that the other speaks our extensions, once and before the first message', async () => {
    const two = await start({ identity: identity(TWO), answer: agree });
    const one = await startOne(two.url);
    for (const requestId of [1, 2]) one.transport.send(nodeId(TWO), { requestId, message: VOTE });
    await one.ear.until('response', 2);
    expect(one.ear.of('dialect')).toEqual([{ type: 'dialect', peer: TWO, dialect: 'extended' }]);
    expect(one.ear.heard[0]?.type).toBe('dialect');
  });

  it('are lost, and said to be, where nobody listens', async () => {
    const two = await start({ identity: identity(TWO) });
    const one = await startOne(two.url);
    await two.stop();
    one.transport.send(nodeId(TWO), { requestId: 7, message: VOTE });
    one.transport.send(nodeId('5'), { requestId: 8, message: VOTE });
    await one.ear.until('lost', 2);
    expect(new Set(one.ear.heard)).toEqual(
      new Set([
        { type: 'lost', to: TWO, requestId: 7 },
        { type: 'lost', to: '5', requestId: 8 },
      ]),
    );
  });

  it('go through again once the peer is back', async () => {
    const two = await start({ identity: identity(TWO), answer: agree });
    const one = await startOne(two.url);
    await two.stop();
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    await start({ identity: identity(TWO), answer: agree, port: two.port });
    one.transport.send(nodeId(TWO), { requestId: 2, message: VOTE });
    await one.ear.until('response');
  });

  it('end after a time where no answer comes, and no more are under way than may be', async () => {
    const two = await start({ identity: identity(TWO) });
    const one = await startOne(two.url);
    const begun = performance.now();
    for (let requestId = 0; requestId < PEER_REQUESTS_MAX + 3; requestId++) {
      one.transport.send(nodeId(TWO), { requestId, message: VOTE });
    }
    await one.ear.until('lost', 3);
    const dropped = one.ear.of('lost').map((each) => (each.type === 'lost' ? each.requestId : -1));
    expect(dropped).toEqual([PEER_REQUESTS_MAX, PEER_REQUESTS_MAX + 1, PEER_REQUESTS_MAX + 2]);
    await one.ear.until('lost', PEER_REQUESTS_MAX + 3);
    expect(two.ear.of('request')).toHaveLength(PEER_REQUESTS_MAX);
    expect(performance.now() - begun).toBeGreaterThan(PEER_TIMEOUT_MS * 0.9);
  });

  it('may be under way when the transport stops, which then says no more', async () => {
    const two = await start({ identity: identity(TWO) });
    const one = await startOne(two.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await two.ear.until('request');
    await one.transport.stop();
    one.transport.send(nodeId(TWO), { requestId: 2, message: VOTE });
    expect(one.ear.of('lost')).toEqual([]);
  });

  it('are no input where the answer has a term that is far too high', async () => {
    const high = term(1 + TERM_JUMP_MAX + 1);
    const answer = (): Response => ({ type: 'requestVoteResponse', term: high, voteGranted: false });
    const one = await startOne((await start({ identity: identity(TWO), answer })).url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('response')).toEqual([]);
  });
});

describe('nodes that should not talk to each other', () => {
  it('find out that they belong to different clusters, each by the answers to its own requests', async () => {
    const two = await start({ identity: identity(TWO, 'cluster-b'), answer: agree });
    const one = await startOne(two.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('mismatch')).toEqual([
      { type: 'mismatch', peer: TWO, reason: expect.stringContaining('cluster-b'), kind: 'foreign' },
    ]);
    expect(two.ear.heard).toEqual([]);
  });

  it('find out that they have the same id', async () => {
    const two = await start({ identity: identity(ONE), answer: agree });
    const one = await startOne(two.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('mismatch')).toHaveLength(1);
    expect(two.ear.heard).toEqual([]);
  });

  it('find out that another member than the one that was asked lives at an address: its vote does not count', async () => {
    const three = await start({ identity: identity('3'), answer: agree });
    const one = await startOne(three.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('response')).toEqual([]);
    expect(one.ear.of('mismatch')).toEqual([
      { type: 'mismatch', peer: TWO, reason: expect.stringContaining('node 3'), kind: 'foreign' },
    ]);
  });

  it('find out that one has lost its disk: its votes do not count, and it is told so', async () => {
    const two = await start({ identity: identity(TWO), answer: agree });
    const one = await startOne(two.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('response');
    await two.stop();
    const wiped = await start({
      identity: identity(TWO, 'cluster-a', 'another incarnation'),
      answer: agree,
      port: two.port,
      peers: [{ id: nodeId(ONE), url: one.url }],
    });
    one.transport.send(nodeId(TWO), { requestId: 2, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('response')).toHaveLength(1);
    expect(one.ear.of('mismatch')).toEqual([]);
    wiped.transport.send(nodeId(ONE), { requestId: 3, message: { ...VOTE, candidateId: nodeId(TWO) } });
    await wiped.ear.until('mismatch');
    expect(wiped.ear.of('mismatch')).toEqual([
      {
        type: 'mismatch',
        peer: ONE,
        reason: `node ${TWO} has come back without the data that it had`,
        kind: 'refused',
      },
    ]);
  });
});

describe('a peer of the original', () => {
  it('is recognized by what its answers lack, and answers as any peer', async () => {
    const one = await startOne((await startOriginal(TWO)).url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: HEARTBEAT });
    await one.ear.until('response');
    expect(one.ear.heard).toEqual([
      { type: 'dialect', peer: TWO, dialect: 'original' },
      {
        type: 'response',
        from: TWO,
        requestId: 1,
        response: { type: 'appendEntriesResponse', term: 2, success: true },
      },
    ]);
  });

  it('grants the pre-vote that it does not know', async () => {
    const one = await startOne((await startOriginal(TWO)).url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: PRE_VOTE });
    await one.ear.until('response');
    expect(one.ear.of('response')).toEqual([
      {
        type: 'response',
        from: TWO,
        requestId: 1,
        response: { type: 'preVoteResponse', term: 1, voteGranted: true },
      },
    ]);
  });

  it('does not count where another id answers at its address', async () => {
    const one = await startOne((await startOriginal('3')).url);
    for (const [requestId, message] of [PRE_VOTE, VOTE].entries()) {
      one.transport.send(nodeId(TWO), { requestId, message });
    }
    await one.ear.until('lost', 2);
    expect(one.ear.heard.map((each) => each.type)).toEqual(['lost', 'lost']);
  });

  it('may be replaced by one of ours, and no other original takes the place of that', async () => {
    const original = await startOriginal(TWO);
    const port = Number(new URL(original.url).port);
    const one = await startOne(original.url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('response');
    await original.stop();
    const two = await start({ identity: identity(TWO), answer: agree, port });
    await sendUntilAnswered(one, 2);
    await two.stop();
    await startOriginal(TWO, port);
    const responses = one.ear.of('response').length;
    await sendUntilMismatched(one);
    // It is blank, and could promise again what ours had promised otherwise.
    expect(one.ear.of('mismatch')).toEqual([
      {
        ...{ type: 'mismatch', peer: TWO, kind: 'foreign' },
        reason: `at ${original.url} there is a node without the data that it had, or one of the original`,
      },
    ]);
    expect(one.ear.of('response')).toHaveLength(responses);
    expect(one.ear.of('dialect')).toMatchObject([{ dialect: 'original' }, { dialect: 'extended' }]);
  });

  it('is recognized by its requests too, which lack our headers', async () => {
    const one = await start({
      identity: identity(ONE),
      peers: [{ id: nodeId(TWO), url: 'http://127.0.0.1:9' }],
      answer: agree,
    });
    const body = `{"term":2,"candidate_id":${TWO},"last_log_index":0,"last_log_term":0}`;
    await fetch(`${one.url}/raft/requestvote`, { method: 'POST', body });
    expect(one.ear.heard).toMatchObject([
      { type: 'dialect', peer: TWO, dialect: 'original' },
      { type: 'request' },
    ]);
  });
});

describe('a member that is one of ours', () => {
  const body = `{"term":2,"candidate_id":${TWO},"last_log_index":0,"last_log_term":0}`;

  it('is not taken for an original by a request without our headers, whoever answers at its address', async () => {
    const two = await start({ identity: identity(TWO), answer: agree });
    const one = await start({
      identity: identity(ONE),
      peers: [{ id: nodeId(TWO), url: two.url }],
      answer: agree,
    });
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('response');
    const ask = async () => (await fetch(`${one.url}/raft/requestvote`, { method: 'POST', body })).status;
    expect(await ask()).toBe(409);
    await two.stop();
    await startOriginal(TWO, two.port);
    await sendUntilMismatched(one);
    expect(await ask()).toBe(409);
  });

  it('is known by its data also before it has answered since this node started', async () => {
    const one = await start({
      identity: identity(ONE),
      peers: [{ id: nodeId(TWO), url: 'http://127.0.0.1:9' }],
      memory: memoryOf({ [TWO]: 'its data' }),
      answer: agree,
    });
    const { status } = await fetch(`${one.url}/raft/requestvote`, { method: 'POST', body });
    expect(status).toBe(409);
    expect(one.ear.of('dialect')).toEqual([]);
  });
});

describe('what answers, but not as a peer should', () => {
  const answers: readonly (readonly [string, number, string])[] = [
    ['an error', 500, ''],
    ['a redirection', 302, ''],
    ['a refusal', 400, '{"term":0,"vote_granted":false}\n\n'],
    ['no JSON', 200, 'hello'],
    ['another response', 200, '{"term":2,"success":true}'],
    ['an endless body', 200, ' '.repeat(100_000)],
  ];

  it.each(answers)('is a lost message: %s', async (_, status, body) => {
    const server = createServer((request, response) => {
      request.resume();
      if (request.url === '/raft/id') response.end(TWO);
      else response.writeHead(status).end(body);
    });
    const one = await startOne((await listen(server)).url);
    one.transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await one.ear.until('lost');
    expect(one.ear.of('response')).toEqual([]);
  });
});

describe('a transport', () => {
  it('may be given members without an address, which it cannot reach', async () => {
    const ear = new Ear();
    const members = [ONE, TWO].map((id) => ({ id: nodeId(id), url: null, incarnation: null }));
    const transport = new HttpTransport({
      run: 'run',
      identity: identity(ONE),
      members: { inForce: members, all: members },
      memory: memoryOf(),
      currentTerm: () => term(1),
      lastLogPosition: () => ({ term: term(0), index: logIndex(0) }),
      listensAt: () => undefined,
    });
    transport.start(ear.handlers());
    transport.send(nodeId(TWO), { requestId: 1, message: VOTE });
    await ear.until('lost');
    await transport.stop();
  });
});
