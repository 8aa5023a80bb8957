import { resolve } from 'node:path';
import { writtenDirFlag } from '../cluster/names.ts';
import type { ServerFlags } from './find-cluster.ts';

/** A command in a line that says what to type next: at its beginning, or behind a colon, and up to a comment. */
const COMMAND = /(?:^|: )(raft (cluster|command|config|kv|leader|status)\b.*?)(?=$| {3}#)/;

/**
 * A line that says what to type next, with where the cluster is as the user has typed it: a command that looks elsewhere
 * would be of no use. A line without a command that takes it is left as it is.
 */
export function repeatPlace(line: string, { dir, server }: ServerFlags): string {
  const found = COMMAND.exec(line);
  const [, command = '', topic] = found ?? [];
  if (found === null || / --(dir|server)\b/.test(command)) return line;
  const flag = server === undefined ? dirFlagOf(dir) : ` --server ${server.join(',')}`;
  // A cluster directory is all that these commands work on.
  if (topic === 'cluster' && server !== undefined) return line;
  const end = line.indexOf(command, found.index) + command.length;
  return `${line.slice(0, end)}${flag}${line.slice(end)}`;
}

function dirFlagOf(dir: string | undefined): string {
  return dir === undefined ? '' : writtenDirFlag(resolve(dir));
}
