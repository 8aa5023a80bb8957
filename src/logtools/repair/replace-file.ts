import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RaftError } from '../../lib/errors.ts';
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
 * Replaces a file at once by one that is whole and synced. Whoever repairs may be another user than the one whose node has
 * to read it afterwards, so owner, group and mode stay what they were. Errors: `not-permitted` where they cannot, those of
 * the disk, and those of what is called; then the file is what it was, and nothing is left beside it.
 */
export async function replaceFile(
  path: string,
  { suffix, write, beforeRename = async () => {} }: Replacement,
): Promise<void> {
  const next = `${path}${suffix}`;
  // What a crash has left here may be of another owner and mode, or lead elsewhere.
  await rm(next, { force: true });
  const output = await open(next, 'wx', 0o600);
  try {
    try {
      await takeOwnership(output, path);
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

/** Gives a new file the owner, the group and the mode of another. Only root may give a file away. */
async function takeOwnership(output: FileHandle, path: string): Promise<void> {
  const wanted = await stat(path);
  const own = await output.stat();
  if (own.uid !== wanted.uid || own.gid !== wanted.gid) {
    await output.chown(wanted.uid, wanted.gid).catch((error: unknown) => {
      throw new RaftError('not-permitted', `${path} is of another user, and what replaces it would not be.`, {
        suggestions: [`Run the repair as the user who owns it: ls -ln '${path}'`],
        cause: error,
      });
    });
  }
  // A change of the owner may take bits of the mode away, so this comes behind it.
  await output.chmod(wanted.mode & 0o7777);
}
