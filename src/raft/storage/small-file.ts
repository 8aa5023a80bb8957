import { present } from '../../lib/assert.ts';
import { RaftError } from '../../lib/errors.ts';
import type { Disk } from '../ports.ts';
import { directoryOf } from './disk-path.ts';

/**
 * Replaces a file's content, durably and in one piece: whoever loses power on the way finds the old content or the new,
 * never a mixture. The new content is synced before it takes the name, and the name before this resolves.
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const file = present(await disk.open(temporary, { create: true }), temporary);
  try {
    await file.pwrite(0, bytes);
    // A longer file of this name may be left from a process that died here.
    if ((await file.size()) > bytes.length) await file.truncate(bytes.length);
    await file.fdatasync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.fsyncDir(directoryOf(path));
}

/** A file's content, or undefined where there is none. Longer than `bytesMax` is `damaged`. */
export async function readSmallFile(
  disk: Disk,
  path: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const file = await disk.open(path, { create: false });
  if (file === undefined) return undefined;
  try {
    const size = await file.size();
    if (size > bytesMax)
      throw new RaftError('damaged', `${path} is ${size} bytes long; at most ${bytesMax} were written.`);
    return await file.pread(0, size);
  } finally {
    await file.close();
  }
}
