import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { commandResultIn } from '../../src/api/command-answer.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { textOf } from '../../src/lib/bytes.ts';
import { startNode as startRealNode } from '../../src/node/start-node.ts';
import type { Request } from '../../src/raft/core/messages.ts';
import { decodeResponse } from '../../src/raft/transport/wire-decode.ts';
import { encodeRequest } from '../../src/raft/transport/wire-encode.ts';
import { idsOf, type RecordedExchange, readExchanges, replay } from './exchanges.ts';
import { fakeService, identity, startNode } from './nodes.ts';

const EXCHANGES = readExchanges();
const IDS = idsOf(EXCHANGES);

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Compares an answer with the recorded one: all of it, but for the words of an error that are our own. */
function expectSame(
  answer: Awaited<ReturnType<typeof replay>>,
  { status, contentType, ...exchange }: RecordedExchange,
) {
  expect(answer).toMatchObject({ status, contentType });
  if (exchange.path !== '/raft/setconfiguration') expect(answer.response).toEqual(exchange.response);
  else expect(JSON.parse(textOf(answer.response))).toEqual({ error: expect.any(String) });
}

describe('every request that was recorded between nodes of the original', () => {
  let current: RecordedExchange | undefined;
  const received: Request[] = [];

  /** A node whose state is always the one in which the original gave the recorded answer. */
  async function start(id: string): Promise<string> {
    const recorded = () => current?.response ?? new Uint8Array();
    const node = await startNode({
      identity: identity(id),
      answer: (message) => {
        received.push(message);
        const response = decodeResponse(message.type, recorded());
        return response.ok ? response.value : undefined;
      },
      service: fakeService({
        command: async (command) => {
          expect(new Uint8Array(command)).toEqual(current?.request);
          return commandResultIn({}, recorded());
        },
      }),
    });
    closing.push(() => node.stop());
    return node.url;
  }

  it('is answered with the same status, content type and bytes, and read exactly', async () => {
    const urls = new Map<number, string>();
    for (const [to, id] of IDS) urls.set(to, await start(id));
    expect(EXCHANGES).toHaveLength(61);
    for (const exchange of EXCHANGES) {
      current = exchange;
      expectSame(await replay(urls.get(exchange.to) ?? '', exchange), exchange);
    }
    const rpcs = EXCHANGES.filter(
      ({ path, status }) => /requestvote|appendentries/.test(path) && status === 200,
    );
    expect(received.map((message) => textOf(encodeRequest(message)))).toEqual(
      rpcs.map((exchange) => textOf(exchange.request)),
    );
  });
});

describe('a real node in the place of the recorded third one', () => {
  it('answers as that did, and ends with its log', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'replay-'));
    closing.push(() => rm(directory, { recursive: true }));
    let current: RecordedExchange | undefined;
    const leader = createServer((request, response) => {
      request.resume();
      request.once('end', () => response.end(current?.response));
    });
    await new Promise<void>((resolve) => leader.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => leader.close(resolve)));
    const { port } = leader.address() as AddressInfo;
    const node = await startRealNode({
      id: nodeId(IDS.get(3) ?? ''),
      name: 'node3',
      clusterId: undefined,
      dataDir: join(directory, 'data'),
      listen: { host: '127.0.0.1', port: 0 },
      // The first recorded node led: what is forwarded goes to whoever answers for it here.
      join: undefined,
      advertise: undefined,
      peers: [...IDS].map(([to, id]) => ({ id: nodeId(id), url: `http://127.0.0.1:${to === 1 ? port : 1}` })),
      machine: 'echo',
      // It never campaigns by itself.
      electionTimeoutMsMin: 600_000,
      electionTimeoutMsMax: 600_000,
      heartbeatMs: 60_000,
      logger: { info: () => {}, warn: () => {} },
    });
    closing.push(() => node.stop());
    const exchanges = EXCHANGES.filter((exchange) => exchange.to === 3);
    expect(exchanges.length).toBeGreaterThan(20);
    for (const exchange of exchanges) {
      current = exchange;
      expectSame(await replay(node.url, exchange), exchange);
    }
    const status = await (await fetch(`${node.url}/raft/status`)).json();
    expect(status).toMatchObject({
      leaderId: IDS.get(1),
      term: 1,
      lastIndex: 11,
      commitIndex: 10,
      votedFor: IDS.get(1),
    });
  });
});
