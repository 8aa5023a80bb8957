import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { RaftClient } from '../../src/api/client-types.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { startRaft } from '../command-line/runner.ts';
import { freePorts } from '../support/ports.ts';
import { RealCluster, type RealNode } from '../support/real-cluster.ts';

/** Time for a node that has moved to find others, before they elect somebody: longer than a node takes to start. */
const PATIENT = ['--election-timeout-ms', '3000'];

describe('a process on old data at the old address of a member that has moved', () => {
  it('stops: the others tell it where its id lives now, and there it is answered', async () => {
    const { cluster, moved, other, newUrl } = await clusterThatMovesANode();
    await changeAddress(cluster, moved, newUrl);
    await put([newUrl, other.url], 'acknowledged');

    cluster.restart(moved);
    await stopsAsTwin(cluster, moved, newUrl);

    expect(await get([newUrl, other.url])).toBe('acknowledged');
  });

  it('stops also where none that runs has heard of the move, but the one that has moved', async () => {
    const { cluster, moved, other, late, newUrl } = await clusterThatMovesANode();
    await cluster.kill(late);
    await changeAddress(cluster, moved, newUrl);
    await put([newUrl, other.url], 'acknowledged');
    await cluster.kill(other);

    // The two have a majority of the configuration that they know, and have not the write.
    cluster.restart(late, PATIENT);
    cluster.restart(moved, PATIENT);
    await stopsAsTwin(cluster, moved, newUrl);

    expect(await get([newUrl, late.url])).toBe('acknowledged');
  });
});

/** Three nodes, and one of them at a new address on a copy of its data, of which the cluster has not been told yet. */
async function clusterThatMovesANode() {
  const cluster = await RealCluster.start(3);
  const leader = await cluster.leader();
  const [moved, late] = cluster.nodes.filter((node) => node !== leader);
  if (moved === undefined || late === undefined) throw new Error('There are three');
  await put([leader.url], 'before');
  await cluster.settle();
  await cluster.kill(moved);
  const copy = `${moved.dataDir}-moved`;
  cpSync(moved.dataDir, copy, { recursive: true });
  rmSync(join(copy, 'lock'), { force: true });
  const [port] = await freePorts(1);
  const there = startRaft([
    ...['node', 'run', '--id', moved.id, '--data-dir', copy, '--listen', `127.0.0.1:${port}`, ...PATIENT],
  ]);
  onTestFinished(() => void there.child.kill('SIGKILL'));
  await there.line(/listens on/);
  return { cluster, moved, other: leader, late, newUrl: `http://127.0.0.1:${port}` };
}

async function changeAddress(cluster: RealCluster, moved: RealNode, newUrl: string): Promise<void> {
  await cluster.client.changeConfiguration({
    voters: cluster.nodes.map((node) => ({ id: nodeId(node.id), url: node === moved ? newUrl : node.url })),
    ...{ learners: [], expectIndex: null, isForced: false },
  });
}

async function stopsAsTwin(cluster: RealCluster, node: RealNode, newUrl: string): Promise<void> {
  const [code] = await once(node.process, 'exit');
  expect(code).toBe(73);
  expect(cluster.outputOf(node)).toContain(`another process runs as node ${node.id} at ${newUrl}`);
}

async function put(servers: readonly string[], value: string): Promise<void> {
  await clientOf(servers).command(Buffer.from(`put k ${value}`), { timeoutMs: 20_000 });
}

async function get(servers: readonly string[]): Promise<string> {
  const answer = await clientOf(servers).query(Buffer.from('get k'), { timeoutMs: 20_000 });
  return JSON.parse(Buffer.from(answer).toString()).value;
}

function clientOf(servers: readonly string[]): RaftClient {
  const client = createClient({ servers });
  onTestFinished(() => client.close());
  return client;
}
