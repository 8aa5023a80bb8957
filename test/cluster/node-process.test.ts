import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCluster } from '../../src/cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../src/cluster/cluster-format.ts';
import { findProcess, type ProcessSource, signalNode, waitForState } from '../../src/cluster/node-process.ts';
import { freePorts } from '../../src/cluster/probe.ts';
import { stopNodes } from '../../src/cluster/stop-nodes.ts';
import { present } from '../../src/lib/assert.ts';
import { systemProcesses } from '../../src/raft/processes.ts';
import { readLock } from '../../src/raft/storage/lock.ts';

const processes = systemProcesses();
const source: ProcessSource = { readLock, find: (pid) => processes.find(pid) };

let directory: string;
let cluster: Cluster;
let node: ClusterNode;
let child: ChildProcess;

/** A process that stands for a node: it lives until it is told to end. */
async function startChild(script: string): Promise<ChildProcess> {
  const started = spawn(process.execPath, ['-e', `${script}; setInterval(() => {}, 1e6); console.log('up')`]);
  await once(started.stdout, 'data');
  return started;
}

async function lockFor(pid: number, change: object = {}): Promise<void> {
  const identity = present(processes.find(pid), 'the child');
  await mkdir(node.dataDir, { recursive: true });
  await writeFile(
    join(node.dataDir, 'lock'),
    JSON.stringify({ ...identity, id: node.id, url: node.url, token: 'token', ...change }),
  );
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-node-process-'));
  cluster = await createCluster(join(directory, 'cluster'), { machine: 'kv', ports: await freePorts(1) });
  node = present(cluster.nodes[0], 'node1');
  child = await startChild('');
});

afterEach(async () => {
  child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

describe('the process of a node', () => {
  it('is the one that holds its lock', async () => {
    const pid = present(child.pid, 'pid');
    expect(await findProcess(node, source)).toEqual({ state: 'stopped' });

    await lockFor(pid);

    expect(await findProcess(node, source)).toMatchObject({ state: 'running', identity: { pid } });
  });

  it.each([
    ['start time', { startTime: '1' }],
    ['boot', { bootId: 'another' }],
    ['id', { id: '1' }],
  ])('is never one whose %s is not that of the lock, and gets no signal', async (_what, change) => {
    await lockFor(present(child.pid, 'pid'), change);

    expect(await findProcess(node, source)).toEqual({ state: 'stopped' });
    expect(await signalNode(node, 'SIGKILL', source)).toBeUndefined();
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  it('gets no signal where another node answers at its address', async () => {
    const stranger = await listen(Number(new URL(node.url).port), '4711');
    await lockFor(present(child.pid, 'pid'));

    await expect(signalNode(node, 'SIGKILL', source)).rejects.toMatchObject({ code: 'not-permitted' });

    stranger.close();
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  it('is asked where it listens, also where another node has its old address by now', async () => {
    const [port = 0] = await freePorts(1);
    const own = await listen(port, node.id);
    const stranger = await listen(Number(new URL(node.url).port), '4711');
    await lockFor(present(child.pid, 'pid'), { url: `http://127.0.0.1:${port}` });

    expect(await signalNode(node, 'SIGSTOP', source)).toMatchObject({ pid: child.pid });

    for (const server of [own, stranger]) server.close();
  });

  it('gets its signal where it answers with its id, and where nobody answers', async () => {
    const own = await listen(Number(new URL(node.url).port), node.id);
    await lockFor(present(child.pid, 'pid'));

    expect(await signalNode(node, 'SIGSTOP', source)).toMatchObject({ pid: child.pid });
    expect(await waitForState(node, ['paused'], 5_000, source)).toBe(true);
    own.close();
    expect(await signalNode(node, 'SIGCONT', source)).toMatchObject({ pid: child.pid });
    expect(await waitForState(node, ['running'], 5_000, source)).toBe(true);
  });
});

describe('stopping nodes', () => {
  it('lets a process end in order', async () => {
    await lockFor(present(child.pid, 'pid'));

    expect(await stopNodes([node], { graceMs: 5_000, source })).toEqual(['stopped']);
    expect(await stopNodes([node], { graceMs: 5_000, source })).toEqual(['was-stopped']);
  });

  it('lets a paused process go on, so that it can end in order', async () => {
    await lockFor(present(child.pid, 'pid'));
    await signalNode(node, 'SIGSTOP', source);
    await waitForState(node, ['paused'], 5_000, source);

    expect(await stopNodes([node], { graceMs: 5_000, source })).toEqual(['stopped']);
  });

  it('kills a process that does not end in time', async () => {
    const deaf = await startChild("process.on('SIGTERM', () => {})");
    await lockFor(present(deaf.pid, 'pid'));

    expect(await stopNodes([node], { graceMs: 50, source })).toEqual(['killed']);
    expect(await findProcess(node, source)).toEqual({ state: 'stopped' });
  });

  it('does not wait any longer once it is told to hurry', async () => {
    const deaf = await startChild("process.on('SIGTERM', () => {})");
    await lockFor(present(deaf.pid, 'pid'));
    const startMs = performance.now();

    const results = await stopNodes([node], { graceMs: 10_000, source, hurry: AbortSignal.timeout(20) });

    expect(results).toEqual(['killed']);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});

async function listen(port: number, id: string): Promise<Server> {
  const server = createServer((_request, response) => void response.end(id));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
