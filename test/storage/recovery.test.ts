import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { equalBytes, utf8 } from '../../src/lib/bytes.ts';
import { encodeFrames, encodeRawFrame } from '../../src/logfmt/frame.ts';
import { encodeState } from '../../src/logfmt/records.ts';
import type { Disk } from '../../src/raft/ports.ts';
import { openStorage } from '../../src/raft/storage/open-storage.ts';
import { FakeDisk } from '../../src/sim/disk.ts';
import { contentOf, DISKS, flipBit, open, tamper, withTenEntries } from './directories.ts';
import { entriesOf, hardStateOf, readAll, STORAGE_OPTIONS } from './workload.ts';

const FIRST = 'log/00000000000000000001.log';
const SECTOR_BYTES = 512;

async function everything(disk: Disk): Promise<Readonly<Record<string, string>>> {
  const paths = [...(await disk.list('.')).filter((name) => name !== 'log')];
  paths.push(...(await disk.list('log')).map((name) => `log/${name}`));
  const contents: Record<string, string> = {};
  for (const path of paths) contents[path] = Buffer.from(await contentOf(disk, path)).toString('hex');
  return contents;
}

/** A directory with three segments of one entry or more. */
async function withThreeSegments(disk: Disk): Promise<readonly string[]> {
  const { store } = await openStorage(disk, STORAGE_OPTIONS);
  await store.persist({
    hardState: hardStateOf(2),
    entries: entriesOf({ from: 1, count: 25, term: 2, bytes: 400 }),
  });
  await store.close();
  const names = await disk.list('log');
  expect(names).toHaveLength(3);
  return names.map((name) => `log/${name}`);
}

/** Expects a start to refuse, with all that a user needs, and to have changed nothing. */
async function expectRefusal(disk: Disk, message: RegExp): Promise<void> {
  const before = await everything(disk);
  const error = await open(disk).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'damaged', message: expect.stringMatching(message) });
  expect(error).toHaveProperty('suggestions', [
    expect.stringContaining('raft log verify data'),
    expect.stringContaining('raft log inspect data'),
    expect.stringContaining('raft log repair data'),
  ]);
  expect(await everything(disk)).toEqual(before);
}

