import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestCluster } from './cluster-runner.ts';
import { raft } from './runner.ts';

it('does not call an acknowledged write lost because the logs that hold it were not given', async () => {
  await using cluster = await TestCluster.create();
  expect((await cluster.run('cluster', 'up', '-n', '5', '--base-port', '0', '--detach')).code).toBe(0);
  const leader: unknown = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout).name;
  const names = (await cluster.read()).nodes.map(({ name }) => name);
  const followers = names.filter((name) => name !== leader);
  const [one = '', two = '', ...others] = followers;
  expect((await cluster.run('cluster', 'kill', one, two)).code).toBe(0);
  const put = await cluster.run('kv', 'put', 'kept', 'yes', '--json');
  const index = String(JSON.parse(put.stdout).index);
  const rest = [String(leader), ...others];
  expect((await cluster.run('cluster', 'kill', ...rest)).code).toBe(0);
  // A node notes what is committed after it has answered, and may die before.
  const { dataDir } = await cluster.node(String(leader));
  await rm(join(dataDir, 'commit'), { force: true });

  const three = await cluster.run('log', 'diff', String(leader), one, two);
  const json = await cluster.run('log', 'diff', String(leader), one, two, '--json');
  const all = await cluster.run('log', 'diff', ...names, '--json');

  expect([put.code, three.code, json.code, all.code]).toEqual([0, 0, 0, 0]);
  expect(three.stdout).toContain('of 5 voters (a majority is 3):');
  expect(three.stdout).toContain(`What is open is in the logs of ${others.join(', ')}: give those too.`);
  expect(three.stdout).not.toContain('not committed');
  const summary = JSON.parse(json.stdout);
  expect(summary).toMatchObject({ voters: 5, votersFrom: 'node', committedAtMost: index });
  const missing = await Promise.all(others.map(async (name) => (await cluster.node(name)).id));
  expect(new Set(summary.missing)).toEqual(new Set(missing));
  expect(summary.ranges.at(-1)).toMatchObject({ to: index, standing: 'possible', needed: 2, logs: [leader] });
  const holding = names.filter((name) => rest.includes(name));
  expect(JSON.parse(all.stdout).ranges.at(-1)).toMatchObject({
    to: index,
    needed: 0,
    logs: holding,
  });
});

it.each([
  [['a.log'], 'needs two logs or more', 'raft log diff node1 node2 node3'],
  [['a.log', 'a.log'], 'One log is named twice.', 'Name each log once.'],
  [['a.log', 'b.log', '--voters', '1'], '--voters says that 1 vote', 'or leave it out'],
])('says what is wrong with %j, and what to type', async (args, problem, advice) => {
  const { code, stderr } = await raft(['log', 'diff', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(problem);
  expect(stderr).toContain(advice);
});
