import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Disk, DiskFile } from '../../src/raft/ports.ts';
import { NodeDisk } from '../../src/raft/storage/node-disk.ts';
import { FakeDisk } from '../../src/sim/disk.ts';

const directories: string[] = [];

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'raft-disk-'));
  directories.push(directory);
  return directory;
}

afterEach(async () => {
  vi.restoreAllMocks();
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function create(disk: Disk, path: string): Promise<DiskFile> {
  return present(await disk.open(path, { create: true }), path);
}

const DISKS = [
  {
    name: 'the real disk',
    make: async (): Promise<Disk> => await NodeDisk.create(await temporaryDirectory()),
  },
  { name: 'the fake disk', make: async (): Promise<Disk> => new FakeDisk({ seed: 1 }).mount() },
];

describe.each(DISKS)('$name', ({ make }) => {
  it('says that a file is missing, and makes it only when asked', async () => {
    const disk = await make();
    expect(await disk.open('state', { create: false })).toBeUndefined();
    await (await create(disk, 'state')).close();
    expect(await disk.open('state', { create: false })).toBeDefined();
    expect(await disk.list('.')).toEqual(['state']);
  });

  it('gives back what was written, and less at the end of the file', async () => {
    const file = await create(await make(), 'data');
    await file.pwrite(0, utf8('hello world'));
    await file.pwrite(6, utf8('there'));
    await file.fdatasync();
    expect(await file.size()).toBe(11);
    expect(await file.pread(0, 11)).toEqual(utf8('hello there'));
    expect(await file.pread(6, 100)).toEqual(utf8('there'));
    expect(await file.pread(11, 5)).toEqual(new Uint8Array(0));
    expect(await file.pread(500, 5)).toEqual(new Uint8Array(0));
  });

  it('keeps what it was given when the caller changes its array afterwards', async () => {
    const file = await create(await make(), 'data');
    const bytes = utf8('before');
    await file.pwrite(0, bytes);
    bytes.fill(0);
    expect(await file.pread(0, 6)).toEqual(utf8('before'));
  });

  it('fills with zeros what lies between the old end and a write, and after a cut', async () => {
    const file = await create(await make(), 'data');
    await file.pwrite(0, utf8('abcdef'));
    await file.truncate(2);
    await file.truncate(4);
    expect(await file.pread(0, 10)).toEqual(Uint8Array.of(97, 98, 0, 0));
    await file.pwrite(6, utf8('z'));
    expect(await file.pread(0, 10)).toEqual(Uint8Array.of(97, 98, 0, 0, 0, 0, 122));
  });

  it('replaces a file by another in one step, while readers of the old one keep it', async () => {
    const disk = await make();
    const old = await create(disk, 'state');
    await old.pwrite(0, utf8('old'));
    const fresh = await create(disk, 'state.new');
    await fresh.pwrite(0, utf8('new'));
    await disk.rename('state.new', 'state');
    await disk.fsyncDir('.');
    expect(await disk.list('.')).toEqual(['state']);
    expect(await (await create(disk, 'state')).pread(0, 3)).toEqual(utf8('new'));
    expect(await old.pread(0, 3)).toEqual(utf8('old'));
  });

  it('lists a directory in order, and a missing one as empty', async () => {
    const disk = await make();
    expect(await disk.list('log')).toEqual([]);
    await disk.mkdir('log');
    await disk.mkdir('log');
    for (const name of ['b', 'a', 'c']) await (await create(disk, `log/${name}`)).close();
    await disk.unlink('log/c');
    await disk.fsyncDir('log');
    expect(await disk.list('log')).toEqual(['a', 'b']);
  });

  it('fails with a sentence where a name is missing', async () => {
    const disk = await make();
    await expect(disk.unlink('nothing')).rejects.toMatchObject({ code: 'disk-failed' });
    await expect(disk.rename('nothing', 'something')).rejects.toMatchObject({ code: 'disk-failed' });
    await expect(disk.fsyncDir('nothing')).rejects.toMatchObject({ code: 'disk-failed' });
    await expect(disk.open('nothing/file', { create: true })).rejects.toMatchObject({ code: 'disk-failed' });
  });

  it.each(['../escape', '/etc/passwd', 'log/../../escape', '', 'log//x', 'a\0b'])(
    'refuses the path %j, which leaves the root or is none',
    async (path) => {
      const disk = await make();
      await expect(disk.open(path, { create: false })).rejects.toThrow('Not a path below the root');
      await expect(disk.unlink(path)).rejects.toThrow('Not a path below the root');
      await expect(disk.list(path)).rejects.toThrow('Not a path below the root');
    },
  );

  it('refuses a rename into another directory', async () => {
    const disk = await make();
    await disk.mkdir('log');
    await (await create(disk, 'state')).close();
    await expect(disk.rename('state', 'log/state')).rejects.toThrow('leaves its directory');
  });

  it('refuses to use a file that was closed', async () => {
    const file = await create(await make(), 'data');
    await file.close();
    await file.close();
    await expect(file.pread(0, 1)).rejects.toThrow('is closed');
  });
});

describe('the real disk', () => {
  it('makes its root, and can be opened again', async () => {
    const root = join(await temporaryDirectory(), 'cluster', 'node1');
    await (await create(await NodeDisk.create(root), 'state')).close();
    expect(await (await NodeDisk.create(root)).list('.')).toEqual(['state']);
  });

  it('asks the system for each sync', async () => {
    const disk = await NodeDisk.create(await temporaryDirectory());
    const file = await create(disk, 'data');
    const fdatasync = vi.spyOn(fs, 'fdatasync');
    const fsync = vi.spyOn(fs, 'fsync');
    await file.fdatasync();
    expect(fdatasync).toHaveBeenCalledTimes(1);
    expect(fsync).toHaveBeenCalledTimes(0);
    await disk.fsyncDir('.');
    expect(fsync).toHaveBeenCalledTimes(1);
  });

  it('syncs the directory of every directory that it makes for its root', async () => {
    const parent = await temporaryDirectory();
    const fsync = vi.spyOn(fs, 'fsync');
    await NodeDisk.create(join(parent, 'cluster', 'node1'));
    expect(fsync).toHaveBeenCalledTimes(2);
  });

  it('waits with closing for the reads that are under way', async () => {
    const file = await create(await NodeDisk.create(await temporaryDirectory()), 'data');
    await file.pwrite(0, new Uint8Array(1024 * 1024).fill(7));
    const reads = Array.from({ length: 20 }, () => file.pread(0, 1024 * 1024));
    await file.close();
    for (const bytes of await Promise.all(reads)) expect(bytes.every((byte) => byte === 7)).toBe(true);
  });

  it.runIf(process.platform !== 'win32')('continues a write that the system took only in part', async () => {
    const file = await create(await NodeDisk.create(await temporaryDirectory()), 'data');
    const write = fs.write.bind(fs);
    const sizes: number[] = [];
    const short = (
      fd: number,
      bytes: Uint8Array,
      from: number,
      length: number,
      at: number,
      done: () => void,
    ) => {
      sizes.push(length);
      write(fd, bytes, from, Math.min(length, 4), at, done);
    };
    vi.spyOn(fs, 'write').mockImplementation(short as typeof fs.write);
    await file.pwrite(0, utf8('hello world'));
    expect(sizes).toEqual([11, 7, 3]);
    expect(await file.pread(0, 11)).toEqual(utf8('hello world'));
  });

  it.runIf(fs.existsSync('/dev/full'))('calls a device without space disk-full', async () => {
    const root = await temporaryDirectory();
    fs.symlinkSync('/dev/full', join(root, 'data'));
    const file = await create(await NodeDisk.create(root), 'data');
    await expect(file.pwrite(0, utf8('x'))).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining(join(root, 'data')),
    });
  });

  it.runIf(process.platform === 'linux')(
    'calls every other failure disk-failed, and says what to do',
    async () => {
      const root = await temporaryDirectory();
      // A device cannot be synced.
      fs.symlinkSync('/dev/null', join(root, 'data'));
      const file = await create(await NodeDisk.create(root), 'data');
      const error = await file.fdatasync().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'disk-failed', message: expect.stringContaining('EINVAL') });
      expect(error).toHaveProperty('suggestions', expect.arrayContaining([expect.stringContaining('dmesg')]));
    },
  );
});
