import { expect } from 'vitest';
import { nextInteger, type Prng } from '../../src/lib/prng.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import { SimCluster, type SimClusterOptions, type SimNode } from '../../src/sim/cluster.ts';

/** A cluster of this many nodes on a network that delays and loses, with limits that a short run reaches. */
export function unreliableCluster(
  size: Pick<SimClusterOptions, 'size' | 'initialSize'>,
  seed: number,
  prng: Prng,
): SimCluster {
  return new SimCluster({
    ...size,
    seed,
    network: { delayMsMin: 0, delayMsMax: 4, lossProbability: 0.02 },
    diskMsMax: nextInteger(prng, 0, 5),
    limits: { segmentBytesMax: 4096, segmentFillBytes: 1024, windowBytesMax: 512 },
    createMachine: () => new KvMachine(),
  });
}

/** What a node itself holds under a key, whatever the others hold. */
export async function valueAt(node: SimNode, key: string): Promise<string | undefined> {
  const answer = await node.server?.query(Buffer.from(`get ${key}`), 'stale');
  return answer === undefined ? undefined : JSON.parse(Buffer.from(answer).toString()).value;
}

/** Every one of these nodes holds every value that was acknowledged. */
export async function expectAllThere(
  nodes: readonly SimNode[],
  acknowledged: ReadonlyMap<string, string>,
): Promise<void> {
  for (const node of nodes) {
    const missing: string[] = [];
    for (const [key, value] of acknowledged) if ((await valueAt(node, key)) !== value) missing.push(key);
    expect(missing).toEqual([]);
  }
}

/** State Machine Safety (figure 3): no two nodes apply different commands at an index, in whichever life. */
export function expectSameCommands(cluster: SimCluster): void {
  const first = new Map<number, string>();
  for (const { index, command } of cluster.applied) {
    const hex = Buffer.from(command).toString('hex');
    expect(first.get(index) ?? hex).toBe(hex);
    first.set(index, hex);
  }
}
