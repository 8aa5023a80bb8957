import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { present } from '../../src/lib/assert.ts';
import { eventually, TestCluster } from './cluster-runner.ts';
import { type RunningCommand, startRaft } from './runner.ts';

const UP = ['cluster', 'up', '-n', '3', '--base-port', '0', '--detach'] as const;

describe('a member that was moved to another address of this machine', () => {
  it('is started there from then on, whether anybody answers or not', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run(...UP)).code).toBe(0);
    const { dataDir } = await cluster.node('node3');
    const { url, process } = await moveNode3(cluster, dataDir);
    const rows = await rowsOf(cluster);
    await stop(process);

    const start = await cluster.run('cluster', 'start', 'node3');
    const started = await cluster.node('node3');
    await allAnswer(cluster);
    const next = await moveNode3(cluster, dataDir);
    await stop(next.process);
    // Where all are down, the logs alone know of it.
    expect((await cluster.run('cluster', 'down')).code).toBe(0);
    const up = await cluster.run('cluster', 'up', '--detach');

    expect(rows.cluster).toEqual(rows.status);
    expect(rows.cluster).toContainEqual(['node3', url]);
    expect(start).toMatchObject({ code: 0, stdout: expect.stringContaining(url), stderr: '' });
    expect(started.url).toBe(url);
    expect(up).toMatchObject({ code: 0, stdout: expect.stringContaining(next.url), stderr: '' });
    expect((await cluster.node('node3')).url).toBe(next.url);
    await allAnswer(cluster);
  });

  it('and went on there with a copy of its data is not started with the old data', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run(...UP)).code).toBe(0);
    const { url: old, dataDir } = await cluster.node('node3');
    expect((await cluster.run('cluster', 'stop', 'node3')).code).toBe(0);
    const copy = join(cluster.dir, '..', 'copy');
    await cp(dataDir, copy, { recursive: true });
    const { url, process } = await moveNode3(cluster, copy);

    // It may have led: then the others still have to agree on a leader that can tell of the move.
    expect((await cluster.run('cluster', 'kill', 'node1')).code).toBe(0);
    const others = await cluster.run('cluster', 'start');
    const beside = await cluster.run('cluster', 'start', 'node3');
    await stop(process);
    const instead = await cluster.run('cluster', 'start', 'node3', '--json');
    expect((await cluster.run('cluster', 'down')).code).toBe(0);
    const up = await cluster.run('cluster', 'up', '--detach');

    const why = `node3 has moved: the cluster looks for it at ${url}, and its directory here is for ${old}.`;
    const there = `It runs at ${url}.`;
    const other = `take it out of the cluster: raft cluster remove node3 --dir ${cluster.dir}`;
    expect(others.code).toBe(78);
    expect(others.stdout).toMatch(/│ node1 │ running │[\s\S]*│ node3 │ stopped │/);
    expect(others.stderr).toMatch(
      new RegExp(`^${why} .*older.* ${there} It was not started\\.\n  To ${other}\n  .*\n$`),
    );
    for (const { code, stdout, stderr } of [beside, up]) {
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toContain(`Error: ${why}`);
    }
    expect(beside.stderr).toContain(there);
    expect(beside.stderr).not.toContain('raft node run');
    expect(up.stderr).toContain(`--data-dir DIR --listen ${new URL(url).host}\n  Or ${other}\n`);
    expect(up.stderr).not.toContain(there);
    expect(instead.code).toBe(78);
    expect(JSON.parse(instead.stdout)).toMatchObject({ error: { code: 'configuration' } });
    expect(up.stderr).toContain(`raft cluster start node1 node2 --dir ${cluster.dir}\n`);
    expect(await cluster.pids()).toEqual([]);
    expect((await cluster.node('node3')).url).toBe(old);
    // Nothing is in the way of the two that have not moved.
    const two = await cluster.run('cluster', 'start', '--json');
    expect([two.code, JSON.parse(two.stdout).nodes.length]).toEqual([78, 3]);
    expect(await cluster.pids()).toHaveLength(2);
  });
});

describe('a member that is known by another name of its address', () => {
  it('has not moved', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    const { url } = await cluster.node('node1');
    const other = url.replace('127.0.0.1', 'localhost');
    expect((await cluster.run('config', 'set', `node1=${other}`)).stdout).toContain('is in force');
    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    const up = await cluster.run('cluster', 'up', '--detach');

    expect(up.code).toBe(0);
    expect((await cluster.node('node1')).url).toBe(url);
    const { members } = JSON.parse((await cluster.run('config', 'get', '--json')).stdout);
    expect(members).toMatchObject([{ url: other }]);
  });
});

/** Names and addresses, as `raft cluster status` and as `raft status` have them. */
async function rowsOf(cluster: TestCluster) {
  const rowsIn = async (...command: readonly string[]) => {
    const { nodes } = JSON.parse((await cluster.run(...command, '--json')).stdout);
    return nodes.map(({ name, url }: { name: string; url: string }) => [name, url]);
  };
  return { cluster: await rowsIn('cluster', 'status'), status: await rowsIn('status') };
}

/** Runs node3 by hand at another address, and tells the cluster that it is there. */
async function moveNode3(
  cluster: TestCluster,
  dataDir: string,
): Promise<{ readonly url: string; readonly process: RunningCommand }> {
  const { id } = await cluster.node('node3');
  expect((await cluster.run('cluster', 'stop', 'node3')).code).toBe(0);
  const port = present((await freePorts(1))[0], 'a port');
  const url = `http://127.0.0.1:${port}`;
  const place = ['--id', id, '--name', 'node3', '--data-dir', dataDir, '--listen', `127.0.0.1:${port}`];
  const process = startRaft(['node', 'run', ...place]);
  await process.line(/listens on/);
  const move = await cluster.run('config', 'add', `node3=${url}`);
  expect({ code: move.code, stderr: move.stderr }).toEqual({ code: 0, stderr: '' });
  await allAnswer(cluster);
  return { url, process };
}

async function stop({ child, ended }: RunningCommand): Promise<void> {
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
}

/** Waits until all three nodes have all that the leader has. */
async function allAnswer(cluster: TestCluster): Promise<void> {
  await eventually('all nodes are up to date', async () => {
    const { leader, nodes } = JSON.parse((await cluster.run('status', '--json')).stdout);
    const last = nodes.find(({ id }: { id: string }) => id === leader)?.lastIndex;
    const having = nodes.filter(({ commitIndex }: { commitIndex: number }) => commitIndex === last);
    return having.length === 3;
  });
}
