import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, TestCluster } from './cluster-runner.ts';
import { raft } from './runner.ts';

let cluster: TestCluster;

/** One cluster for all of these scenarios, which follow each other. */
beforeAll(async () => {
  cluster = await TestCluster.create();
  const { code, stdout } = await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach');
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('raft cluster down --dir') });
});

afterAll(() => cluster[Symbol.asyncDispose]());

describe('a detached cluster', () => {
  it('has ids that a number would round, and shows them exactly', async () => {
    const { nodes } = JSON.parse((await cluster.run('cluster', 'status', '--json')).stdout);

    expect(nodes).toHaveLength(3);
    for (const node of nodes) {
      expect(Object.keys(node)).toEqual(
        expect.arrayContaining(['id', 'name', 'url', 'pid', 'state', 'dataDir', 'log']),
      );
      expect(node.state).toBe('running');
      expect(BigInt(node.id)).toBeGreaterThan(2n ** 53n);
      expect((await cluster.run('cluster', 'logs', node.id, '-n', '1000')).stdout).toContain(
        `(${node.id}) listens on`,
      );
    }
  });

  it('answers a command through any node', async () => {
    for (const { url, name } of (await cluster.read()).nodes) {
      const { code, stdout } = await cluster.run(
        'command',
        `put from-${name} hello`,
        '--server',
        url,
        '--json',
      );
      const answer = JSON.parse(stdout);

      expect(code).toBe(0);
      expect(answer).toEqual({
        index: expect.any(Number),
        term: expect.any(Number),
        response: `{"ok":true,"index":${answer.index}}`,
        responseBase64: Buffer.from(answer.response).toString('base64'),
      });
    }
  });

  it('agrees on who leads, however one asks', async () => {
    const [status, leader] = await Promise.all([
      cluster.run('status', '--json'),
      cluster.run('leader', 'show', '--json'),
    ]);
    const report = JSON.parse(status.stdout);
    const { id, name, url, term } = JSON.parse(leader.stdout);

    expect([status.code, leader.code]).toEqual([0, 0]);
    expect(report.leader).toBe(id);
    expect(report.nodes).toHaveLength(3);
    expect(report.nodes).toContainEqual(
      expect.objectContaining({ id, name, url, term, role: 'leader', reachable: true }),
    );
    expect((await cluster.run('status')).stdout).toMatch(new RegExp(`│ ${name} │ leader +│`));
  });

  it('is found by one server alone, which knows the others', async () => {
    const { url } = await cluster.node('node1');
    const { code, stdout } = await cluster.run('status', '--server', url, '--json');

    expect(code).toBe(0);
    expect(JSON.parse(stdout).nodes).toHaveLength(3);
  });

  it('shows the log of a node while the node writes it', async () => {
    await cluster.run('command', 'put seen yes');

    const inspect = await cluster.run('log', 'inspect', 'node1.log');
    const follow = cluster.start('log', 'inspect', 'node2', '--follow');
    await follow.line(/put seen yes/);
    const appended = follow.line(/put later on$/);
    await cluster.run('command', 'put later on');
    await appended;
    follow.child.kill('SIGINT');
    const verify = await cluster.run('log', 'verify', 'node3.log', '--json');

    expect(inspect.stdout).toMatch(/session +put seen yes$/m);
    expect((await follow.ended).code).toBe(130);
    expect({ code: verify.code, ...JSON.parse(verify.stdout) }).toMatchObject({
      code: 0,
      ok: true,
      problems: [],
    });
  });

  it('refuses a second up, also when a node is down', async () => {
    const whole = await cluster.run('cluster', 'up');
    await cluster.run('cluster', 'stop', 'node1');
    const partly = await cluster.run('cluster', 'up', '--json');
    await cluster.run('cluster', 'start', 'node1');

    expect(whole.code).toBe(73);
    expect(whole.stderr).toMatch(/^Error: The cluster in .* is already running\.\n/);
    expect(partly.code).toBe(73);
    expect(JSON.parse(partly.stdout).error).toMatchObject({
      code: 'already-running',
      message: expect.stringContaining('node2, node3'),
      suggestions: expect.arrayContaining([expect.stringContaining('raft cluster start')]),
    });
  });

  it('goes on when its leader is killed, and with the leader back again', async () => {
    const leader = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);
    await cluster.run('cluster', 'kill', leader.name);

    const put = await cluster.run('kv', 'put', 'after', 'the crash');
    expect(put.code).toBe(0);
    expect(await cluster.process(leader.name)).toEqual({ state: 'stopped' });
    const again = await cluster.run('cluster', 'kill', leader.name);
    expect(again).toMatchObject({
      code: 69,
      stderr: expect.stringContaining(`raft cluster start ${leader.name}`),
    });

    expect((await cluster.run('cluster', 'start', leader.name)).code).toBe(0);
    await eventually('the node that was killed has the entry', async () => {
      const { stdout } = await cluster.run('log', 'dump', leader.name);
      return stdout.includes(
        Buffer.from('{"op":"put","key":"after","value":"the crash"}').toString('base64'),
      );
    });
  });

  it('says in bounded time that it has no leader while most of it is paused', async () => {
    expect((await cluster.run('cluster', 'pause', 'node1', 'node2')).code).toBe(0);
    const states = JSON.parse((await cluster.run('cluster', 'status', '--json')).stdout).nodes;
    expect(states).toMatchObject([{ state: 'paused' }, { state: 'paused' }, { state: 'running' }]);
    await eventually('nobody leads', async () => (await cluster.run('status')).code === 69);
    const { stderr } = await cluster.run('status');
    expect(stderr).toContain('A leader needs a majority of the voters. See which are down, or paused: raft');

    const write = await cluster.run('kv', 'put', 'lost', 'cause', '--timeout', '2');
    const leader = await cluster.run('leader', 'show', '--timeout', '1');
    expect([69, 75]).toContain(write.code);
    expect(leader.code).toBe(69);

    expect((await cluster.run('cluster', 'resume', 'node1', 'node2')).code).toBe(0);
    expect((await cluster.run('kv', 'put', 'found', 'again')).code).toBe(0);
  });

  it('stops and keeps its data', async () => {
    const pausedFirst = await cluster.run('cluster', 'pause', 'node3');
    const down = await cluster.run('cluster', 'down');
    expect([pausedFirst.code, down.code]).toEqual([0, 0]);
    expect(await cluster.pids()).toEqual([]);
    expect((await cluster.run('cluster', 'down')).code).toBe(0);

    expect((await cluster.run('cluster', 'up', '--detach')).code).toBe(0);
    expect((await cluster.run('kv', 'get', 'after')).stdout).toBe('the crash\n');
  });

  it('keeps out a node that has lost its data', async () => {
    await cluster.run('cluster', 'stop', 'node2');
    const { dataDir } = await cluster.node('node2');
    await rm(dataDir, { recursive: true });

    const start = await cluster.run('cluster', 'start', 'node2');

    expect(start.code).toBe(65);
    expect(start.stderr).toMatch(/^Error: node2 ended with exit code 65 while it was starting\.\n/);
  });
});

describe('a cluster in the working directory', () => {
  it('is found by every command without being told where it is', async () => {
    await using other = await TestCluster.create();
    const cwd = dirname(other.dir);
    const here = (...args: readonly string[]) => raft(args, { cwd });

    try {
      const up = await here('cluster', 'up', '-n', '1', '--base-port', '0', '--detach');
      expect(up.stdout).toContain("\n  raft command 'put greeting hello'\n");
      expect((await here('command', 'put greeting hello')).code).toBe(0);
      expect((await here('status')).code).toBe(0);
      expect((await here('log', 'inspect', 'node1.log')).stdout).toContain('put greeting hello');
      expect((await raft(['log', 'verify', 'node1'], { cwd: join(cwd, 'raft-data') })).code).toBe(0);
    } finally {
      expect((await here('cluster', 'down')).code).toBe(0);
    }
  });
});
