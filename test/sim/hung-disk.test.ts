import { expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import { SimCluster } from '../../src/sim/cluster.ts';

it('a leader whose disk hangs makes way, writes go on, and it can still be stopped', async () => {
  const cluster = new SimCluster({
    seed: 1,
    size: 3,
    network: { delayMsMin: 0, delayMsMax: 2, lossProbability: 0 },
    diskMsMax: 1,
    limits: {},
    createMachine: () => new KvMachine(),
  });
  for (const node of cluster.nodes) cluster.start(node);
  await cluster.clock.run(5_000, () => cluster.leader() !== undefined);
  const hung = present(cluster.leader(), 'leader');
  hung.isDiskHung = true;
  const stuck = outcomeOf(present(hung.server, 'server').command(Buffer.from('put stuck yes')));
  await cluster.clock.run(cluster.clock.nowMs() + 10_000, () => {
    const leader = cluster.leader();
    return leader !== undefined && leader !== hung;
  });
  const heir = present(cluster.leader(), 'heir');
  expect(heir).not.toBe(hung);
  const written = outcomeOf(present(heir.server, 'server').command(Buffer.from('put after yes')));
  await cluster.clock.run(cluster.clock.nowMs() + 5_000, () => written.value !== undefined);
  expect(written.value).toBe('done');

  let hasStopped = false;
  void hung.server?.stop().then(() => {
    hasStopped = true;
  });
  await cluster.clock.run(cluster.clock.nowMs() + 20_000, () => hasStopped);
  expect(hasStopped).toBe(true);
  // Its entry may have been committed by the others: that is not for this node to say.
  expect(stuck.value).toMatch(/outcome-unknown/);
});

function outcomeOf(promise: Promise<unknown>): { value: string | undefined } {
  const outcome: { value: string | undefined } = { value: undefined };
  promise.then(
    () => {
      outcome.value = 'done';
    },
    (error: { code?: string }) => {
      outcome.value = String(error.code);
    },
  );
  return outcome;
}
