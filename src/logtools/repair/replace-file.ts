import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../sync-directory.ts';

/** What takes the place of a file. */
export interface Replacement {
  /** What stands beside the file until it is whole. */
  readonly suffix: string;
  readonly write: (output: FileHandle) => Promise<void>;
  /** Called once the new file is whole and synced, and before it takes the old one's name. */
  readonly beforeRename?: () => Promise<void>;
}

/**
 * Replaces a file at once by one that is whole and synced. Where that fails, because the disk is full for example, the file
 * is what it was, and nothing is left beside it. Errors: those of the disk, and those of what is called.
 */
export async function replaceFile(
  path: string,
  { suffix, write, beforeRename = async () => {} }: Replacement,
): Promise<void> {
  const next = `${path}${suffix}`;
  // What a crash has left here may lead elsewhere.
  await rm(next, { force: true });
  const output = await open(next, 'wx');
  try {
    try {
      await write(output);
      await output.sync();
    } finally {
      await output.close();
    }
    await beforeRename();
    await rename(next, path);
  } catch (error) {
    // What failed first is what is told.
    await rm(next, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
}
