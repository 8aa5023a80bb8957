import { describe, expect, it } from 'vitest';
import { RaftError } from '../../src/lib/errors.ts';
import { createPrng, nextInteger } from '../../src/lib/prng.ts';
import type { SessionPlace } from '../../src/lib/session-command.ts';
import { type SimCluster, type SimNode, statusOf } from '../../src/sim/cluster.ts';
import { sessionId } from '../machine/sessions.ts';
import { seeds } from '../support/scale.ts';
import { unreliableCluster, valueAt } from '../support/sim-scenario.ts';

const SEEDS = seeds(20, 200);
const CLIENTS = 3;
const ROUNDS = 4;

/** A try that is not answered in this time is made again, in simulated milliseconds. */
const TRY_MS = 400;

describe('clients with sessions, of five nodes whose power fails', () => {
  for (const seed of SEEDS) {
    it(`have each command applied once: SEED=${seed} npx vitest run --project unit test/sim/cluster-sessions`, async () => {
      const { cluster, counters } = await countThroughPowerLosses(seed);
      const counted = counters.reduce((sum, counter) => sum + counter.acknowledged, 0);
      expect(counters.flatMap(({ surprises }) => surprises)).toEqual([]);
      expect(counted).toBeGreaterThan(0);
      for (const node of cluster.nodes) expect(await totalOf(node, counters)).toBe(counted);
      expect(new Set(cluster.nodes.map((node) => statusOf(node)?.logTimeMs)).size).toBe(1);
    });
  }
});

/** A client that counts by compare-and-set: a step that is applied twice is answered with a surprise. */
interface Counter {
  readonly key: string;
  readonly place: SessionPlace;
  acknowledged: number;
  readonly surprises: string[];
}

async function countThroughPowerLosses(seed: number) {
  const prng = createPrng(`sessions ${seed}`);
  const cluster = unreliableCluster({ size: 5 }, seed, prng);
  const counters = Array.from({ length: CLIENTS }, (_, i): Counter => {
    const place = { session: sessionId(i), sequence: 1, acknowledgedBelow: 1, openedAtMs: 0 };
    return { key: `counter-${i}`, place, acknowledged: 0, surprises: [] };
  });
  const state = { isStopping: false };
  const running = counters.map((counter) => count(cluster, counter, state));
  for (let round = 0; round < ROUNDS; round++) {
    for (const node of cluster.nodes) cluster.start(node);
    await cluster.clock.run(cluster.clock.nowMs() + nextInteger(prng, 300, 2_500));
    for (const node of cluster.nodes) cluster.powerLoss(node);
  }
  for (const node of cluster.nodes) cluster.start(node);
  state.isStopping = true;
  let ended = 0;
  for (const each of running) void each.then(() => ended++);
  await cluster.clock.run(cluster.clock.nowMs() + 30_000, () => ended === CLIENTS && isSettled(cluster));
  expect(ended).toBe(CLIENTS);
  return { cluster, counters };
}

async function count(cluster: SimCluster, counter: Counter, state: { isStopping: boolean }): Promise<void> {
  while (!state.isStopping) {
    const { key, acknowledged } = counter;
    const expected = acknowledged === 0 ? null : String(acknowledged);
    const command = JSON.stringify({ op: 'cas', key, expect: expected, value: String(acknowledged + 1) });
    const answer = await untilAnswered(cluster, counter, Buffer.from(command));
    if (JSON.parse(answer).swapped === true) counter.acknowledged++;
    else counter.surprises.push(`${key} at ${acknowledged}: ${answer}`);
  }
}

/** Tries one command with one sequence until somebody answers it. */
async function untilAnswered(cluster: SimCluster, counter: Counter, command: Uint8Array): Promise<string> {
  const sequence = counter.acknowledged + counter.surprises.length + 1;
  const place = { ...counter.place, sequence, acknowledgedBelow: sequence };
  for (;;) {
    const answer = await Promise.race([tryOnce(cluster, command, place), pause(cluster, TRY_MS)]);
    if (answer !== undefined) return answer;
    await pause(cluster, 5);
  }
}

async function tryOnce(
  cluster: SimCluster,
  command: Uint8Array,
  place: SessionPlace,
): Promise<string | undefined> {
  try {
    const result = await cluster.leader()?.server?.command(command, { place });
    return result === undefined ? undefined : Buffer.from(result.response).toString();
  } catch (error) {
    if (error instanceof RaftError && error.code !== 'session-expired') return undefined;
    throw error;
  }
}

function pause(cluster: SimCluster, ms: number): Promise<undefined> {
  return new Promise((resolve) => cluster.clock.after(ms, () => resolve(undefined)));
}

function isSettled(cluster: SimCluster): boolean {
  const statuses = cluster.nodes.map(statusOf);
  const leader = statuses.find((status) => status?.role === 'leader');
  return leader !== undefined && statuses.every((status) => status?.lastApplied === leader.lastIndex);
}

async function totalOf(node: SimNode, counters: readonly Counter[]): Promise<number> {
  let total = 0;
  for (const { key } of counters) total += Number((await valueAt(node, key)) ?? 0);
  return total;
}
