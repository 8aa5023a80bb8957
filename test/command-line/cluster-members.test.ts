import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, watch } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../src/cluster/cluster-format.ts';
import { portOf } from '../../src/cluster/prepare.ts';
import { areGone, eventually, pressControlC, TestCluster } from './cluster-runner.ts';

const UP = ['cluster', 'up', '-n', '3', '--base-port', '0'] as const;
const READY = /Ctrl-C stops all nodes/;

describe('a cluster in the foreground', () => {
  it('shows and stops a node that joins, and takes one that is removed for no failure', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const shown = up.line(/^node4 \| .* this node is a voter by the configuration at index \d+$/);
    const gone = up.line(/^node1 was removed from the cluster, and has stopped\.$/);

    expect((await cluster.run('cluster', 'add')).code).toBe(0);
    await shown;
    const { dataDir } = await cluster.node('node1');
    const remove = await cluster.run('cluster', 'remove', 'node1', '--json');
    await gone;
    const pids = await cluster.pids();
    pressControlC(up);
    const { code, stderr } = await up.ended;

    expect(remove.code).toBe(0);
    expect(JSON.parse(remove.stdout)).toMatchObject({
      ...{ dir: cluster.dir, index: expect.any(Number), removed: [{ name: 'node1', dataDir }] },
    });
    expect({ code, stderr }).toEqual({
      ...{ code: 0, stderr: 'node1 was removed from the cluster, and has stopped.\n' },
    });
    expect(pids).toHaveLength(3);
    expect(areGone(pids)).toBe(true);
    expect(existsSync(join(dataDir, 'node.json'))).toBe(true);
  });

  it('starts again with the members that it has by then, also without an initial one', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run(...UP, '--detach')).code).toBe(0);
    expect((await cluster.run('kv', 'put', 'kept', 'yes')).code).toBe(0);
    expect((await cluster.run('cluster', 'add', '-n', '2')).code).toBe(0);
    const { name } = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);
    const { dataDir } = await cluster.node(name);
    expect((await cluster.run('cluster', 'remove', name, '--purge')).code).toBe(0);
    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    const up = await cluster.run('cluster', 'up', '-n', '3', '--detach');

    expect(up).toMatchObject({ code: 0, stdout: expect.stringMatching(/│ node5 │ (leader|follower) +│/) });
    expect(existsSync(dataDir)).toBe(false);
    expect((await cluster.run('kv', 'get', 'kept')).stdout).toBe('yes\n');
    expect((await cluster.run('cluster', 'kill', 'node5')).code).toBe(0);
    expect((await cluster.run('cluster', 'start', 'node5')).code).toBe(0);
    const status = await cluster.run('status', '--json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout).nodes).toHaveLength(4);
  });

  it('starts without a node that was removed and still stands in its directory', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run(...UP, '--detach')).code).toBe(0);
    // It is down, so that it does not hear of its removal before it is started again.
    expect((await cluster.run('cluster', 'kill', 'node3')).code).toBe(0);
    expect((await cluster.run('config', 'remove', 'node3')).code).toBe(0);

    const named = await cluster.run('cluster', 'start', 'node3');
    const start = await cluster.run('cluster', 'start');
    const states = await statesOf(cluster);
    expect((await cluster.run('cluster', 'down')).code).toBe(0);
    const up = await cluster.run('cluster', 'up', '--detach');
    const status = await cluster.run('status');
    const remove = await cluster.run('cluster', 'remove', 'node3');

    expect(named).toMatchObject({ code: 78, stdout: '' });
    expect(named.stderr).toMatch(
      /^Error: node3 was removed from the cluster: .*\n {2}.*: raft cluster remove node3 /,
    );
    expect([start.code, up.code, status.code, remove.code]).toEqual([0, 0, 0, 0]);
    expect(start.stdout).toContain(advice(cluster));
    expect(states).toContainEqual(['node3', 'stopped', true]);
    expect(up.stdout).toMatch(/│ node3 │ removed +│/);
    expect(status.stdout).toMatch(/│ node3 │ unreachable │ removed │/);
    expect(status.stdout).toContain(advice(cluster));
    expect((await cluster.read()).nodes.map(({ name }) => name)).toEqual(['node1', 'node2']);
  });
});

describe('the state of a node that was removed', () => {
  it('is shown as such by those that run, and as far as its process goes where none does', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run(...UP, '--detach')).code).toBe(0);
    expect((await cluster.run('config', 'remove', 'node3')).code).toBe(0);
    await eventually('it has stopped', async () => (await cluster.process('node3')).state === 'stopped');

    const table = await cluster.run('cluster', 'status');
    const pause = await cluster.run('cluster', 'pause', 'node3');
    const kill = await cluster.run('cluster', 'kill', 'node2', '--json');
    const alone = await statesOf(cluster);
    expect((await cluster.run('cluster', 'stop', 'node1')).code).toBe(0);
    const none = await statesOf(cluster);

    expect(table.stdout).toMatch(/│ node3 │ removed +│ +- │/);
    expect(table.stdout).toContain(advice(cluster));
    // It is of no use to start it.
    expect(pause.code).toBe(69);
    expect(pause.stderr).toBe(`Error: node3 is not running.\n  ${advice(cluster).replace('\n', '\n  ')}`);
    expect(JSON.parse(kill.stdout).nodes).toMatchObject([{ state: 'stopped', removed: false }]);
    // The one that is left knows of no leader, and of the configuration all the same.
    expect(alone).toEqual([
      ['node1', 'running', false],
      ['node2', 'stopped', false],
      ['node3', 'stopped', true],
    ]);
    expect(none.map(([, state, removed]) => [state, removed])).toEqual(Array(3).fill(['stopped', false]));
  });
});

