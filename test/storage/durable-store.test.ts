import { describe, expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { logIndex } from '../../src/lib/brands.ts';
import type { LogStore } from '../../src/raft/ports.ts';
import { openStorage } from '../../src/raft/storage/open-storage.ts';
import { FakeDisk } from '../../src/sim/disk.ts';
import type { DiskOperation } from '../../src/sim/disk-operation.ts';
import { entriesOf, hardStateOf, readAll, SMALL_LIMITS, STORAGE_OPTIONS } from './workload.ts';

const FIRST = 'log/00000000000000000001.log';

interface Watched {
  readonly disk: FakeDisk;
  readonly store: LogStore;
  /** What the disk was asked since the last time, as `kind path`, or `kind path bytes` where bytes move. */
  readonly operations: () => readonly string[];
}

/** A store on a fresh disk, in term 1. */
async function watched(limits: Partial<typeof SMALL_LIMITS> = {}): Promise<Watched> {
  let seen: DiskOperation[] = [];
  const disk = new FakeDisk({
    seed: 1,
    complete: (operation) => {
      seen.push(operation);
      return undefined;
    },
  });
  const options = { ...STORAGE_OPTIONS, limits: { ...SMALL_LIMITS, ...limits } };
  const { store } = await openStorage(disk.mount(), options);
  await store.persist({ hardState: hardStateOf(1), entries: [] });
  seen = [];
  const operations = (): readonly string[] => {
    const lines = seen.map(({ kind, path, bytes }) => `${kind} ${path}${bytes > 0 ? ` ${bytes}` : ''}`);
    seen = [];
    return lines;
  };
  return { disk, store, operations };
}

describe('a batch that only appends', () => {
  it('is one write and one sync, filled ahead with zeros when the file grows', async () => {
    const { store, operations } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 5, term: 1, bytes: 40 }) });
    expect(operations()).toEqual([`pwrite ${FIRST} 1024`, `fdatasync ${FIRST}`]);
    await store.persist({ entries: entriesOf({ from: 6, count: 5, term: 1, bytes: 40 }) });
    expect(operations()).toEqual([`pwrite ${FIRST} 320`, `fdatasync ${FIRST}`]);
    await store.persist({ entries: entriesOf({ from: 11, count: 10, term: 1, bytes: 40 }) });
    expect(operations()).toEqual([`pwrite ${FIRST} ${2048 - 640}`, `fdatasync ${FIRST}`]);
  });

  it('is split where it is longer than one batch may be', async () => {
    const { store, operations } = await watched({ batchBytesMax: 300 });
    await store.persist({ entries: entriesOf({ from: 1, count: 5, term: 1, bytes: 76 }) });
    const write = [expect.stringContaining(`pwrite ${FIRST}`), `fdatasync ${FIRST}`];
    expect(operations()).toEqual([...write, ...write]);
  });

  it('goes on in a new segment, once the old one is cut and synced and the new name is durable', async () => {
    const { store, operations } = await watched({ segmentBytesMax: 1100 });
    await store.persist({ entries: entriesOf({ from: 1, count: 12, term: 1, bytes: 76 }) });
    const second = 'log/00000000000000000012.log';
    expect(operations()).toEqual([
      `pwrite ${FIRST} 1100`,
      `fdatasync ${FIRST}`,
      `truncate ${FIRST}`,
      `fdatasync ${FIRST}`,
      `create ${second}`,
      `size ${second}`,
      'fsyncDir log',
      `pwrite ${second} 1024`,
      `fdatasync ${second}`,
    ]);
  });

  it('may hold an entry that is longer than a segment', async () => {
    const { store } = await watched({ segmentBytesMax: 200 });
    const entries = entriesOf({ from: 1, count: 3, term: 1, bytes: 500 });
    await store.persist({ entries });
    expect(await readAll(store, logIndex(3))).toEqual(entries);
  });
});

