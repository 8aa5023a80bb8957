import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { createPrng, nextInteger } from '../../src/lib/prng.ts';
import type { Disk } from '../../src/raft/ports.ts';
import { type OpenedStorage, openStorage } from '../../src/raft/storage/open-storage.ts';
import { type DiskFault, type DiskInterruption, FakeDisk } from '../../src/sim/disk.ts';
import {
  after,
  type Batch,
  BLANK,
  type Content,
  contradiction,
  entriesOf,
  hardStateOf,
  readAll,
  SCRIPT,
  STORAGE_OPTIONS,
  sameEntries,
  sameHardState,
} from './workload.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** What one life of a node had been promised when it ended. */
interface Life {
  readonly acknowledged: Content;
  readonly inFlight: Batch | undefined;
}

/** Runs the script until it is done or the disk ends it. Errors that are not the disk's are the test's. */
async function live(disk: Disk): Promise<Life> {
  let acknowledged = BLANK;
  let inFlight: Batch | undefined;
  try {
    const { store } = await openStorage(disk, STORAGE_OPTIONS);
    for (const batch of SCRIPT) {
      inFlight = batch;
      await store.persist(batch);
      acknowledged = after(acknowledged, batch);
      inFlight = undefined;
    }
    await store.close();
  } catch (error) {
    expect(error).toMatchObject({ code: 'disk-failed' });
  }
  return { acknowledged, inFlight };
}

/** A start, and all that it tells. */
async function start(disk: FakeDisk): Promise<Content> {
  const { store, recovered }: OpenedStorage = await openStorage(disk.mount(), STORAGE_OPTIONS);
  return { hardState: recovered.hardState, entries: await readAll(store, recovered.lastIndex) };
}

/** What is wrong after a life, undefined where all is well. What a start tells must survive the next power loss. */
async function faultAfter(life: Life, disk: FakeDisk): Promise<string | undefined> {
  const told = await start(disk);
  const wrong = contradiction(told, life.acknowledged, life.inFlight);
  if (wrong !== undefined) return wrong;
  disk.powerLoss();
  const again = await start(disk);
  if (sameHardState(again.hardState, told.hardState) && sameEntries(again.entries, told.entries))
    return undefined;
  return `a start told ${told.entries.length} entries and term ${told.hardState.currentTerm}, the next one others`;
}

/** Runs `scenario` with every moment of the script and every seed, and names the first that goes wrong. */
async function expectNoFault(
  moments: number,
  scenario: (disk: FakeDisk, nth: number) => Promise<string | undefined>,
): Promise<void> {
  expect(moments).toBeGreaterThan(20);
  for (const seed of SEEDS) {
    for (let nth = 1; nth <= moments; nth++) {
      const fault = await scenario(new FakeDisk({ seed: `${seed}/${nth}` }), nth).catch(String);
      expect(fault, `seed ${seed}, operation ${nth}`).toBeUndefined();
    }
  }
}

/** How many operations of the script, by kind, there are to fail or to be cut off. */
async function countOperations(kind?: DiskFault['kind']): Promise<number> {
  let ofKind = 0;
  const disk = new FakeDisk({
    seed: 0,
    complete: (operation) => {
      if (operation.kind === kind) ofKind++;
      return undefined;
    },
  });
  await live(disk.mount());
  return kind === undefined ? disk.changingCount : ofKind;
}

async function liveUntil(disk: FakeDisk, interruption: DiskInterruption): Promise<Life> {
  disk.interrupt(interruption);
  const life = await live(disk.mount());
  // A script that came to its end is cut off afterwards.
  if (interruption.by === 'powerLoss') disk.powerLoss();
  else disk.processDeath();
  return life;
}

describe('a commit hint', () => {
  it('that was saved is there when the power goes, from the first life of the node on', async () => {
    for (const seed of SEEDS) {
      const disk = new FakeDisk({ seed });
      for (const index of [1, 2, 3].map(logIndex)) {
        const { store } = await openStorage(disk.mount(), STORAGE_OPTIONS);
        const entries = entriesOf({ from: index, count: 1, term: 1, bytes: 10 });
        await store.persist({ hardState: hardStateOf(1), entries });
        await store.saveCommitHint(index);
        disk.powerLoss();
        const { recovered } = await openStorage(disk.mount(), STORAGE_OPTIONS);
        expect(recovered.commitHint, `seed ${seed}`).toBe(index);
      }
    }
  });
});

describe('a script of votes, batches, new segments and truncations', () => {
  it('is all there after a clean end', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const life = await live(disk.mount());
    expect(life.inFlight).toBeUndefined();
    expect(life.acknowledged).toEqual(SCRIPT.reduce(after, BLANK));
    disk.powerLoss();
    expect(await start(disk)).toEqual(life.acknowledged);
  });

  it('loses nothing acknowledged when the power goes during any operation', async () => {
    await expectNoFault(await countOperations(), async (disk, nth) => {
      const life = await liveUntil(disk, { nth, by: 'powerLoss' });
      return await faultAfter(life, disk);
    });
  });

  it('loses nothing acknowledged when the power goes again during the start after that', async () => {
    await expectNoFault(await countOperations(), async (disk, nth) => {
      const life = await liveUntil(disk, { nth, by: 'powerLoss' });
      disk.interrupt({ nth: nextInteger(createPrng(nth), 1, 8), by: 'powerLoss' });
      await start(disk).catch(() => undefined);
      disk.powerLoss();
      return await faultAfter(life, disk);
    });
  });

  it('promises only what is durable when the process is killed during any operation', async () => {
    await expectNoFault(await countOperations(), async (disk, nth) => {
      const life = await liveUntil(disk, { nth, by: 'processDeath' });
      return await faultAfter(life, disk);
    });
  });

  it.each(['fdatasync', 'fsyncDir', 'pwrite', 'rename', 'truncate'] as const)(
    'stops for good when any %s fails, and promises only what is durable when it starts again',
    async (kind) => {
      const moments = await countOperations(kind);
      for (const seed of SEEDS) {
        for (let nth = 1; nth <= moments; nth++) {
          const disk = new FakeDisk({ seed: `${seed}/${nth}` });
          disk.fail({ kind, nth, error: 'EIO' });
          const life = await live(disk.mount());
          disk.processDeath();
          expect(await faultAfter(life, disk).catch(String), `seed ${seed}, ${kind} ${nth}`).toBeUndefined();
        }
      }
    },
  );
});
