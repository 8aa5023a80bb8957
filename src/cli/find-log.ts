import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import type { Cluster } from '../cluster/cluster-format.ts';
import { CLUSTER_FILE, DEFAULT_CLUSTER_DIR, dirFlag } from '../cluster/names.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { refuseLostLog } from '../logtools/commit-hint.ts';
import { type LogLocation, locateLog } from '../logtools/locate.ts';
import type { Writer } from '../logtools/read-log.ts';
import { LOCK_FILE } from '../raft/storage/layout.ts';

/** The argument of the commands that read a log. */
export const logArgument = {
  log: Args.string({
    description:
      'A log file, a data directory, or a node of the cluster in this directory (node1 or node1.log).',
    required: true,
    ignoreStdin: true,
  }),
};

/** A log, and whether a node writes to it now. */
export interface FoundLog {
  readonly location: LogLocation;
  readonly writer: Writer;
}

/**
 * Finds a log by what a person types: a path, or the name of a node of the cluster directory. What exists as a file goes
 * first. Throws `no-such-file` where there is neither, and for a cluster directory as a whole; `damaged` where a node's log
 * is gone. A lock that cannot be read hinders nobody who only reads the log: `note` is told that it is not known whether a
 * node writes there. `commandId` is that of the command that was typed, for whoever is told to type it again.
 */
export async function findLog(
  name: string,
  dir: string | undefined,
  note: (text: string) => void,
  commandId = 'log:inspect',
): Promise<FoundLog> {
  const location = await locate(await pathOf(name, dir), dir, commandId);
  return { location, writer: await writerOf(location, note) };
}

async function locate(path: string, dir: string | undefined, commandId: string): Promise<LogLocation> {
  try {
    return await locateLog(path);
  } catch (error) {
    const { code, message } = asRaftError(error);
    if (code !== 'no-such-file') throw error;
    await refuseLostLog(path);
    await refuseClusterDirectory(path, commandId);
    const names = (await clusterAround(dir))?.nodes.map((node) => node.name);
    if (names === undefined) throw error;
    throw new RaftError(code, message, {
      suggestions: [`Name a log file, a data directory, or a node of the cluster: ${names.join(', ')}.`],
      cause: error,
    });
  }
}

/** Throws `no-such-file` for the directory of a cluster: there is a log in it for each node, and one has to be named. */
async function refuseClusterDirectory(path: string, commandId: string): Promise<void> {
  if (!isClusterDirectory(path)) return;
  const nodes = (await clusterAround(path))?.nodes ?? [];
  const [first] = nodes;
  if (first === undefined) return;
  const names = nodes.map(({ name }) => name).join(', ');
  const example = `raft ${commandId.replaceAll(':', ' ')} ${first.name}${dirFlag(resolve(path))}`;
  throw new RaftError(
    'no-such-file',
    `${path} is the directory of a cluster, in which each node has a log of its own: ${names}.`,
    { suggestions: [`Name a node, for example: ${example}`] },
  );
}

async function writerOf(location: LogLocation, note: (text: string) => void): Promise<Writer> {
  const dataDir = dataDirOf(location);
  // Most logs have no lock beside them: then nothing that reads locks is loaded.
  if (isAbsent(join(dataDir, LOCK_FILE))) return 'none';
  const [{ systemProcesses }, { readLiveLock }] = await Promise.all([
    import('../raft/processes.ts'),
    import('../raft/storage/lock.ts'),
  ]);
  try {
    const holder = await readLiveLock(dataDir, systemProcesses());
    return holder === undefined ? 'none' : 'running';
  } catch (error) {
    note(`Whether a node writes to ${location.path} now is not known. ${asRaftError(error).message}`);
    return 'unknown';
  }
}

/** Whether it is certain that there is no such file. */
function isAbsent(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // It may be there, and whoever reads it says what is wrong.
    return false;
  }
}

async function pathOf(name: string, dir: string | undefined): Promise<string> {
  if (existsSync(name)) return name;
  const cluster = await clusterAround(dir);
  if (cluster === undefined) return name;
  const { findClusterNode } = await import('../cluster/cluster-file.ts');
  return findClusterNode(cluster, name.replace(/\.log$/, ''))?.dataDir ?? name;
}

/** The cluster of the directory in which names are looked up; undefined where there is none. */
export async function clusterAround(dir: string | undefined): Promise<Cluster | undefined> {
  const clusterDir = clusterDirAround(dir);
  if (clusterDir === undefined) return undefined;
  const { readCluster } = await import('../cluster/cluster-file.ts');
  return await readCluster(clusterDir);
}

/** The cluster directory that was named, else the default one, else the working directory itself, where it is one. */
function clusterDirAround(dir: string | undefined): string | undefined {
  const candidates = dir === undefined ? [DEFAULT_CLUSTER_DIR, '.'] : [dir];
  return candidates.find(isClusterDirectory);
}

function isClusterDirectory(path: string): boolean {
  return existsSync(resolve(path, CLUSTER_FILE));
}

/** A segment stands in the `log` directory of a node's data directory, where the lock is. */
function dataDirOf(location: LogLocation): string {
  const [first] = location.segments;
  const directory = dirname(resolve(first.path));
  return basename(directory) === 'log' ? dirname(directory) : directory;
}