describe('a batch with everything in it', () => {
  it('makes hard state durable first, then the cut, then the entries', async () => {
    const { store, operations } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 3, term: 1, bytes: 40 }) });
    operations();
    await store.persist({
      hardState: hardStateOf(2, '1'),
      truncateFrom: logIndex(2),
      entries: entriesOf({ from: 2, count: 1, term: 2, bytes: 40 }),
    });
    expect(operations()).toEqual([
      'create state.new',
      'pwrite state.new 36',
      'size state.new',
      'fdatasync state.new',
      'rename state.new',
      'fsyncDir .',
      `truncate ${FIRST}`,
      `fdatasync ${FIRST}`,
      `pwrite ${FIRST} ${1024 - 64}`,
      `fdatasync ${FIRST}`,
    ]);
  });

  it('removes later segments one at a time, the last first', async () => {
    const { store, operations } = await watched({ segmentBytesMax: 400 });
    await store.persist({ entries: entriesOf({ from: 1, count: 9, term: 1, bytes: 76 }) });
    operations();
    await store.persist({ truncateFrom: logIndex(3), entries: [] });
    expect(operations().filter((line) => /unlink|fsync|fdata|truncate/.test(line))).toEqual([
      'unlink log/00000000000000000009.log',
      'fsyncDir log',
      'unlink log/00000000000000000005.log',
      'fsyncDir log',
      `truncate ${FIRST}`,
      `fdatasync ${FIRST}`,
    ]);
  });

  it('cuts a long tail from its end, in pieces that the next start can tell from damage', async () => {
    const { store, operations } = await watched({ batchBytesMax: 300 });
    await store.persist({ entries: entriesOf({ from: 1, count: 10, term: 1, bytes: 76 }) });
    operations();
    await store.persist({ truncateFrom: logIndex(3), entries: [] });
    const cut = [`truncate ${FIRST}`, `fdatasync ${FIRST}`];
    expect(operations()).toEqual([...cut, ...cut, ...cut]);
  });
});

describe('reading', () => {
  it('finds recent entries in memory', async () => {
    const { store, operations } = await watched();
    const entries = entriesOf({ from: 1, count: 10, term: 1, bytes: 100 });
    await store.persist({ entries });
    operations();
    expect(await store.read(logIndex(9), 1000, 1000)).toEqual(entries.slice(8));
    expect(operations()).toEqual([]);
  });

  it('takes older ones from disk with one read of no more than is wanted', async () => {
    const { store, operations } = await watched();
    const entries = entriesOf({ from: 1, count: 10, term: 1, bytes: 100 });
    await store.persist({ entries });
    operations();
    expect(await store.read(logIndex(2), 350, 1000)).toEqual(entries.slice(1, 4));
    expect(operations()).toEqual([`pread ${FIRST} 372`]);
  });

  it.each([
    { from: 2, where: 'on disk' },
    { from: 9, where: 'in memory' },
  ])('gives at least one entry, and no more than was asked for: $where', async ({ from }) => {
    const { store } = await watched();
    const entries = entriesOf({ from: 1, count: 12, term: 1, bytes: 100 });
    await store.persist({ entries });
    expect(await store.read(logIndex(from), 1, 1000)).toEqual(entries.slice(from - 1, from));
    expect(await store.read(logIndex(from), 1000, 2)).toEqual(entries.slice(from - 1, from + 1));
    expect(await store.read(logIndex(from), 200, 1000)).toEqual(entries.slice(from - 1, from + 1));
  });

  it('finds entries in every segment', async () => {
    const { store } = await watched({ segmentBytesMax: 400, windowBytesMax: 0 });
    const entries = entriesOf({ from: 1, count: 20, term: 1, bytes: 76 });
    for (const entry of entries) await store.persist({ entries: [entry] });
    expect(await readAll(store, logIndex(20))).toEqual(entries);
  });

  it('gives nothing for an entry that is cut meanwhile, and what is there now for one that is rewritten', async () => {
    const { store } = await watched({ windowBytesMax: 0 });
    await store.persist({ entries: entriesOf({ from: 1, count: 10, term: 1, bytes: 100 }) });
    const reads = [store.read(logIndex(8), 1000, 1000), store.read(logIndex(2), 1000, 2)];
    const rewrite = entriesOf({ from: 5, count: 2, term: 1, bytes: 10 });
    const done = store.persist({ truncateFrom: logIndex(5), entries: rewrite });
    const late = store.read(logIndex(4), 1000, 1000);
    await done;
    expect(await reads[0]).toEqual([]);
    expect(await reads[1]).toEqual(entriesOf({ from: 2, count: 2, term: 1, bytes: 100 }));
    expect(await late).toEqual(entriesOf({ from: 4, count: 1, term: 1, bytes: 100 }));
    expect(await store.read(logIndex(5), 1000, 1000)).toEqual(rewrite);
    expect(await store.read(logIndex(7), 1000, 1000)).toEqual([]);
  });

  it('stops at bit rot that came after the start', async () => {
    const { disk, store } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 10, term: 1, bytes: 100 }) });
    const file = present(await disk.mount().open(FIRST, { create: false }), FIRST);
    await file.pwrite(2 * 124 + 50, Uint8Array.of(0));
    await expect(store.read(logIndex(1), 1000, 1000)).rejects.toMatchObject({
      code: 'damaged',
      message: `data/${FIRST} is damaged at offset 248: it was good when the node started.`,
    });
  });
});

