import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ChangingCluster, type ChangingNode } from '../support/changing-cluster.ts';
import { Counters } from '../support/counters.ts';
import { eventually } from '../support/eventually.ts';
import type { Failpoint } from '../support/failpoint-node.ts';

const CLIENTS = 4;

/** The nodes of this test need more of two cores than their writers do. */
const PAUSE_MS = 5;

/** What may pass between two acknowledgements, whatever happens to the members. In milliseconds. */
const GAP_MS_MAX = 1_500;

const FAILPOINTS: readonly Failpoint[] = [
  'learner-added',
  'joint-appended',
  'joint-committed',
  'new-appended',
  'new-committed',
];

describe('the members of a cluster that is written to', () => {
  it('change from three to five, to three, to wholly others, and one is replaced while it is down', async () => {
    const cluster = await ChangingCluster.start(3);
    const counters = await startCounters(cluster);
    const three = [...cluster.nodes];
    const two = await cluster.standby(2);
    await watched(counters, () => cluster.change([...three, ...two]));
    expect(await cluster.settled()).toEqual(idsOf([...three, ...two]));
    await watched(counters, () => cluster.change(three));
    await haveStopped(two);
    const five = await cluster.standby(5);
    const watch = watchOf(cluster);
    await watched(counters, () => cluster.change(five));
    expect(await cluster.settled()).toEqual(idsOf(five));
    await haveStopped(three);
    // A watch that knew none of the new members goes on with them.
    await watch.hears('after all others came');
    const [victim, ...others] = five;
    if (victim === undefined) throw new Error('There are five');
    await watched(counters, () => cluster.kill(victim));
    const [heir] = await cluster.standby(1);
    if (heir === undefined) throw new Error('There is one');
    await watched(counters, () => cluster.change([...others, heir]));
    expect(await cluster.settled()).toEqual(idsOf([...others, heir]));
    await expectNothingLostOrDoubled(counters);
  }, 120_000);

  it('survive the death of the leader of a change at each of its steps', async () => {
    const cluster = await ChangingCluster.start(3);
    const counters = await startCounters(cluster);
    let members: readonly ChangingNode[] = [...cluster.nodes];
    for (const failpoint of FAILPOINTS)
      members = await changeInterrupted(cluster, counters, { failpoint, before: members });
    await expectNothingLostOrDoubled(counters);
  }, 120_000);
});

interface Interruption {
  readonly failpoint: Failpoint;
  readonly before: readonly ChangingNode[];
}

/**
 * One voter is to go and one to come, so that the change has a joint phase in which both sides count; its leader dies on
 * the way. Whatever the others make of it, the change is asked for again. Resolves with the members afterwards.
 */
async function changeInterrupted(
  cluster: ChangingCluster,
  counters: Counters,
  { failpoint, before }: Interruption,
): Promise<readonly ChangingNode[]> {
  const newcomers = await cluster.standby(1);
  const leader = await cluster.leader();
  const leaving = before.find(({ id }) => id !== leader.id);
  const after = [...before.filter((node) => node !== leaving), ...newcomers];
  const dead = await watched(counters, () => cluster.dieAt(failpoint, () => cluster.askForChange(after)));
  expect(dead.id, failpoint).toBe(leader.id);
  // C_old,new decides the matter, whoever has it: before it is in anybody's log but the leader's, the old members stay.
  const voters = (await cluster.settled()).join();
  expect([idsOf(before).join(), idsOf(after).join()], failpoint).toContain(voters);
  if (failpoint === 'learner-added') expect(voters).toBe(idsOf(before).join());
  if (failpoint === 'new-committed') expect(voters).toBe(idsOf(after).join());
  cluster.restart(dead);
  await watched(counters, () => cluster.change(after));
  expect(await cluster.settled(), failpoint).toEqual(idsOf(after));
  if (leaving !== undefined) await haveStopped([leaving]);
  return after;
}

/** Watches a key of its own, through the nodes that there were when it began. */
function watchOf(cluster: ChangingCluster): { hears(value: string): Promise<void> } {
  const values: string[] = [];
  const following = (async () => {
    for await (const event of cluster.client.watch({ key: 'watched', from: 1 }))
      values.push(event.value ?? '');
  })();
  following.catch(() => {});
  return {
    hears: async (value) => {
      await cluster.client.command(Buffer.from(JSON.stringify({ op: 'put', key: 'watched', value })), {
        timeoutMs: 20_000,
      });
      await eventually(`the watch hears ${value}`, () => (values.includes(value) ? true : undefined), 30_000);
    },
  };
}

async function startCounters(cluster: ChangingCluster): Promise<Counters> {
  const counters = Counters.start(
    cluster,
    CLIENTS,
    cluster.nodes.map(({ url }) => url),
    PAUSE_MS,
  );
  await counters.more(100);
  return counters;
}

/** Does something to the members; meanwhile, and for a while after, acknowledgements go on coming. */
async function watched<T>(counters: Counters, action: () => Promise<T>): Promise<T> {
  counters.takeLongestGapMs();
  const result = await action();
  await counters.more(100);
  expect(counters.takeLongestGapMs()).toBeLessThan(GAP_MS_MAX);
  return result;
}

async function expectNothingLostOrDoubled(counters: Counters): Promise<void> {
  await counters.stop();
  expect(await counters.total()).toBe(counters.acknowledged);
}

/** Nodes that were removed stop by themselves, and not as if they had failed. */
async function haveStopped(nodes: readonly ChangingNode[]): Promise<void> {
  for (const { process } of nodes) {
    if (process.exitCode === null) await once(process, 'exit');
    expect(process.exitCode).toBe(0);
  }
}

function idsOf(nodes: readonly ChangingNode[]): readonly string[] {
  return nodes.map(({ id }) => id).sort((a, b) => Number(a) - Number(b));
}
