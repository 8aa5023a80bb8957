import { describe, expect, it } from 'vitest';
import { RaftError } from '../../src/lib/errors.ts';
import { createPrng, nextInteger } from '../../src/lib/prng.ts';
import { type SimCluster, statusOf } from '../../src/sim/cluster.ts';
import { seeds } from '../support/scale.ts';
import { expectAllThere, expectSameCommands, unreliableCluster } from '../support/sim-scenario.ts';

const SEEDS = seeds(40, 400);
const ROUNDS = 4;
const SETTLE_MS_MAX = 30_000;

describe('five nodes whose power fails all at once', () => {
  for (const seed of SEEDS) {
    it(`lose no acknowledged write: SEED=${seed} npx vitest run --project unit test/sim/cluster-power-loss`, async () => {
      await survivesPowerLoss(seed);
    });
  }

  it('do the same, to the last command, when the seed is the same', async () => {
    expect(await transcriptOf(7)).toEqual(await transcriptOf(7));
  });
});

async function transcriptOf(seed: number): Promise<readonly string[]> {
  const cluster = await survivesPowerLoss(seed);
  return cluster.applied.map(
    ({ node, index, command }) => `${node} ${index} ${Buffer.from(command).toString('hex')}`,
  );
}

async function survivesPowerLoss(seed: number): Promise<SimCluster> {
  const prng = createPrng(`power loss ${seed}`);
  const cluster = unreliableCluster({ size: 5 }, seed, prng);
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    cluster.nodes.forEach((node) => {
      cluster.start(node);
    });
    const writer = startWriter(cluster, acknowledged, round);
    await cluster.clock.run(cluster.clock.nowMs() + nextInteger(prng, 300, 2_500));
    writer.isStopped = true;
    cluster.nodes.forEach((node) => {
      cluster.powerLoss(node);
    });
  }
  await recover(cluster);
  await expectAllThere(cluster.nodes, acknowledged);
  expectSameCommands(cluster);
  expect(acknowledged.size).toBeGreaterThan(0);
  return cluster;
}

/** Writes through whoever leads, one command after the other, and notes what is acknowledged. */
function startWriter(
  cluster: SimCluster,
  acknowledged: Map<string, string>,
  round: number,
): { isStopped: boolean } {
  const writer = { isStopped: false };
  const write = async (n: number): Promise<void> => {
    const leader = cluster.leader();
    const key = `round-${round}-${n}`;
    try {
      await leader?.server?.command(Buffer.from(`put ${key} ${n}`));
      if (leader !== undefined && !writer.isStopped) acknowledged.set(key, String(n));
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
    }
    if (!writer.isStopped) cluster.clock.after(1, () => void write(n + 1));
  };
  for (let client = 0; client < 3; client++) void write(client * 100_000);
  return writer;
}

async function recover(cluster: SimCluster): Promise<void> {
  cluster.nodes.forEach((node) => {
    cluster.start(node);
  });
  const isSettled = () => {
    const statuses = cluster.nodes.map(statusOf);
    const leader = statuses.find((status) => status?.role === 'leader');
    return leader !== undefined && statuses.every((status) => status?.lastApplied === leader.lastIndex);
  };
  await cluster.clock.run(cluster.clock.nowMs() + SETTLE_MS_MAX, isSettled);
  expect(cluster.nodes.map(({ failure }) => failure?.message)).toEqual(cluster.nodes.map(() => undefined));
  expect(isSettled()).toBe(true);
}
