import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { eventually, TestCluster } from './cluster-runner.ts';

it('keeps out a node that lost its data though the first up was cut short', async () => {
  await using cluster = await TestCluster.create();
  const up = cluster.start('cluster', 'up', '-n', '3', '--base-port', '0', '--detach');
  await eventually('a node runs', async () => (await cluster.pids().catch(() => [])).length > 0);
  up.child.kill('SIGINT');
  await up.ended;
  await cluster.run('cluster', 'start');
  await cluster.run('cluster', 'stop', 'node2');
  await rm((await cluster.node('node2')).dataDir, { recursive: true });

  expect((await cluster.run('cluster', 'start', 'node2')).code).toBe(65);
});