describe.each(DISKS)('a start $name', ({ make }) => {
  it('finds what was written, and lets it be read back', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const { store, recovered } = await open(disk);
    expect(recovered).toEqual({
      hardState: hardStateOf(2, '1'),
      lastIndex: 10,
      termRuns: [{ firstIndex: 1, term: 2 }],
      configurations: [],
      isBegunByOriginal: true,
      commitHint: 0,
      warnings: [],
    });
    expect(await readAll(store, recovered.lastIndex)).toEqual(
      entriesOf({ from: 1, count: 10, term: 2, bytes: 50 }),
    );
    await store.close();
  });

  it('goes on where the process died without cutting what was filled ahead', async () => {
    const disk = await make();
    const first = await open(disk);
    const entries = entriesOf({ from: 1, count: 3, term: 1, bytes: 50 });
    await first.store.persist({ hardState: hardStateOf(1), entries });
    expect((await contentOf(disk, FIRST)).length).toBe(1024);
    const { store, recovered } = await open(disk);
    expect(recovered.warnings).toEqual([]);
    await store.persist({ entries: entriesOf({ from: 4, count: 1, term: 1, bytes: 50 }) });
    await store.close();
    expect((await contentOf(disk, FIRST)).length).toBe(4 * 74);
    expect((await open(disk)).recovered.lastIndex).toBe(4);
  });

  it('cuts a torn frame, keeps its bytes beside the log, and says so', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const whole = await contentOf(disk, FIRST);
    const torn = encodeFrames(entriesOf({ from: 11, count: 1, term: 2, bytes: 200 })).subarray(0, 100);
    await tamper(disk, FIRST, whole.length, torn);

    const { store, recovered } = await open(disk);
    expect(recovered.lastIndex).toBe(10);
    expect(recovered.hardState.abstainThrough).toBe(0);
    expect(recovered.warnings).toEqual([
      expect.stringContaining(`data/${FIRST} was torn at offset ${whole.length}`),
    ]);
    expect(recovered.warnings[0]).toContain(`100 bytes were cut, and are kept in data/${FIRST}.cut-1.`);
    expect(await contentOf(disk, `${FIRST}.cut-1`)).toEqual(torn);
    expect(await contentOf(disk, FIRST)).toEqual(whole);
    await store.close();
    expect((await open(disk)).recovered.warnings).toEqual([]);
  });

  it('keeps the bytes of a second torn tail in a file of their own', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const { length } = await contentOf(disk, FIRST);
    const torn = encodeFrames(entriesOf({ from: 11, count: 1, term: 2, bytes: 200 }));
    await tamper(disk, FIRST, length, torn.subarray(0, 100));
    await (await open(disk)).store.close();
    await tamper(disk, FIRST, length, torn.subarray(0, 60));
    await (await open(disk)).store.close();
    expect(await contentOf(disk, `${FIRST}.cut-1`)).toEqual(torn.subarray(0, 100));
    expect(await contentOf(disk, `${FIRST}.cut-2`)).toEqual(torn.subarray(0, 60));
  });

  it('cuts a batch of which a sector is missing, with the good frames behind it', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const batch = encodeFrames(entriesOf({ from: 11, count: 20, term: 2, bytes: 50 }));
    const { length } = await contentOf(disk, FIRST);
    await tamper(disk, FIRST, length, batch);
    await tamper(disk, FIRST, 3 * SECTOR_BYTES, new Uint8Array(SECTOR_BYTES));

    const { store, recovered } = await open(disk);
    expect(recovered.lastIndex).toBe(Math.floor((3 * SECTOR_BYTES) / 74));
    expect(recovered.hardState.abstainThrough).toBe(0);
    // A shorter rewrite must not bring the old frames back.
    const next = recovered.lastIndex + 1;
    await store.persist({ entries: entriesOf({ from: next, count: 1, term: 2, bytes: 10 }) });
    expect((await open(disk)).recovered.lastIndex).toBe(next);
  });

  it('abstains from votes where it cuts a whole frame, since bit rot looks the same', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await flipBit(disk, FIRST, 9 * 74 + 40);
    const { store, recovered } = await open(disk);
    expect(recovered.lastIndex).toBe(9);
    expect(recovered.hardState).toEqual({ ...hardStateOf(2, '1'), abstainThrough: logIndex(10) });
    expect(recovered.warnings.join(' ')).toContain('Entry 10 was whole but for its checksum');
    await store.close();

    // It stays so until the core says otherwise.
    const again = await open(disk);
    expect(again.recovered.hardState.abstainThrough).toBe(10);
    await again.store.persist({ hardState: hardStateOf(2, '1'), entries: [] });
    expect((await open(disk)).recovered.hardState.abstainThrough).toBe(0);
  });

  it('refuses to cut an entry that is known to be committed', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const { store } = await open(disk);
    await store.saveCommitHint(logIndex(10));
    await store.close();
    await flipBit(disk, FIRST, 9 * 74 + 40);
    await expectRefusal(
      disk,
      /torn at offset 666 \(torn-tail\), after entry 9, but entries up to 10 are known/,
    );
  });

  it('refuses a log that is whole but ends before an entry that is known to be committed', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const { store } = await open(disk);
    await store.saveCommitHint(logIndex(7));
    await store.close();
    await tamper(disk, FIRST, 6 * 74, new Uint8Array(4 * 74));
    await expectRefusal(
      disk,
      /The log in data ends with entry 6, but entries up to 7 are known to be committed/,
    );
  });

  it('refuses bit rot before the last frame, with file, offset and kind', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await flipBit(disk, FIRST, 4 * 74 + 40);
    await expectRefusal(
      disk,
      /data\/log\/00000000000000000001\.log is damaged at offset 296 \(checksum-mismatch\)/,
    );
  });

  it('refuses bytes behind the last frame that no write leaves', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await tamper(disk, FIRST, 10 * 74, utf8('these bytes are no frame, whoever wrote them'));
    await expectRefusal(disk, /offset 740 \(garbage-tail\)/);
  });

  it('refuses frames in an order that cannot be', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await tamper(disk, FIRST, 10 * 74, encodeFrames(entriesOf({ from: 13, count: 1, term: 2, bytes: 50 })));
    await expectRefusal(disk, /offset 740 \(index-gap\)/);
  });

  it('refuses a term beyond what it counts with', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const huge = encodeRawFrame({ index: 11n, term: 2n ** 60n, command: utf8('x') });
    await tamper(disk, FIRST, 10 * 74, huge);
    await expectRefusal(disk, /not usable from offset 740 on/);
  });

  it('refuses a log of which a segment is missing', async () => {
    const disk = await make();
    const [, second = ''] = await withThreeSegments(disk);
    await disk.unlink(second);
    await expectRefusal(disk, /index-gap/);
  });

  it('refuses a log that does not begin with the first entry', async () => {
    const disk = await make();
    await withThreeSegments(disk);
    await disk.unlink(FIRST);
    await expectRefusal(disk, /entries up to 0, and its next file/);
  });

  it.each([
    {
      what: 'a torn tail',
      bytes: encodeFrames(entriesOf({ from: 10, count: 1, term: 2, bytes: 50 })).subarray(0, 40),
    },
    { what: 'zeros', bytes: new Uint8Array(600) },
  ])('refuses $what at the end of a segment that is not the last', async ({ bytes }) => {
    const disk = await make();
    await withThreeSegments(disk);
    await tamper(disk, FIRST, (await contentOf(disk, FIRST)).length, bytes);
    await expectRefusal(disk, /log\/00000000000000000001\.log is damaged at offset 3816/);
  });

  it('takes a commit hint that is damaged or missing for 0', async () => {
    const disk = await make();
    await withTenEntries(disk);
    const { store } = await open(disk);
    await store.saveCommitHint(logIndex(4));
    expect((await open(disk)).recovered.commitHint).toBe(4);
    await flipBit(disk, 'commit', 15);
    expect((await open(disk)).recovered.commitHint).toBe(0);
    await disk.unlink('commit');
    expect((await open(disk)).recovered.commitHint).toBe(0);
  });

  it('raises a term that is older than the log, and gives its vote up', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await tamper(disk, 'state', 0, encodeState(hardStateOf(1, '3')));
    const { recovered } = await open(disk);
    expect(recovered.hardState).toEqual(hardStateOf(2));
    expect(recovered.warnings).toEqual([
      expect.stringContaining('term 1, but the log has entries of term 2'),
    ]);
    const again = await open(disk);
    expect(again.recovered.hardState).toEqual(hardStateOf(2));
    expect(again.recovered.warnings).toEqual([]);
  });
});

