import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../src/api/schema.ts';
import { readCluster } from '../../src/cluster/cluster-file.ts';
import type { Cluster } from '../../src/cluster/cluster-format.ts';
import type { ProcessSource } from '../../src/cluster/node-process.ts';
import { portOwner } from '../../src/cluster/port-owner.ts';
import { type ClusterRequest, prepareCluster } from '../../src/cluster/prepare.ts';
import { askNodeId, freePorts, isPortFree } from '../../src/cluster/probe.ts';
import { agreedLeader } from '../../src/cluster/readiness.ts';

const NOBODY: ProcessSource = { readLock: async () => undefined, find: () => undefined };

/** No node has moved. */
const settle = async (cluster: Cluster): Promise<Cluster> => cluster;

let parent: string;
let request: ClusterRequest;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'raft-prepare-'));
  request = { dir: join(parent, 'cluster'), count: 3, basePort: 0, machine: undefined };
});

afterEach(() => rm(parent, { recursive: true, force: true }));

describe('preparing a cluster', () => {
  it('makes it the first time, on ports that are free, and finds it the next time', async () => {
    const made = await prepareCluster(request, NOBODY, settle);
    const found = await prepareCluster({ ...request, count: undefined, basePort: undefined }, NOBODY, settle);

    expect(found).toEqual(made);
    expect(new Set(made.nodes.map((node) => node.url)).size).toBe(3);
  });

  it('makes nothing where a port is in use, and says which', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });

    expect(await isPortFree(port)).toBe(false);
    if (process.platform === 'linux') expect(await portOwner(port)).toBe(process.pid);
    await expect(
      prepareCluster({ ...request, count: 1, basePort: port }, NOBODY, settle),
    ).rejects.toMatchObject({
      code: 'address-in-use',
      message: expect.stringContaining(`Port ${port}`),
    });
    expect(await readCluster(request.dir)).toBeUndefined();
    server.close();
  });

  it('needs no ports that there are not', async () => {
    await expect(prepareCluster({ ...request, basePort: 65_534 }, NOBODY, settle)).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('refuses to start what runs already', async () => {
    const { nodes } = await prepareCluster(request, NOBODY, settle);
    const self = { pid: process.pid, startTime: '1', bootId: 'boot' };
    const running: ProcessSource = {
      readLock: async (dataDir) => {
        const node = nodes.find((each) => each.dataDir === dataDir && each.name !== 'node1');
        return node === undefined ? undefined : { ...self, id: node.id };
      },
      find: () => self,
    };

    await expect(prepareCluster(request, running, settle)).rejects.toMatchObject({
      code: 'already-running',
      message: expect.stringMatching(/^node2, node3 of the cluster in .* already run\.$/),
    });
  });
});

describe('ports and addresses', () => {
  it('that are free are all different, and none that a connection takes', async () => {
    const ports = await freePorts(20);

    expect(new Set(ports).size).toBe(20);
    expect(Math.max(...ports)).toBeLessThan(32_768);
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });

  it('that nobody listens at tell no id', async () => {
    const [port = 0] = await freePorts(1);

    expect(await askNodeId(`http://127.0.0.1:${port}`, 500)).toBeUndefined();
  });
});

describe('the leader on which all agree', () => {
  const status = (id: string, leaderId: string | null, term: number): NodeStatus => ({
    ...{
      id,
      name: id,
      clusterId: 'c',
      incarnation: 'i',
      version: '0',
      pid: 1,
      votedFor: null,
      leaderUrl: null,
    },
    ...{
      role: id === leaderId ? 'leader' : 'follower',
      term,
      leaderId,
      lastIndex: 1,
      commitIndex: 1,
      lastApplied: 1,
    },
    configuration: { index: 0, phase: 'stable', waitsFor: [] },
    ...{ logTimeMs: 0, machine: 'kv', members: [] },
  });

  it('is one that every node names, in the same term', () => {
    const all = [status('1', '2', 3), status('2', '2', 3), status('3', '2', 3)];

    expect(agreedLeader(all)?.id).toBe('2');
    expect(agreedLeader([...all.slice(1), status('1', null, 3)])).toBeUndefined();
    expect(agreedLeader([...all.slice(1), status('1', '2', 2)])).toBeUndefined();
    expect(agreedLeader([...all.slice(1), undefined])).toBeUndefined();
    expect(agreedLeader([])).toBeUndefined();
  });
});
