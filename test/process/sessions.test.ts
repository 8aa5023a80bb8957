import { describe, expect, it } from 'vitest';
import { Counters } from '../support/counters.ts';
import { lossyProxy } from '../support/lossy-proxy.ts';
import { RealCluster } from '../support/real-cluster.ts';

const CLIENTS = 8;

describe('clients that send again until they are answered', () => {
  it('have every command applied once, while the leader is killed again and again', async () => {
    const cluster = await RealCluster.start(5);
    const counters = Counters.start(
      cluster,
      CLIENTS,
      cluster.nodes.map((node) => node.url),
    );
    for (let round = 0; round < 12; round++) {
      await counters.more(150);
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await counters.more(1);
      cluster.restart(leader);
    }
    await counters.stop();
    await expectExactlyOnce(cluster, counters, 1);
  }, 120_000);

  it('have every command applied once, while every fifth answer is lost and all nodes are killed', async () => {
    const cluster = await RealCluster.start(3);
    const servers = await Promise.all(cluster.nodes.map((node) => lossyProxy(node.url, 5)));
    const counters = Counters.start(cluster, CLIENTS, servers);
    for (let round = 0; round < 3; round++) {
      await counters.more(100);
      await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
      for (const node of cluster.nodes) cluster.restart(node);
    }
    await counters.more(100);
    await counters.stop();
    await expectExactlyOnce(cluster, counters, 50);
  }, 120_000);
});

/** The audit: what is acknowledged is there, nothing is there twice, and tries were really repeated. */
async function expectExactlyOnce(
  cluster: RealCluster,
  counters: Counters,
  repeatedMin: number,
): Promise<void> {
  await cluster.settle();
  expect(await counters.total()).toBe(counters.acknowledged);
  const { commands, repeated } = await counters.copies();
  expect(commands).toBe(counters.acknowledged);
  expect(repeated).toBeGreaterThanOrEqual(repeatedMin);
}
