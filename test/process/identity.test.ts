import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { nodeId } from '../../src/lib/brands.ts';
import type { PeerAddress } from '../../src/raft/ports.ts';
import { raft, startRaft } from '../command-line/runner.ts';
import { eventually } from '../support/eventually.ts';
import { RealCluster, type RealNode } from '../support/real-cluster.ts';

describe('a node that has lost its data and comes back under its old id', () => {
  it('is recognised also after all others were restarted, and stops', async () => {
    const { cluster, lost } = await clusterThatLostANode();
    await Promise.all(cluster.running().map((node) => cluster.kill(node)));
    for (const node of cluster.nodes) if (node !== lost) cluster.restart(node);
    cluster.restartBlank(lost, ['--peers', cluster.peers]);
    const [code] = await once(lost.process, 'exit');
    expect(code).toBe(78);
    expect(cluster.outputOf(lost)).toMatch(
      /without the data that it had|the data that it had, and that is gone/,
    );
    await put(cluster, 'still');
  });

  it('is a member again once it was removed and has joined', async () => {
    const { cluster, lost } = await clusterThatLostANode();
    cluster.restartBlank(lost, [
      '--join',
      others(cluster, lost)
        .map(({ url }) => url)
        .join(','),
    ]);
    // Under its old id it is a voter that has lost its votes: it cannot just go on.
    const [code] = await once(lost.process, 'exit');
    expect(code).toBe(78);
    expect(cluster.outputOf(lost)).toContain('raft config remove');
    await change(cluster, others(cluster, lost));
    cluster.restartBlank(lost, [
      '--join',
      others(cluster, lost)
        .map(({ url }) => url)
        .join(','),
    ]);
    await eventually('it votes again', async () => {
      const leader = await cluster.client.leader();
      const { members, configuration } = await cluster.client.status(leader.url);
      const member = members.find(({ id }) => id === lost.id);
      return member?.part === 'voter' && configuration.phase === 'stable' ? true : undefined;
    });
    await put(cluster, 'again');
    await cluster.settle();
  });
});

describe('a node that has lost its data and comes back at another address', () => {
  it('is not taken for the member that it was, and a preview says so', async () => {
    const { cluster, lost } = await clusterThatLostANode();
    const [port] = await freePorts(1);
    const there = others(cluster, lost).map(({ url }) => url);
    const blank = startRaft([
      ...['node', 'run', '--id', lost.id, '--data-dir', `${lost.dataDir}-new`],
      ...['--listen', `127.0.0.1:${port}`, '--join', there.join(','), '--standby'],
    ]);
    onTestFinished(() => void blank.child.kill('SIGKILL'));
    await blank.line(/waiting to be made a member/);
    const set = [
      ...['config', 'set', ...others(cluster, lost).map(({ id, url }) => `${id}=${url}`)],
      ...[`${lost.id}=http://127.0.0.1:${port}`, '--server', there.join(',')],
    ];

    const preview = await raft([...set, '--dry-run', '--json']);
    const change = await raft(set);

    const sentence = `Node ${lost.id} has come back without the data that it had, and with it its votes.`;
    expect(preview.code).toBe(78);
    expect(JSON.parse(preview.stdout)).toMatchObject({
      refusal: { code: 'configuration', message: sentence },
    });
    expect(change).toMatchObject({ code: 78, stderr: expect.stringContaining(sentence) });
    await put(cluster, 'still');
  });
});

describe('a second node of the same id', () => {
  it('on a copy of its data does not start while the first runs', async () => {
    const { cluster, first, run } = await copiedNode();
    cluster.restart(first);
    await cluster.settle();
    const { code, stderr } = await raft(run);
    expect(code).toBe(73);
    expect(stderr).toContain(`another process runs as node ${first.id} at ${first.url}`);
    await put(cluster, 'after');
  });

  it('on a copy of its data stops when the first one comes back', async () => {
    const { cluster, first, run } = await copiedNode();
    const second = startRaft(run);
    onTestFinished(() => void second.child.kill('SIGKILL'));
    await second.line(/listens on/);

    cluster.restart(first);
    const { code, stderr } = await second.ended;

    expect(code).toBe(73);
    expect(stderr).toContain(`another process runs as node ${first.id} at ${first.url}`);
    await put(cluster, 'after');
    await cluster.settle();
  });

  it('is refused, and the first goes on', async () => {
    const cluster = await RealCluster.start(3);
    const [first] = cluster.nodes;
    if (first === undefined) throw new Error('There are three');
    await put(cluster, 'before');
    const found = await fetch(`${first.url}/raft/appendentries`, {
      method: 'POST',
      headers: {
        'raft-cluster-id': (await cluster.client.status(first.url)).clusterId,
        'raft-node-id': first.id,
        'raft-incarnation': 'another',
      },
      body: '{}',
    });
    expect(found.status).toBe(409);
    expect(await found.text()).toContain('as this one is');
    await put(cluster, 'after');
  });
});

/** Three nodes of which one is down, and a copy of its data directory. */
async function copiedNode() {
  const cluster = await RealCluster.start(3);
  const [first] = cluster.nodes;
  if (first === undefined) throw new Error('There are three');
  await put(cluster, 'before');
  await cluster.kill(first);
  const copy = `${first.dataDir}-copy`;
  cpSync(first.dataDir, copy, { recursive: true });
  rmSync(join(copy, 'lock'), { force: true });
  const [port] = await freePorts(1);
  const run = ['node', 'run', '--id', first.id, '--data-dir', copy, '--listen', `127.0.0.1:${port}`];
  return { cluster, first, run };
}

/** Three nodes, all of which have met, and one whose data is about to be gone. */
async function clusterThatLostANode(): Promise<{ readonly cluster: RealCluster; readonly lost: RealNode }> {
  const cluster = await RealCluster.start(3);
  await put(cluster, 'before');
  const leader = await cluster.leader();
  // Whoever leads next: each node asks all others who they are, not only the one that leads.
  await eventually('all have met', () =>
    cluster.nodes.every((node) => hasMetAll(cluster, node)) ? true : undefined,
  );
  const [lost] = cluster.nodes.filter((node) => node !== leader);
  if (lost === undefined) throw new Error('There are three');
  await cluster.kill(lost);
  return { cluster, lost };
}

function hasMetAll(cluster: RealCluster, node: RealNode): boolean {
  const file = join(node.dataDir, 'peers');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return others(cluster, node).every(({ id }) => text.includes(`"${id}"`));
}

function others(cluster: RealCluster, lost: RealNode): readonly RealNode[] {
  return cluster.nodes.filter((node) => node !== lost);
}

async function change(cluster: RealCluster, nodes: readonly RealNode[]): Promise<void> {
  const voters = nodes.map(({ id, url }): PeerAddress => ({ id: nodeId(id), url }));
  await cluster.client.changeConfiguration({ voters, learners: [], expectIndex: null, isForced: false });
}

async function put(cluster: RealCluster, value: string): Promise<void> {
  await cluster.client.command(Buffer.from(`put k ${value}`), { timeoutMs: 20_000 });
}
