import { resolve } from 'node:path';

/** Where a cluster is, unless `--dir` says otherwise: in the working directory. */
export const DEFAULT_CLUSTER_DIR = 'raft-data';

/** The name of the file that makes a directory a cluster directory. */
export const CLUSTER_FILE = 'cluster.json';

/**
 * ` --dir DIR` for a command that a person types next, or nothing where it finds the directory by itself: RAFT_SERVER goes
 * before the default directory.
 */
export function dirFlag(dir: string): string {
  const isFound = dir === resolve(DEFAULT_CLUSTER_DIR) && (process.env.RAFT_SERVER ?? '') === '';
  return isFound ? '' : writtenDirFlag(dir);
}

/** ` --dir DIR`, also where a command would look there by itself. */
export function writtenDirFlag(dir: string): string {
  return ` --dir ${/[^\w./-]/.test(dir) ? `'${dir.replaceAll("'", "'\\''")}'` : dir}`;
}