describe('the commit hint', () => {
  async function hintAfter(disk: FakeDisk): Promise<number> {
    return (await openStorage(disk.mount(), STORAGE_OPTIONS)).recovered.commitHint;
  }

  it('is never above what is durable here, and never goes back', async () => {
    const { disk, store } = await watched();
    await store.saveCommitHint(logIndex(7));
    expect(await hintAfter(disk)).toBe(0);
    await store.persist({ entries: entriesOf({ from: 1, count: 5, term: 1, bytes: 10 }) });
    await store.saveCommitHint(logIndex(7));
    expect(await hintAfter(disk)).toBe(5);
    await store.saveCommitHint(logIndex(3));
    expect(await hintAfter(disk)).toBe(5);
  });

  it('is not lost at whatever moment of another one it is saved', async () => {
    const { disk, store } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 40, term: 1, bytes: 10 }) });
    for (let turns = 0; turns < 20; turns++) {
      const first = store.saveCommitHint(logIndex(2 * turns + 1));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await Promise.all([first, store.saveCommitHint(logIndex(2 * turns + 2))]);
      expect(await hintAfter(disk), `after ${turns} turns`).toBe(2 * turns + 2);
    }
  });

  it('is waited for where the store is closed while it is being saved', async () => {
    let isSlow = false;
    let finish: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const disk = new FakeDisk({
      seed: 1,
      complete: ({ kind, path }) => (isSlow && kind === 'pwrite' && path === 'commit' ? slow : undefined),
    });
    const { store } = await openStorage(disk.mount(), STORAGE_OPTIONS);
    const entries = entriesOf({ from: 1, count: 9, term: 1, bytes: 10 });
    await store.persist({ hardState: hardStateOf(1), entries });
    isSlow = true;
    const saved = store.saveCommitHint(logIndex(8));
    let isClosed = false;
    const closed = store.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    finish();
    await Promise.all([saved, closed]);
    disk.powerLoss();
    expect(await hintAfter(disk)).toBe(8);
  });

  it('is written without opening a file', async () => {
    const { store, operations } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 9, term: 1, bytes: 10 }) });
    operations();
    await store.saveCommitHint(logIndex(5));
    await store.saveCommitHint(logIndex(9));
    expect(operations().map((line) => line.split(' ')[0])).toEqual([
      'pwrite',
      'fdatasync',
      'pwrite',
      'fdatasync',
    ]);
  });

  it('becomes one write for all that come while one is under way', async () => {
    const { store, operations } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 9, term: 1, bytes: 10 }) });
    operations();
    await Promise.all([1, 2, 3, 4, 9].map((index) => store.saveCommitHint(logIndex(index))));
    expect(operations().filter((line) => line.startsWith('pwrite')).length).toBeLessThanOrEqual(2);
  });
});

describe('a commit hint that cannot be written', () => {
  it('leaves the store as good as it was, and is written the next time', async () => {
    const { disk, store } = await watched();
    const entries = entriesOf({ from: 1, count: 3, term: 1, bytes: 10 });
    await store.persist({ entries });
    for (const kind of ['pwrite', 'fdatasync'] as const) {
      disk.fail({ kind, nth: 1, error: 'EIO' });
      await expect(store.saveCommitHint(logIndex(2))).rejects.toMatchObject({ code: 'disk-failed' });
    }
    await store.persist({ entries: entriesOf({ from: 4, count: 1, term: 1, bytes: 10 }) });
    expect(await readAll(store, logIndex(4))).toHaveLength(4);
    await store.saveCommitHint(logIndex(2));
    await store.close();
    const { recovered } = await openStorage(disk.mount(), STORAGE_OPTIONS);
    expect(recovered.commitHint).toBe(2);
  });
});

