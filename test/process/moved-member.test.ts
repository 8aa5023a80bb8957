import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { RaftClient } from '../../src/api/client-types.ts';
import { freePorts } from '../../src/cluster/probe.ts';
import { nodeId } from '../../src/lib/brands.ts';
import type { MembershipRequest } from '../../src/raft/ports.ts';
import { startRaft } from '../command-line/runner.ts';
import { RealCluster, type RealNode } from '../support/real-cluster.ts';

/** Time for a node that has moved to find others, before they elect somebody: longer than a node takes to start. */
const PATIENT = ['--election-timeout-ms', '3000'];

describe('a process on old data at the old address of a member that has moved', () => {
  it('stops: the others tell it where its id lives now, and there it is answered', async () => {
    const { cluster, old, moved, other } = await clusterThatMovesANode();
    await changeAddress(cluster, old, moved.url);
    await put([moved.url, other.url], 'acknowledged');

    cluster.restart(old);
    await stopsAsTwin(cluster, old, moved);

    expect(await get([moved.url, other.url])).toBe('acknowledged');
  });

  it('stops also where none that runs has heard of the move, but the one that has moved', async () => {
    await expectWriteKept(await clusterThatMovesANode());
  });

  it('stops also where its log is longer, by entries of an earlier term that were never committed', async () => {
    const cluster = await RealCluster.start(3);
    const old = await cluster.leader();
    await put([old.url], 'before');
    await cluster.settle();
    const others = cluster.nodes.filter((node) => node !== old);
    await Promise.all(others.map((node) => cluster.kill(node)));
    await leaveUncommitted(old, others);
    await cluster.kill(old);
    // One that leads alone, until it has learnt of the move, must not step down meanwhile.
    for (const node of others) cluster.restart(node, PATIENT);
    const other = await cluster.leader();
    const [late] = others.filter((node) => node !== other);
    if (late === undefined) throw new Error('There are three');
    const moved = await startAtNewAddress(old);

    await expectWriteKept({ cluster, old, moved, other, late });
  });
});

describe('a process at the new address of a member', () => {
  it('stops where the move was taken back, and the one at the old address has gone on', async () => {
    const cluster = await RealCluster.start(5);
    const leader = await cluster.leader();
    const [old, second, third, fourth] = cluster.nodes.filter((node) => node !== leader);
    if (old === undefined || second === undefined || third === undefined || fourth === undefined)
      throw new Error('There are five');
    await put([leader.url], 'before');
    await cluster.settle();
    await cluster.kill(old);
    const moved = await startAtNewAddress(old);
    // The move comes no further than to the leader and the process that has moved.
    await Promise.all([second, third, fourth].map((node) => cluster.kill(node)));
    const client = clientOf([leader.url]);
    await expect(client.changeConfiguration(moveTo(cluster, old, moved.url, true))).rejects.toThrow();
    expect((await client.status(moved.url)).configuration.index).toBeGreaterThan(0);
    await cluster.kill(leader);
    moved.child.kill('SIGSTOP');

    // Three of five, with the node at its old place, which decide without it.
    for (const node of [second, third, old]) cluster.restart(node);
    await cluster.leader();
    await put([second.url, third.url], 'acknowledged');
    moved.child.kill('SIGCONT');
    const [code] = await once(moved.child, 'exit');
    expect(code).toBe(73);
    expect(old.process.exitCode).toBeNull();

    // Of those who have the write, the one at the old place is the only one left.
    await Promise.all([second, third].map((node) => cluster.kill(node)));
    for (const node of [leader, fourth]) cluster.restart(node);
    expect(await get([leader.url, fourth.url, old.url])).toBe('acknowledged');
  });
});

interface Move {
  readonly cluster: RealCluster;
  readonly old: RealNode;
  readonly moved: Moved;
  /** Hears of the move, and is gone then. */
  readonly other: RealNode;
  /** Is down meanwhile. */
  readonly late: RealNode;
}

