import { resolve } from 'node:path';
import { writtenDirFlag } from '../cluster/names.ts';
import type { ServerFlags } from './find-cluster.ts';

/** Where a command works on a cluster directory alone, and needs one that is there. */
const NEEDS_DIRECTORY = /: raft cluster (?!up\b).*$/;

/** The commands in a line that says what to type next: at its beginning, or behind a colon, each up to a comment. */
const COMMANDS = /(?<=^|: )raft (cluster|command|config|kv|leader|status)\b.*?(?=$| {3}#)/g;

/** What the flags of a command say of the place of its cluster, if it has such flags. */
export function placeIn({ dir, server, join }: Readonly<Record<string, unknown>>): ServerFlags {
  // A node that joins a cluster finds it by the addresses of members.
  return { dir: typeof dir === 'string' ? dir : undefined, server: listIn(server) ?? listIn(join) };
}

/**
 * A line that says what to type next, with where the cluster is as the user has typed it: a command that looks elsewhere
 * would be of no use. Where the user named servers, there may be no cluster directory, and what needs one is not said. A
 * line without a command that takes the place is left as it is.
 */
export function repeatPlace(line: string, { dir, server }: ServerFlags): string {
  const flag = server === undefined ? dirFlagOf(dir) : ` --server ${server.join(',')}`;
  const said = server === undefined ? line : line.replace(NEEDS_DIRECTORY, '.');
  return said.replace(COMMANDS, (command, topic: string) => {
    if (/ --(dir|server)\b/.test(command)) return command;
    // A cluster directory is all that these commands work on.
    if (topic === 'cluster' && server !== undefined) return command;
    return `${command}${flag}`;
  });
}

function listIn(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
}

function dirFlagOf(dir: string | undefined): string {
  return dir === undefined ? '' : writtenDirFlag(resolve(dir));
}
