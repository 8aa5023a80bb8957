import { describe, expect, it } from 'vitest';
import { RaftError } from '../../src/lib/errors.ts';
import { createPrng, nextChance, nextInteger, type Prng } from '../../src/lib/prng.ts';
import type { PeerAddress } from '../../src/raft/ports.ts';
import { type SimCluster, type SimNode, statusOf } from '../../src/sim/cluster.ts';
import { seeds } from '../support/scale.ts';
import { expectAllThere, expectSameCommands, unreliableCluster } from '../support/sim-scenario.ts';

const SEEDS = seeds(25, 225);
const ROUNDS = 4;
const SETTLE_MS_MAX = 60_000;

describe('nodes whose members change while their power fails', () => {
  let changes = 0;

  for (const seed of SEEDS) {
    it(`agree on members and commands: SEED=${seed} npx vitest run --project unit test/sim/membership-power-loss`, {
      timeout: 60_000,
    }, async () => {
      changes += await survives(seed);
    });
  }

  it('were changed often enough to prove something', () => {
    expect(changes).toBeGreaterThan(SEEDS.length);
  });
});

/** What goes on beside the losses of power. */
interface Activity {
  readonly acknowledged: Map<string, string>;
  changes: number;
  isOver: boolean;
}

async function survives(seed: number): Promise<number> {
  const prng = createPrng(`membership ${seed}`);
  const cluster = unreliableCluster({ size: 6, initialSize: 3 }, seed, prng);
  const acknowledged = new Map<string, string>();
  let changes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const node of cluster.nodes) cluster.start(node);
    const activity: Activity = { acknowledged, changes: 0, isOver: false };
    void write(cluster, activity, `round-${round}`, 0);
    void changeMembers(cluster, activity, prng);
    await cluster.clock.run(cluster.clock.nowMs() + nextInteger(prng, 500, 4_000));
    activity.isOver = true;
    changes += activity.changes;
    for (const node of cluster.nodes) cluster.powerLoss(node);
  }
  await recover(cluster);
  await expectAllThere(membersOf(cluster), acknowledged);
  expectSameCommands(cluster);
  expect(acknowledged.size).toBeGreaterThan(0);
  return changes;
}

/** Writes through whoever leads, one command after the other, and notes what is acknowledged. */
async function write(cluster: SimCluster, activity: Activity, round: string, n: number): Promise<void> {
  const key = `${round}-${n}`;
  await attempt(async () => {
    const leader = cluster.leader()?.server;
    await leader?.command(Buffer.from(`put ${key} ${n}`));
    if (leader !== undefined && !activity.isOver) activity.acknowledged.set(key, String(n));
  });
  if (!activity.isOver) cluster.clock.after(1, () => void write(cluster, activity, round, n + 1));
}

/** Asks whoever leads for any members at all, now and then. */
async function changeMembers(cluster: SimCluster, activity: Activity, prng: Prng): Promise<void> {
  const addresses = cluster.nodes.map(({ id }): PeerAddress => ({ id, url: undefined }));
  const voters = addresses.filter(() => nextChance(prng, 0.5));
  const learners = addresses.filter((address) => !voters.includes(address) && nextChance(prng, 0.2));
  await attempt(async () => {
    const leader = cluster.leader()?.server;
    if (voters.length === 0 || leader === undefined) return;
    await leader.changeConfiguration({ voters, learners, expectIndex: null, isForced: false });
    activity.changes++;
  });
  const pauseMs = nextInteger(prng, 20, 300);
  if (!activity.isOver) cluster.clock.after(pauseMs, () => void changeMembers(cluster, activity, prng));
}

/** What a client is told is its own affair; anything else is a mistake of the program. */
async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof RaftError) || error.code === 'unexpected') throw error;
  }
}

/** Once the power is back for good, one leader leads members that are all as far as it is, between two changes. */
async function recover(cluster: SimCluster): Promise<void> {
  for (const node of cluster.nodes) cluster.start(node);
  const isSettled = (): boolean => {
    const leader = cluster.leader();
    const status = leader === undefined ? undefined : statusOf(leader);
    if (status?.configuration.phase !== 'stable') return false;
    return membersOf(cluster).every((node) => statusOf(node)?.lastApplied === status.lastIndex);
  };
  await cluster.clock.run(cluster.clock.nowMs() + SETTLE_MS_MAX, isSettled);
  expect(isSettled()).toBe(true);
  for (const { failure } of cluster.nodes) expect(failure?.code ?? 'removed').toBe('removed');
  const configurations = membersOf(cluster).map((node) => statusOf(node)?.configuration.index);
  expect(new Set(configurations).size).toBe(1);
}

function membersOf(cluster: SimCluster): readonly SimNode[] {
  const leader = cluster.leader();
  const members = leader === undefined ? [] : (statusOf(leader)?.members ?? []);
  return cluster.nodes.filter(({ id }) => members.some((member) => member.id === id));
}
