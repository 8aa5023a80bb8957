import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import type { Disk } from '../../src/raft/ports.ts';
import { NodeDisk } from '../../src/raft/storage/node-disk.ts';
import { type OpenedStorage, openStorage } from '../../src/raft/storage/open-storage.ts';
import { FakeDisk } from '../../src/sim/disk.ts';
import { entriesOf, hardStateOf, STORAGE_OPTIONS } from './workload.ts';

const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

/** Both disks, each made anew for every test. */
export const DISKS = [
  {
    name: 'on the real disk',
    make: async (): Promise<Disk> => {
      const directory = await mkdtemp(join(tmpdir(), 'raft-storage-'));
      directories.push(directory);
      return await NodeDisk.create(directory);
    },
  },
  { name: 'on the fake disk', make: async (): Promise<Disk> => new FakeDisk({ seed: 1 }).mount() },
];

/** All bytes of a file. */
export async function contentOf(disk: Disk, path: string): Promise<Uint8Array> {
  const file = present(await disk.open(path, { create: false }), path);
  const content = await file.pread(0, await file.size());
  await file.close();
  return content;
}

/** Overwrites bytes of a file behind the back of storage, durably. */
export async function tamper(disk: Disk, path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = present(await disk.open(path, { create: true }), path);
  await file.pwrite(position, bytes);
  await file.fdatasync();
  await file.close();
}

/** Turns one bit over, as rot does. */
export async function flipBit(disk: Disk, path: string, position: number): Promise<void> {
  const byte = present((await contentOf(disk, path))[position], 'byte');
  await tamper(disk, path, position, Uint8Array.of(byte ^ 0x10));
}

/** A directory with ten entries of term 2, cleanly closed. */
export async function withTenEntries(disk: Disk): Promise<void> {
  const { store } = await openStorage(disk, STORAGE_OPTIONS);
  await store.persist({
    hardState: hardStateOf(2, '1'),
    entries: entriesOf({ from: 1, count: 10, term: 2, bytes: 50 }),
  });
  await store.close();
}

/** A start. */
export async function open(disk: Disk): Promise<OpenedStorage> {
  return await openStorage(disk, STORAGE_OPTIONS);
}
