import { assert } from '../../lib/assert.ts';

/** The data directory itself, as a path on a `Disk`. */
export const ROOT_DIRECTORY = '.';

/**
 * The names on the way from the root to `path`: none for the root itself. Storage makes all its paths out of constants
 * and numbers, so one that could leave the root is a programmer's error.
 */
export function pathNames(path: string): readonly string[] {
  if (path === ROOT_DIRECTORY) return [];
  const names = path.split('/');
  for (const name of names) {
    assert(/^[\w.-]+$/.test(name) && name !== '.' && name !== '..', `Not a path below the root: ${path}`);
  }
  return names;
}

/** The directory in which the last name of `path` stands. */
export function directoryOf(path: string): string {
  const names = pathNames(path);
  assert(names.length > 0, 'The root stands in no directory of the disk');
  return names.length === 1 ? ROOT_DIRECTORY : names.slice(0, -1).join('/');
}

/**
 * Asserts that a rename stays in one directory: across two, no single sync would make it durable, and a power loss
 * could leave both names or none.
 */
export function assertSameDirectory(from: string, to: string): void {
  assert(directoryOf(from) === directoryOf(to), `A rename from ${from} to ${to} leaves its directory`);
}
