import { describe, expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import type { Disk, DiskFile } from '../../src/raft/ports.ts';
import { FakeDisk } from '../../src/sim/disk.ts';

const SECTOR_BYTES = 512;
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

async function create(disk: Disk, path: string): Promise<DiskFile> {
  return present(await disk.open(path, { create: true }), path);
}

async function textIn(disk: Disk, path: string): Promise<string | undefined> {
  const file = await disk.open(path, { create: false });
  return file === undefined ? undefined : textOf(await file.pread(0, await file.size()));
}

/** Every different result of `scenario` over many seeds. */
async function outcomes(
  scenario: (disk: FakeDisk, seed: number) => Promise<string>,
): Promise<readonly string[]> {
  const results = new Set<string>();
  for (const seed of SEEDS) results.add(await scenario(new FakeDisk({ seed }), seed));
  return [...results].sort();
}

/** Makes `file` with `before` in it, durable in content and name. */
async function withFile(disk: Disk, path: string, before: string): Promise<DiskFile> {
  const file = await create(disk, path);
  await file.pwrite(0, utf8(before));
  await file.fdatasync();
  await disk.fsyncDir('.');
  return file;
}

describe('a power loss', () => {
  it('keeps what was synced, content and names', async () => {
    const found = await outcomes(async (disk) => {
      await withFile(disk.mount(), 'data', 'synced');
      disk.powerLoss();
      return String(await textIn(disk.mount(), 'data'));
    });
    expect(found).toEqual(['synced']);
  });

  it('keeps, drops or tears by sectors what was not synced, in any order', async () => {
    const found = await outcomes(async (disk) => {
      const file = await withFile(disk.mount(), 'data', 'a'.repeat(2 * SECTOR_BYTES));
      await file.pwrite(0, utf8('b'.repeat(2 * SECTOR_BYTES)));
      disk.powerLoss();
      const text = String(await textIn(disk.mount(), 'data'));
      return text.slice(0, SECTOR_BYTES + 1).slice(-2) + text.at(-1);
    });
    expect(found).toEqual(['aaa', 'abb', 'baa', 'bbb']);
  });

  it('leaves zeros or nothing where a file had grown', async () => {
    const found = await outcomes(async (disk) => {
      const file = await withFile(disk.mount(), 'data', '');
      await file.pwrite(0, utf8('b'.repeat(SECTOR_BYTES)));
      disk.powerLoss();
      const text = String(await textIn(disk.mount(), 'data'));
      return `${text.length} ${text.slice(0, 1)}`;
    });
    expect(found).toEqual(['0 ', '512 \0', '512 b']);
  });

  it('undoes a cut that was not synced', async () => {
    const found = await outcomes(async (disk) => {
      const file = await withFile(disk.mount(), 'data', 'whole');
      await file.truncate(0);
      disk.powerLoss();
      return String(await textIn(disk.mount(), 'data'));
    });
    expect(found).toEqual(['', '\0\0\0\0\0', 'whole']);
  });

  it('undoes names that were made, changed or removed, each on its own', async () => {
    const found = await outcomes(async (disk) => {
      const mounted = disk.mount();
      await withFile(mounted, 'old', 'x');
      await withFile(mounted, 'state', '1');
      const fresh = await create(mounted, 'state.new');
      await fresh.pwrite(0, utf8('2'));
      await fresh.fdatasync();
      await mounted.rename('state.new', 'state');
      await mounted.unlink('old');
      disk.powerLoss();
      const after = disk.mount();
      return `${(await after.list('.')).join(' ')}: ${await textIn(after, 'state')}`;
    });
    expect(found).toEqual([
      'old state state.new: 1',
      'old state: 1',
      'old state: 2',
      'state state.new: 1',
      'state: 1',
      'state: 2',
    ]);
  });

  it('takes a directory with all in it, where its own name was not synced', async () => {
    const found = await outcomes(async (disk) => {
      const mounted = disk.mount();
      await mounted.mkdir('log');
      await (await create(mounted, 'log/1')).fdatasync();
      await mounted.fsyncDir('log');
      disk.powerLoss();
      return (await disk.mount().list('log')).join(' ');
    });
    expect(found).toEqual(['', '1']);
  });

  it('ends every view and file of the life before it', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const before = disk.mount();
    const file = await withFile(before, 'data', 'x');
    disk.powerLoss();
    await expect(file.pread(0, 1)).rejects.toMatchObject({ code: 'disk-failed' });
    await expect(file.pwrite(0, utf8('y'))).rejects.toMatchObject({ code: 'disk-failed' });
    await expect(before.list('.')).rejects.toMatchObject({ code: 'disk-failed' });
    expect(await textIn(disk.mount(), 'data')).toBe('x');
  });

  it('is the same for the same seed', async () => {
    const run = async (): Promise<string> => {
      const disk = new FakeDisk({ seed: 'again' });
      const file = await create(disk.mount(), 'data');
      for (let i = 0; i < 20; i++) await file.pwrite(i * 300, utf8(`${i}`.repeat(200)));
      await disk.mount().fsyncDir('.');
      disk.powerLoss();
      return String(await textIn(disk.mount(), 'data'));
    };
    expect(await run()).toBe(await run());
  });

  it('in the midst of a write leaves any part of it, and the write fails', async () => {
    const found = await outcomes(async (disk) => {
      const file = await withFile(disk.mount(), 'data', 'a');
      disk.interrupt({ nth: 1, by: 'powerLoss' });
      await expect(file.pwrite(0, utf8('b'))).rejects.toMatchObject({ code: 'disk-failed' });
      return String(await textIn(disk.mount(), 'data'));
    });
    expect(found).toEqual(['a', 'b']);
  });
});