describe('a store that failed', () => {
  it.each([
    { error: 'ENOSPC', code: 'disk-full' },
    { error: 'EIO', code: 'disk-failed' },
  ] as const)('by $error refuses everything after it, with the reason', async ({ error, code }) => {
    const { disk, store } = await watched();
    await store.persist({ entries: entriesOf({ from: 1, count: 3, term: 1, bytes: 10 }) });
    disk.fail({ kind: 'pwrite', nth: 1, error });
    const entries = entriesOf({ from: 4, count: 1, term: 1, bytes: 10 });
    await expect(store.persist({ entries })).rejects.toMatchObject({ code });
    const refusal = { code, message: expect.stringContaining('Storage has failed before') };
    await expect(store.persist({ entries })).rejects.toMatchObject(refusal);
    await expect(store.read(logIndex(1), 1, 1)).rejects.toMatchObject(refusal);
    await expect(store.saveCommitHint(logIndex(1))).rejects.toMatchObject(refusal);
    await store.close();
  });

  it('for want of space keeps what it acknowledged, and goes on once there is some', async () => {
    const { disk, store } = await watched();
    const entries = entriesOf({ from: 1, count: 3, term: 1, bytes: 100 });
    await store.persist({ entries });
    disk.limitSpace(disk.usedBytes() + 500);
    const more = entriesOf({ from: 4, count: 10, term: 1, bytes: 100 });
    await expect(store.persist({ entries: more })).rejects.toMatchObject({ code: 'disk-full' });
    await store.close();

    disk.limitSpace(Number.POSITIVE_INFINITY);
    const again = await openStorage(disk.mount(), STORAGE_OPTIONS);
    const found = await readAll(again.store, again.recovered.lastIndex);
    expect(found.slice(0, 3)).toEqual(entries);
    expect(found.slice(3)).toEqual(more.slice(0, found.length - 3));
    await again.store.persist({ entries: more.slice(found.length - 3) });
    expect(await readAll(again.store, logIndex(13))).toEqual([...entries, ...more]);
  });
});

describe('a mistake of the caller', () => {
  it.each([
    {
      what: 'a term that goes back',
      batch: { hardState: hardStateOf(0), entries: [] },
      message: 'currentTerm goes back',
    },
    {
      what: 'a second vote',
      batch: { hardState: hardStateOf(1, '2'), entries: [] },
      message: 'The vote of term 1 changes',
    },
    {
      what: 'a hole',
      batch: { entries: entriesOf({ from: 5, count: 1, term: 1, bytes: 9 }) },
      message: 'does not follow',
    },
    {
      what: 'an entry of a term that is not durable',
      batch: { entries: entriesOf({ from: 4, count: 1, term: 2, bytes: 9 }) },
      message: 'Term 2 is not durable before its entries',
    },
    {
      what: 'a cut of committed entries',
      batch: { truncateFrom: logIndex(2), entries: [] },
      message: 'Entry 2 is committed and must not be cut',
    },
    {
      what: 'a cut beyond the end',
      batch: { truncateFrom: logIndex(9), entries: [] },
      message: 'Cannot cut from 9',
    },
  ])('is noticed: $what', async ({ batch, message }) => {
    const { store } = await watched();
    const entries = entriesOf({ from: 1, count: 3, term: 1, bytes: 9 });
    await store.persist({ hardState: hardStateOf(1, '1'), entries });
    await store.saveCommitHint(logIndex(2));
    await expect(store.persist(batch)).rejects.toThrow(message);
  });

  it('is noticed: two batches at once', async () => {
    const { store } = await watched();
    const first = store.persist({ entries: entriesOf({ from: 1, count: 1, term: 1, bytes: 9 }) });
    await expect(store.persist({ entries: [] })).rejects.toThrow('A persist is under way');
    await first;
  });
});