describe('a learner that was removed while it was down', () => {
  it('hears of it when it is started again, and stops as a voter does', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    expect((await cluster.run('cluster', 'add', 'reader', '--learner')).code).toBe(0);
    expect((await cluster.run('cluster', 'kill', 'reader')).code).toBe(0);
    expect((await cluster.run('config', 'remove', 'reader')).code).toBe(0);

    const refused = await cluster.run('cluster', 'start', 'reader');
    // Where nobody runs, nobody says that it was removed.
    expect((await cluster.run('cluster', 'down')).code).toBe(0);
    const start = await cluster.run('cluster', 'up', '--detach');
    await eventually('it has stopped', async () => (await cluster.process('reader')).state === 'stopped');

    expect([refused.code, start.code], start.stderr).toEqual([78, 0]);
    expect(await cluster.output('reader')).toContain(
      'This node was removed from the cluster by the configuration at',
    );
    const { members } = JSON.parse((await cluster.run('config', 'get', '--json')).stdout);
    expect(members.map(({ name }: { name: string }) => name)).toEqual(['node1']);
  });
});

describe('a node that the cluster does not take', () => {
  it('leaves nothing behind, and the members are what they were', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    const before = await readFile(join(cluster.dir, 'cluster.json'), 'utf8');

    const twice = await cluster.run('cluster', 'add', 'node1');
    const both = await cluster.run('cluster', 'add', 'other', '-n', '2', '--json');
    const last = await cluster.run('cluster', 'remove', 'node1');
    const none = await cluster.run('cluster', 'remove', 'node9');

    expect([twice.code, both.code, last.code, none.code]).toEqual([2, 2, 2, 2]);
    expect(last.stderr).toContain(`raft cluster down --dir ${cluster.dir}`);
    expect(JSON.parse(both.stdout)).toMatchObject({ error: { code: 'usage' } });
    expect(await readFile(join(cluster.dir, 'cluster.json'), 'utf8')).toBe(before);
  });

  it('because somebody took its port meanwhile gets another one', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    const add = cluster.start('cluster', 'add', '--json');
    // The port was free when it was chosen, and the node needs longer to start than this does.
    const first = await secondNode(cluster);
    const thief = createServer().listen(portOf(first), '127.0.0.1');
    await once(thief, 'listening');

    const { code, stdout } = await add.ended;

    thief.close();
    expect(code).toBe(0);
    const [added] = JSON.parse(stdout).nodes;
    expect(added).toMatchObject({ name: 'node2', state: 'running' });
    expect(portOf(added)).not.toBe(portOf(first));
    expect((await cluster.read()).nodes.map(({ url }) => url)).not.toContain(first.url);
    const { members } = JSON.parse((await cluster.run('config', 'get', '--json')).stdout);
    expect(members.map(({ id }: { id: string }) => id)).not.toContain(first.id);
    expect(members).toHaveLength(2);
  });

  it('of two that are added at the same time is none: one waits for the other', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);

    const added = await Promise.all([1, 2].map(() => cluster.run('cluster', 'add')));

    expect(added.map(({ code }) => code)).toEqual([0, 0]);
    const { members } = JSON.parse((await cluster.run('config', 'get', '--json')).stdout);
    expect(members.map(({ name, part }: { name: string; part: string }) => [name, part])).toEqual([
      ...['node1', 'node2', 'node3'].map((name) => [name, 'voter']),
    ]);
  });
});

/** What is said to type next where node3 was removed. */
function advice({ dir }: TestCluster): string {
  return `node3 is no member of the cluster any more.\nraft cluster remove node3 --dir ${dir}   # takes it out of the directory too\n`;
}

/** Name, state, and whether it was removed, of each node as `raft cluster status` has them. */
async function statesOf(cluster: TestCluster): Promise<readonly (readonly [string, string, boolean])[]> {
  const { nodes } = JSON.parse((await cluster.run('cluster', 'status', '--json')).stdout);
  return nodes.map(({ name, state, removed }: { name: string; state: string; removed: boolean }) => [
    ...[name, state, removed],
  ]);
}

/** The second node of a cluster, as soon as the directory names it. */
async function secondNode(cluster: TestCluster): Promise<ClusterNode> {
  for await (const _ of watch(cluster.dir)) {
    const node = (await cluster.read()).nodes[1];
    if (node !== undefined) return node;
  }
  throw new Error('The directory is gone');
}