describe('the death of a process', () => {
  it('keeps what it wrote, but makes none of it durable', async () => {
    const disk = new FakeDisk({ seed: 3 });
    const file = await withFile(disk.mount(), 'data', 'old');
    await file.pwrite(0, utf8('new'));
    disk.processDeath();
    await expect(file.pread(0, 1)).rejects.toMatchObject({ code: 'disk-failed' });
    expect(await textIn(disk.mount(), 'data')).toBe('new');
    const found = await outcomes(async (other) => {
      const written = await withFile(other.mount(), 'data', 'old');
      await written.pwrite(0, utf8('new'));
      other.processDeath();
      other.powerLoss();
      return String(await textIn(other.mount(), 'data'));
    });
    expect(found).toEqual(['new', 'old']);
  });
});

describe('a sync', () => {
  it('that fails may have lost the pages, which the next one does not write (fsyncgate)', async () => {
    const found = await outcomes(async (disk) => {
      const file = await withFile(disk.mount(), 'data', 'old');
      await file.pwrite(0, utf8('new'));
      disk.fail({ kind: 'fdatasync', nth: 1, error: 'EIO' });
      await expect(file.fdatasync()).rejects.toMatchObject({ code: 'disk-failed' });
      expect(textOf(await file.pread(0, 3))).toBe('new');
      await file.fdatasync();
      disk.powerLoss();
      return String(await textIn(disk.mount(), 'data'));
    });
    expect(found).toEqual(['new', 'old']);
  });

  it('covers what was written before it began, not what came while it ran', async () => {
    const found = await outcomes(async (_, seed) => {
      let finish = (): void => undefined;
      const disk = new FakeDisk({
        seed,
        complete: ({ kind }) =>
          kind === 'fdatasync' ? new Promise<void>((resolve) => (finish = resolve)) : undefined,
      });
      const file = await create(disk.mount(), 'data');
      await disk.mount().fsyncDir('.');
      await file.pwrite(0, utf8('1'));
      const sync = file.fdatasync();
      await file.pwrite(0, utf8('2'));
      finish();
      await sync;
      disk.powerLoss();
      return String(await textIn(disk.mount(), 'data'));
    });
    expect(found).toEqual(['1', '2']);
  });

  it('promises nothing before it is complete', async () => {
    let syncs = 0;
    const disk = new FakeDisk({
      seed: 2,
      complete: ({ kind }) =>
        kind === 'fdatasync' && ++syncs > 0 ? new Promise<void>(() => undefined) : undefined,
    });
    const file = await create(disk.mount(), 'data');
    await file.pwrite(0, utf8('x'));
    const settled: string[] = [];
    void file.fdatasync().then(() => settled.push('synced'));
    await disk.mount().list('.');
    expect(syncs).toBe(1);
    expect(settled).toEqual([]);
  });
});

describe('a fault', () => {
  it('hits the operation that was named, and no other', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const file = await create(disk.mount(), 'data');
    disk.fail({ kind: 'pwrite', nth: 2, error: 'ENOSPC' });
    await file.pwrite(0, utf8('1'));
    await expect(file.pwrite(0, utf8('2'))).rejects.toMatchObject({ code: 'disk-full' });
    await file.pwrite(0, utf8('3'));
    expect(textOf(await file.pread(0, 1))).toBe('3');
  });

  it('of space comes when all files together would be longer than there is room', async () => {
    const disk = new FakeDisk({ seed: 1, spaceBytesMax: 1000 });
    const one = await create(disk.mount(), 'one');
    const two = await create(disk.mount(), 'two');
    await one.pwrite(0, new Uint8Array(600));
    await expect(two.pwrite(0, new Uint8Array(500))).rejects.toMatchObject({ code: 'disk-full' });
    await one.pwrite(0, new Uint8Array(600).fill(1));
    await two.truncate(0);
    await two.pwrite(0, new Uint8Array(400));
    expect(disk.usedBytes()).toBe(1000);
  });
});
