import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refuseLeftOut, settleNodes, whatToDo, whyLeftOut } from '../../src/cli/moved-nodes.ts';
import { createCluster } from '../../src/cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../src/cluster/cluster-format.ts';
import type { ProcessSource } from '../../src/cluster/node-process.ts';
import { freePorts } from '../../src/cluster/probe.ts';
import { present } from '../../src/lib/assert.ts';
import { logIndex, nodeId } from '../../src/lib/brands.ts';
import { configurationOf } from '../../src/lib/configuration.ts';
import { CONFIGURATION_MARK, encodePayload } from '../../src/lib/entry.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { type Content, entriesOf, NOOP } from '../logtools/entries.ts';
import { segmentName } from '../logtools/temp-dir.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { member, statusOf } from './statuses.ts';

const NOBODY: ProcessSource = { readLock: async () => undefined, find: () => undefined };

/** A local cluster of three nodes, none of which runs. */
class DownCluster {
  readonly cluster: Cluster;
  readonly moved: ClusterNode;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.moved = present(cluster.nodes[2], 'node3');
  }

  static async make(): Promise<DownCluster> {
    const dir = join(temporaryDirectory(), 'cluster');
    return new DownCluster(await createCluster(dir, { machine: 'kv', ports: await freePorts(3) }));
  }

  /** The configuration in which node3 is at another address; `also` names further voters. */
  movedTo(url: string, ...also: readonly string[]): Content {
    const members = this.cluster.nodes.map((node) => ({
      ...{ id: node.id, url: node === this.moved ? url : node.url },
    }));
    const others = also.map((id) => ({ id, url: `http://127.0.0.1:${id}` }));
    const voters = [...members, ...others].map(({ id, url }) => ({ id: nodeId(id), url, incarnation: null }));
    return encodePayload({ kind: 'configuration', configuration: configurationOf({ voters }) });
  }

  /** Writes the log of a node, each entry of term 1, and how much of it the node knows to be committed. */
  async write(name: string, committed: number, ...contents: readonly Content[]): Promise<void> {
    await this.writeTerms(name, committed, ...contents.map((content) => [1, content] as const));
  }

  /** As `write`, each entry with its term in front. */
  async writeTerms(
    name: string,
    committed: number,
    ...contents: readonly (readonly [term: number, content: Content])[]
  ): Promise<void> {
    const { dataDir } = present(
      this.cluster.nodes.find((node) => node.name === name),
      name,
    );
    await mkdir(join(dataDir, 'log'), { recursive: true });
    const entries = entriesOf(contents);
    await writeFile(join(dataDir, segmentName(1)), encodeFrames(entries));
    await writeFile(join(dataDir, 'commit'), encodeCommitHint(logIndex(committed)));
  }

  /** Writes the bytes of a node's log anew. */
  async harm(name: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
    const { dataDir } = present(
      this.cluster.nodes.find((node) => node.name === name),
      name,
    );
    const path = join(dataDir, segmentName(1));
    await writeFile(path, change(await readFile(path)));
  }

  /** Where node3 is to be started; undefined where it is left out. */
  async settle(): Promise<string | undefined> {
    const { cluster, leftOut } = await settleNodes(this.cluster, this.cluster.nodes, NOBODY);
    expect(leftOut.map(({ node }) => node.name)).toEqual(leftOut.length === 0 ? [] : ['node3']);
    return leftOut.length > 0 ? undefined : cluster.nodes[2]?.url;
  }

  file(): Promise<string> {
    return readFile(join(this.cluster.dir, 'cluster.json'), 'utf8');
  }
}

const NEW = 'http://127.0.0.1:7650';
const NEXT = 'http://127.0.0.1:7651';
const markAt = (bytes: Buffer): number => bytes.indexOf(CONFIGURATION_MARK);

