import { resolve } from 'node:path';
import { writtenDirFlag } from '../cluster/names.ts';
import type { ServerFlags } from './find-cluster.ts';

/** The commands in a line that says what to type next: at its beginning, or behind a colon, each up to a comment. */
const COMMANDS = /(?<=^|: )raft (cluster|command|config|kv|leader|status)\b.*?(?=$| {3}#)/g;

/**
 * A line that says what to type next, with where the cluster is as the user has typed it: a command that looks elsewhere
 * would be of no use. A line without a command that takes it is left as it is.
 */
export function repeatPlace(line: string, { dir, server }: ServerFlags): string {
  const flag = server === undefined ? dirFlagOf(dir) : ` --server ${server.join(',')}`;
  return line.replace(COMMANDS, (command, topic: string) => {
    if (/ --(dir|server)\b/.test(command)) return command;
    // A cluster directory is all that these commands work on.
    if (topic === 'cluster' && server !== undefined) return command;
    return `${command}${flag}`;
  });
}

function dirFlagOf(dir: string | undefined): string {
  return dir === undefined ? '' : writtenDirFlag(resolve(dir));
}
