import { afterEach, describe, expect, it } from 'vitest';
import { type LogIndex, logIndex, nodeId } from '../../src/lib/brands.ts';
import { OwnPlace } from '../../src/raft/transport/own-place.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/ports.ts';
import { identity, startNode, type TestNode, type TestNodeOptions } from './nodes.ts';

const MOVED = '7';
const OTHER = '8';
const OLD = logIndex(1);
const NEW = logIndex(5);

const nodes: TestNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

/** One process of the node that moves, by the configuration that it knows. */
interface Place {
  readonly port: number;
  readonly run: string;
  readonly configurationIndex: LogIndex;
  /** Where that configuration has the node. */
  readonly url: string;
}

describe('where a node is looked for', () => {
  it('is in what it is answered, if it says who it is', async () => {
    const other = await startOther('http://127.0.0.1:9', NEW);
    const known = await fetch(`${other.url}/raft/id`, { headers: headersOf(MOVED) });
    const unknown = await fetch(`${other.url}/raft/id`);
    expect(known.headers.get('raft-expected-url')).toBe('http://127.0.0.1:9');
    expect(known.headers.get('raft-configuration-index')).toBe('5');
    expect(unknown.headers.get('raft-expected-url')).toBeNull();
  });

  it('is where another process of it lives: the one with the older configuration must not go on', async () => {
    const { oldPlace, newPlace } = await twoPlaces();
    const there = await startPlace(newPlace, 'http://127.0.0.1:9');
    const other = await startOther(there.url, NEW);
    const here = await startPlace(oldPlace, other.url);
    await here.ear.until('mismatch');
    expect(here.ear.of('mismatch')).toEqual([
      {
        ...{ type: 'mismatch', peer: MOVED, kind: 'twin' },
        reason: `another process runs as node ${MOVED} at ${there.url}`,
      },
    ]);
    expect(there.ear.of('mismatch')).toEqual([]);
  });

  it('is where it was, for a peer that lags: the process that stays there is told by the one that has moved', async () => {
    const { oldPlace, newPlace } = await twoPlaces();
    const here = await startPlace(oldPlace, 'http://127.0.0.1:9');
    const other = await startOther(here.url, OLD);
    const there = await startPlace(newPlace, other.url);
    await here.ear.until('mismatch');
    expect(here.ear.of('mismatch')).toMatchObject([{ kind: 'twin', peer: MOVED }]);
    expect(there.ear.of('mismatch')).toEqual([]);
  });

  it('may have another name, which is asked once', async () => {
    const { oldPlace } = await twoPlaces();
    await startPlace(oldPlace, 'http://127.0.0.1:9');
    const onTwin = (url: string) => expect.unreachable(`There is no twin at ${url}`);
    const place = new OwnPlace({ identity: identity(MOVED), run: oldPlace.run, onTwin });
    place.moveTo(oldPlace.url, OLD);
    place.start();
    const alias = { 'raft-expected-url': `${oldPlace.url}/` };
    expect(place.heed(alias)).toBe(false);
    await eventually('the name is known', () => place.heed(alias) || undefined);
    place.stop();
  });

  it('is not to be believed of whoever says that it is this node, where nobody answers for it', async () => {
    const { oldPlace, newPlace } = await twoPlaces();
    const here = await startPlace(oldPlace, 'http://127.0.0.1:9');
    const claim = { 'raft-url': newPlace.url, 'raft-configuration-index': '99', 'raft-run': 'forged' };
    const response = await fetch(`${here.url}/raft/requestvote`, {
      ...{ method: 'POST', body: '{}', headers: { ...headersOf(MOVED), ...claim } },
    });
    expect(response.status).toBe(409);
    expect(here.ear.heard).toEqual([]);
  });
});

/** Two addresses of one node: before and after a change of its address. */
async function twoPlaces(): Promise<{ readonly oldPlace: Place; readonly newPlace: Place }> {
  const [oldPort, newPort] = await freePorts(2);
  if (oldPort === undefined || newPort === undefined) throw new Error('Two were asked for');
  const place = (port: number, run: string, configurationIndex: LogIndex) => {
    return { port, run, configurationIndex, url: `http://127.0.0.1:${port}` };
  };
  return { oldPlace: place(oldPort, 'old', OLD), newPlace: place(newPort, 'new', NEW) };
}

async function startPlace({ url, ...place }: Place, otherUrl: string): Promise<TestNode> {
  const peers = [
    { id: nodeId(MOVED), url },
    { id: nodeId(OTHER), url: otherUrl },
  ];
  return start({ identity: identity(MOVED), peers, ...place });
}

/** A peer that looks for the node at `url`. */
async function startOther(url: string, configurationIndex: LogIndex): Promise<TestNode> {
  const peers = [{ id: nodeId(MOVED), url }];
  return start({ identity: identity(OTHER), peers, configurationIndex });
}

async function start(options: TestNodeOptions): Promise<TestNode> {
  const node = await startNode(options);
  nodes.push(node);
  return node;
}

function headersOf(id: string) {
  return {
    'raft-cluster-id': 'cluster-a',
    'raft-node-id': id,
    'raft-incarnation': `incarnation-${id}`,
  };
}