/** A write that only the process that has moved holds, of those that run, is still there when the old one has come. */
async function expectWriteKept({ cluster, old, moved, other, late }: Move): Promise<void> {
  await cluster.kill(late);
  await changeAddress(cluster, old, moved.url);
  await put([moved.url, other.url], 'acknowledged');
  await cluster.kill(other);

  // The two have a majority of the configuration that they know, and have not the write.
  cluster.restart(late, PATIENT);
  cluster.restart(old, PATIENT);
  await stopsAsTwin(cluster, old, moved);

  expect(await get([moved.url, late.url])).toBe('acknowledged');
}

/** Gives a leader whose followers are gone ten commands and a configuration, which will never be committed. */
async function leaveUncommitted(leader: RealNode, gone: readonly RealNode[]): Promise<void> {
  const client = clientOf([leader.url]);
  const impatient = { timeoutMs: 1_000 };
  const [kept] = gone;
  const voters = [leader, kept].flatMap((node) =>
    node === undefined ? [] : [{ id: nodeId(node.id), url: node.url }],
  );
  const request = { voters, learners: [], expectIndex: null, isForced: true };
  const sent = Array.from({ length: 10 }, (_, i) => client.command(Buffer.from(`put x ${i}`), impatient));
  const ends = await Promise.allSettled([...sent, client.changeConfiguration(request, impatient)]);
  expect(ends.map(({ status }) => status)).not.toContain('fulfilled');
  expect((await client.status(leader.url)).configuration.index).toBeGreaterThan(8);
}

/** Three nodes, and one of them at a new address on a copy of its data, of which the cluster has not been told yet. */
async function clusterThatMovesANode() {
  const cluster = await RealCluster.start(3);
  const leader = await cluster.leader();
  const [old, late] = cluster.nodes.filter((node) => node !== leader);
  if (old === undefined || late === undefined) throw new Error('There are three');
  await put([leader.url], 'before');
  await cluster.settle();
  await cluster.kill(old);
  return { cluster, old, moved: await startAtNewAddress(old), other: leader, late };
}

/** The process at the new address. */
interface Moved {
  readonly url: string;
  readonly child: ChildProcess;
}

async function startAtNewAddress({ id, dataDir }: RealNode): Promise<Moved> {
  const copy = `${dataDir}-moved`;
  cpSync(dataDir, copy, { recursive: true });
  rmSync(join(copy, 'lock'), { force: true });
  const [port] = await freePorts(1);
  const there = startRaft([
    ...['node', 'run', '--id', id, '--data-dir', copy, '--listen', `127.0.0.1:${port}`, ...PATIENT],
  ]);
  onTestFinished(() => void there.child.kill('SIGKILL'));
  await there.line(/listens on/);
  return { url: `http://127.0.0.1:${port}`, child: there.child };
}

async function changeAddress(cluster: RealCluster, old: RealNode, newUrl: string): Promise<void> {
  await cluster.client.changeConfiguration(moveTo(cluster, old, newUrl, false));
}

function moveTo(cluster: RealCluster, old: RealNode, newUrl: string, isForced: boolean): MembershipRequest {
  const voters = cluster.nodes.map((node) => ({
    id: nodeId(node.id),
    url: node === old ? newUrl : node.url,
  }));
  return { voters, learners: [], expectIndex: null, isForced };
}

/** The old process has to stop, and the one that has moved to go on. */
async function stopsAsTwin(cluster: RealCluster, old: RealNode, { url, child }: Moved): Promise<void> {
  const code = await Promise.race([
    once(old.process, 'exit').then(([ended]) => ended),
    once(child, 'exit').then(() => 'The one that has moved stops'),
  ]);
  expect(code).toBe(73);
  expect(cluster.outputOf(old)).toContain(`another process runs as node ${old.id} at ${url}`);
  expect(child.exitCode).toBeNull();
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
