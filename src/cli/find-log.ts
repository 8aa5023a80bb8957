import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import {
  CLUSTER_FILE,
  type Cluster,
  DEFAULT_CLUSTER_DIR,
  findClusterNode,
  readCluster,
} from '../cluster/cluster-file.ts';
import { type LogLocation, locateLog } from '../logtools/locate.ts';
import { systemProcesses } from '../raft/processes.ts';
import { readLiveLock } from '../raft/storage/lock.ts';

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
  readonly writer: 'none' | 'running';
}

/**
 * Finds a log by what a person types: a path, or the name of a node of the cluster directory. What exists as a file goes
 * first. Throws `no-such-file` where there is neither.
 */
export async function findLog(name: string, dir: string | undefined): Promise<FoundLog> {
  const location = await locateLog(await pathOf(name, dir));
  const holder = await readLiveLock(dataDirOf(location), systemProcesses());
  return { location, writer: holder === undefined ? 'none' : 'running' };
}

async function pathOf(name: string, dir: string | undefined): Promise<string> {
  if (existsSync(name)) return name;
  const cluster = await clusterAround(dir);
  const node = cluster === undefined ? undefined : findClusterNode(cluster, name.replace(/\.log$/, ''));
  return node?.dataDir ?? name;
}

/** The cluster of the directory that was named, else of the default one, else of the working directory itself. */
async function clusterAround(dir: string | undefined): Promise<Cluster | undefined> {
  const candidates = dir === undefined ? [DEFAULT_CLUSTER_DIR, '.'] : [dir];
  const found = candidates.find((candidate) => existsSync(resolve(candidate, CLUSTER_FILE)));
  return found === undefined ? undefined : readCluster(found);
}

/** A segment stands in the `log` directory of a node's data directory, where the lock is. */
function dataDirOf(location: LogLocation): string {
  const [first] = location.segments;
  const directory = dirname(resolve(first.path));
  return basename(directory) === 'log' ? dirname(directory) : directory;
}
