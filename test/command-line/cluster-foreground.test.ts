import { describe, expect, it } from 'vitest';
import { areGone, eventually, pressControlC, TestCluster } from './cluster-runner.ts';

const UP = ['cluster', 'up', '-n', '3', '--base-port', '0'] as const;
const READY = /Ctrl-C stops all nodes/;

describe('a cluster in the foreground', () => {
  it('shows its nodes and their log, and leaves no process behind at Ctrl-C, twice in a row', async () => {
    await using cluster = await TestCluster.create();
    for (const round of [1, 2]) {
      const up = cluster.start(...UP);
      await up.line(READY);
      const pids = await cluster.pids();
      expect(pids).toHaveLength(3);
      expect((await cluster.run('kv', 'put', `round${round}`, 'seen')).code).toBe(0);

      pressControlC(up);
      const { code, stdout, stderr } = await up.ended;

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        /│ node1 +│ (leader|follower) +│ +\d+ │ http:\/\/127\.0\.0\.1:\d+ │ \d{19,20} +│ node1\.log │/,
      );
      expect(stdout).toMatch(/^node2 \| .* stopping: /m);
      expect(areGone(pids)).toBe(true);
    }
    const up = cluster.start(...UP);
    await up.line(READY);

    expect((await cluster.run('kv', 'get', 'round1')).stdout).toBe('seen\n');
    up.child.kill('SIGTERM');
    expect((await up.ended).code).toBe(0);
  });

  it('reports a node that was killed, lets it be started again, and stops that one too', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const reported = up.line(/^node2 was ended by SIGKILL\. Start it again: raft cluster start node2 --dir /);

    expect((await cluster.run('cluster', 'kill', 'node2')).code).toBe(0);
    await reported;
    const shown = up.line(/^node2 \| .* listens on /);
    expect((await cluster.run('cluster', 'start', 'node2')).code).toBe(0);
    await shown;
    const pids = await cluster.pids();
    expect(pids).toHaveLength(3);
    expect((await cluster.run('cluster', 'kill', 'node3')).code).toBe(0);
    expect((await cluster.run('cluster', 'pause', 'node1')).code).toBe(0);

    pressControlC(up);

    expect((await up.ended).code).toBe(0);
    expect(areGone(pids)).toBe(true);
  });

  it('stops its nodes in order when nobody reads what it prints any more', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const pids = await cluster.pids();

    up.child.stdout?.destroy();
    // A node that stops has something to say, and nobody is there to read it.
    await cluster.run('cluster', 'stop', 'node1');

    expect((await up.ended).code).toBe(0);
    expect(areGone(pids)).toBe(true);
    expect(await cluster.output('node2')).toMatch(/ stopping: SIGTERM\n/);
  });

  it('takes its nodes with it when it is killed', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const pids = await cluster.pids();

    up.child.kill('SIGKILL');
    await up.ended;

    await eventually('all nodes have ended', async () => areGone(pids));
    expect(await cluster.output('node1')).toMatch(
      /stopping: the supervisor is gone\n(.*\n)*.* node1 has stopped\n$/,
    );
  });

  it('leaves Ctrl-C to the supervisor', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const [pid = 0] = await cluster.pids();

    process.kill(pid, 'SIGINT');

    // The node answers after the signal was delivered, so it has outlived it.
    expect((await cluster.run('status')).code).toBe(0);
    expect(await cluster.pids()).toContain(pid);
    up.child.kill('SIGHUP');
    expect((await up.ended).code).toBe(0);
  });

  it('ends when another command takes the cluster down', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);

    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    expect((await up.ended).code).toBe(0);
  });

  it('ends well then also where a node was killed before', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    const reported = up.line(/^node1 was ended by SIGKILL/);
    expect((await cluster.run('cluster', 'kill', 'node1')).code).toBe(0);
    await reported;

    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    const { code, stdout } = await up.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('All nodes have stopped.') });
  });

  it('ends well then also where every node was killed once and started again', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);
    for (const node of ['node1', 'node2', 'node3']) {
      expect((await cluster.run('cluster', 'kill', node)).code).toBe(0);
      expect((await cluster.run('cluster', 'start', node)).code).toBe(0);
    }

    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    expect((await up.ended).code).toBe(0);
  });

  it('fails where all of its nodes were killed', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await up.line(READY);

    expect((await cluster.run('cluster', 'kill', 'node1', 'node2', 'node3')).code).toBe(0);

    const { code, stderr } = await up.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is left running.') });
  });

  it('that is interrupted before it is ready leaves nothing behind and says so by its exit code', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP);
    await eventually('a node has started', async () => (await cluster.pids().catch(() => [])).length > 0);
    const pids = await cluster.pids();

    up.child.kill('SIGINT');

    // It may have become ready in the same moment: then it is an ordinary stop.
    expect([0, 130]).toContain((await up.ended).code);
    expect(areGone(pids)).toBe(true);
    expect(await cluster.pids()).toEqual([]);
  });

  it('prints one JSON object a line for whoever asks for JSON', async () => {
    await using cluster = await TestCluster.create();
    const up = cluster.start(...UP, '--json');
    await up.line(/^\{"leader":"/);
    up.child.kill('SIGINT');

    const { code, stdout } = await up.ended;
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    const [ready, ...rest] = lines.map((line) => JSON.parse(line));

    expect(ready).toMatchObject({ dir: cluster.dir, nodes: [{ name: 'node1', state: 'running' }, {}, {}] });
    expect(ready.nodes.map((node: { id: string }) => node.id)).toContain(ready.leader);
    expect(rest.length).toBeGreaterThan(0);
    for (const line of rest)
      expect(line).toEqual({ node: expect.stringMatching(/^node[123]$/), line: expect.any(String) });
  });
});