describe('a start that loses power while it cuts a torn tail', () => {
  const torn = encodeFrames(entriesOf({ from: 11, count: 20, term: 2, bytes: 50 })).subarray(0, 1100);

  /** A torn log, and a start on it that loses power during operation `nth`; then one that does not. */
  async function cutShort(seed: number, nth: number): Promise<FakeDisk> {
    const disk = new FakeDisk({ seed: `${seed}/${nth}` });
    const mounted = disk.mount();
    await withTenEntries(mounted);
    await tamper(mounted, FIRST, 740, torn);
    await tamper(mounted, FIRST, 2 * SECTOR_BYTES, new Uint8Array(SECTOR_BYTES));
    disk.interrupt({ nth, by: 'powerLoss' });
    await open(disk.mount()).catch(() => undefined);
    disk.powerLoss();
    return disk;
  }

  const moments = Array.from({ length: 12 }, (_, position) => position + 1);
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

  it('keeps every byte, in the log or beside it', async () => {
    const expected = torn.slice();
    expected.fill(0, 2 * SECTOR_BYTES - 740, 3 * SECTOR_BYTES - 740);
    const tail = expected.subarray(Math.floor(1024 / 74) * 74 - 740);
    for (const seed of seeds) {
      for (const nth of moments) {
        const disk = (await cutShort(seed, nth)).mount();
        const kept = (await disk.list('log')).map((name) => `log/${name}`);
        const places = await Promise.all(kept.map((path) => contentOf(disk, path)));
        const isKept = places.some((content) => holds(content, tail));
        expect(isKept, `seed ${seed}, operation ${nth}`).toBe(true);
      }
    }
  });

  it('starts again, and writes over nothing that could come back', async () => {
    for (const seed of seeds) {
      for (const nth of moments) {
        const disk = await cutShort(seed, nth);
        const { store, recovered } = await open(disk.mount());
        expect(recovered.lastIndex, `seed ${seed}, operation ${nth}`).toBe(13);
        await store.persist({ entries: entriesOf({ from: 14, count: 1, term: 2, bytes: 10 }) });
        disk.powerLoss();
        expect((await open(disk.mount())).recovered.lastIndex, `seed ${seed}, operation ${nth}`).toBe(14);
      }
    }
  });
});

/** Whether `content` ends with `tail`, give or take zeros. */
function holds(content: Uint8Array, tail: Uint8Array): boolean {
  const end = content.findLastIndex((byte) => byte !== 0) + 1;
  const wanted = tail.subarray(0, tail.findLastIndex((byte) => byte !== 0) + 1);
  return end >= wanted.length && equalBytes(content.subarray(end - wanted.length, end), wanted);
}
