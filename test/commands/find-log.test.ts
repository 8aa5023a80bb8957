import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findLog } from '../../src/cli/find-log.ts';
import { createCluster } from '../../src/cluster/cluster-file.ts';

it('names the nodes of the cluster to whoever names none of them', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'raft-find-log-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await createCluster(join(dir, 'cluster'), { machine: 'kv', ports: [7600, 7601, 7602] });
  await expect(findLog('nod3.log', join(dir, 'cluster'), () => {})).rejects.toMatchObject({
    code: 'no-such-file',
    message: 'There is no file or directory nod3.log.',
    suggestions: ['Name a log file, a data directory, or a node of the cluster: node1, node2, node3.'],
  });
  await expect(findLog('nod3.log', dir, () => {})).rejects.toMatchObject({
    suggestions: [expect.stringContaining('below --dir')],
  });
});

it('names the nodes, and how to name one, to whoever names the directory of their cluster', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'raft-find-log-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const cluster = join(dir, 'cluster');
  await createCluster(cluster, { machine: 'kv', ports: [7600, 7601, 7602] });
  await expect(findLog(cluster, undefined, () => {})).rejects.toMatchObject({
    code: 'no-such-file',
    message: `${cluster} is the directory of a cluster, in which each node has a log of its own: node1, node2, node3.`,
    suggestions: [`Name a node, for example: raft log inspect node1 --dir ${cluster}`],
  });
  await expect(findLog(cluster, undefined, () => {}, 'log:verify')).rejects.toMatchObject({
    suggestions: [`Name a node, for example: raft log verify node1 --dir ${cluster}`],
  });
});