describe('where a member that has moved is started, while nobody runs', () => {
  it('is not said by a configuration that is not known to be committed', async () => {
    const down = await DownCluster.make();
    const before = await down.file();
    await down.write('node1', 2, NOOP, 'put a 1', down.movedTo(NEW), NOOP);
    await down.write('node2', 2, NOOP, 'put a 1', 'put b 2');
    await down.write('node3', 2, NOOP, 'put a 1', down.movedTo(NEW));

    expect(await down.settle()).toBe(down.moved.url);
    expect(await down.file()).toBe(before);
  });

  it('is said by the last one that any of the nodes knows to be committed', async () => {
    const down = await DownCluster.make();
    const log = [NOOP, down.movedTo(NEXT), down.movedTo(NEW), down.movedTo(NEXT)];
    await down.write('node1', 1, ...log);
    await down.write('node2', 3, ...log);
    await down.write('node3', 2, ...log);

    expect(await down.settle()).toBe(NEW);
    expect(await down.file()).toContain(`"url": "${NEW}"`);
  });

  it('is said by another log where the one that is known to be committed furthest is gone', async () => {
    const down = await DownCluster.make();
    const log = [NOOP, down.movedTo(NEW), NOOP];
    await down.write('node1', 3, ...log);
    await rm(join(present(down.cluster.nodes[0], 'node1').dataDir, 'log'), { recursive: true });
    await down.write('node2', 2, ...log);
    await down.write('node3', 1, ...log);

    expect(await down.settle()).toBe(NEW);
  });

  it.each([
    {
      what: 'is damaged where that says so',
      harm: (bytes: Buffer) => bytes.fill('8', bytes.indexOf(NEW) + 17, bytes.indexOf(NEW) + 18),
    },
    { what: 'has lost its mark', harm: (bytes: Buffer) => bytes.fill(0, markAt(bytes), markAt(bytes) + 2) },
    { what: 'ends before', harm: (bytes: Buffer) => bytes.subarray(0, bytes.lastIndexOf('put a 1') + 7) },
  ])(
    'is said by another log where the one that is known to be committed furthest $what',
    async ({ harm }) => {
      const down = await DownCluster.make();
      const log = [NOOP, 'put a 1', down.movedTo(NEW), NOOP];
      await down.write('node1', 4, ...log);
      await down.harm('node1', harm);
      await down.write('node2', 3, ...log);
      await down.write('node3', 2, NOOP, 'put a 1');

      expect(await down.settle()).toBeUndefined();
    },
  );

  it('is nowhere where its log has not seen the move', async () => {
    const down = await DownCluster.make();
    await down.write('node1', 2, NOOP, down.movedTo(NEW));
    await down.write('node2', 2, NOOP, down.movedTo(NEW));
    await down.write('node3', 1, NOOP, 'put a 1');

    expect(await down.settle()).toBeUndefined();
  });

  it('is there also where its log lacks what has changed since', async () => {
    const down = await DownCluster.make();
    const log = [NOOP, down.movedTo(NEW)];
    await down.write('node1', 4, ...log, NOOP, down.movedTo(NEW, '7'));
    await down.write('node2', 2, ...log);
    await down.write('node3', 2, ...log);

    expect(await down.settle()).toBe(NEW);
  });

  it('is nowhere where it may have moved, and its log has not seen that', async () => {
    const down = await DownCluster.make();
    const before = await down.file();
    const log = [NOOP, 'put a 1', down.movedTo(NEW), NOOP, 'put after 1'];
    await down.write('node1', 2, ...log);
    await down.write('node2', 2, ...log);
    await down.write('node3', 2, NOOP, 'put a 1');

    expect(await down.settle()).toBeUndefined();
    expect(await down.file()).toBe(before);
  });

  it('is nowhere where it may have moved and come back with other data', async () => {
    const down = await DownCluster.make();
    await down.write('node1', 2, NOOP, 'put a 1', down.movedTo(NEW), down.movedTo(down.moved.url));
    await down.write('node2', 2, NOOP, 'put a 1');
    await down.write('node3', 2, NOOP, 'put a 1');

    expect(await down.settle()).toBeUndefined();
  });

  it('is nowhere where it may have moved on from where it is known to be', async () => {
    const down = await DownCluster.make();
    const log = [NOOP, down.movedTo(NEW)];
    await down.write('node1', 2, ...log, down.movedTo(NEXT));
    await down.write('node2', 2, ...log);
    await down.write('node3', 2, ...log);

    expect(await down.settle()).toBeUndefined();
  });

  it('is where it was if the others went on without a move that was never committed', async () => {
    const down = await DownCluster.make();
    await down.write('node1', 2, NOOP, 'put a 1', down.movedTo(NEW), 'put b 2', 'put c 3');
    for (const name of ['node2', 'node3']) {
      await down.writeTerms(name, 2, [1, NOOP], [1, 'put a 1'], [2, NOOP]);
    }

    expect(await down.settle()).toBe(down.moved.url);
  });

  it.each([
    { what: 'one', terms: [2, 1] },
    { what: 'none', terms: [1, 1] },
  ])(
    'is nowhere where $what of the other logs shows that it has not moved',
    async ({ terms: [second = 0, third = 0] }) => {
      const down = await DownCluster.make();
      await down.write('node1', 2, NOOP, 'put a 1', down.movedTo(NEW), 'put b 2');
      await down.writeTerms('node2', 2, [1, NOOP], [1, 'put a 1'], [second, NOOP]);
      await down.writeTerms('node3', 2, [1, NOOP], [1, 'put a 1'], [third, NOOP]);

      expect(await down.settle()).toBeUndefined();
    },
  );

  it('is nowhere where it came back to that address with other data', async () => {
    const down = await DownCluster.make();
    const log = [NOOP, down.movedTo(NEW)];
    await down.write('node1', 4, ...log, down.movedTo(NEXT), down.movedTo(NEW));
    await down.write('node2', 2, ...log);
    await down.write('node3', 2, ...log);

    expect(await down.settle()).toBeUndefined();
  });
});

describe('where a member that has moved is started, while a leader answers', () => {
  it.each([
    { commitIndex: 2, isMoved: false },
    { commitIndex: 3, isMoved: true },
  ])('is said by its configuration 3 where it is committed: up to $commitIndex', async (known) => {
    const down = await DownCluster.make();
    await leaderAnswering(down, () => known.commitIndex);
    await down.write('node3', 1, NOOP, 'put a 1', down.movedTo(NEW));

    const { cluster, leftOut } = await settleNodes(down.cluster, [down.moved], NOBODY);

    expect(leftOut).toEqual([]);
    expect(cluster.nodes[2]?.url).toBe(known.isMoved ? NEW : down.moved.url);
  });

  it('is said by it once it is, where the leader has only just been elected', async () => {
    const down = await DownCluster.make();
    let looks = 0;
    await leaderAnswering(down, () => {
      looks += 1;
      return looks < 3 ? 2 : 3;
    });

    const { leftOut } = await settleNodes(down.cluster, [down.moved], NOBODY);

    expect(leftOut).toMatchObject([{ type: 'moved', url: NEW, isSeenHere: false }]);
  });
});

describe('what is said of a node that went on elsewhere', () => {
  it('does not tell anybody to start it where it runs', async () => {
    const down = await DownCluster.make();
    const url = await answering(down.moved.id);
    await down.write('node1', 2, NOOP, down.movedTo(url));
    await down.write('node3', 1, NOOP);

    const { cluster, leftOut } = await settleNodes(down.cluster, down.cluster.nodes, NOBODY);
    const left = present(leftOut[0], 'node3');

    expect(whyLeftOut(left)).toMatch(
      new RegExp(`^node3 has moved: .*older than that\\. It runs at ${url}\\.$`),
    );
    expect(whatToDo(cluster, left)).toEqual([
      `To take it out of the cluster: raft cluster remove node3 --dir ${cluster.dir}`,
      `Then add another one in its place: raft cluster add --dir ${cluster.dir}`,
    ]);
  });
});

describe('what is said of a node that may have moved', () => {
  it('names those that have to be started first, so that the cluster decides', async () => {
    const down = await DownCluster.make();
    await down.write('node1', 1, NOOP, down.movedTo(NEW));
    await down.write('node2', 1, NOOP);
    await down.write('node3', 1, NOOP);

    const settled = await settleNodes(down.cluster, down.cluster.nodes, NOBODY);
    const [left] = settled.leftOut;
    const flag = `--dir ${down.cluster.dir}`;

    expect(whyLeftOut(present(left, 'node3'))).toMatch(new RegExp(`^node3 may have moved: .* at ${NEW}, `));
    expect(() => refuseLeftOut(settled, down.cluster.nodes)).toThrow(
      expect.objectContaining({
        code: 'configuration',
        suggestions: [
          `Start the others first, so that the cluster decides: raft cluster start node1 node2 ${flag}`,
          `Then again: raft cluster start node3 ${flag}`,
          expect.stringContaining('--data-dir DIR --listen 127.0.0.1:7650'),
        ],
      }),
    );
  });
});

/** A leader at the address of node1, by whose configuration 3 node3 is elsewhere; each answer asks how far it is committed. */
async function leaderAnswering({ cluster, moved }: DownCluster, commitIndex: () => number): Promise<void> {
  const { id, url } = present(cluster.nodes[0], 'node1');
  const members = [member(id, { url }), member(moved.id, { url: NEW, part: 'learner' })];
  const status = () =>
    statusOf(id, {
      ...{ clusterId: cluster.clusterId, commitIndex: commitIndex(), members },
      configuration: { index: 3, phase: 'new', waitsFor: [] },
    });
  await answering(() => JSON.stringify(status()), Number(new URL(url).port));
}

/** The address of a server that answers every request with a text, on a free port unless one is given. */
async function answering(text: string | (() => string), port = 0): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(typeof text === 'string' ? text : text());
  });
  onTestFinished(() => void server.close());
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
