import { randomBytes, randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RaftError } from '../lib/errors.ts';
import { isForbidden } from '../lib/forbidden.ts';
import { systemProcesses } from '../raft/processes.ts';
import { acquireLock, type HeldLock } from '../raft/storage/lock.ts';
import { type Cluster, type ClusterNode, decodeCluster, encodeCluster, pathsOf } from './cluster-format.ts';
import { CLUSTER_FILE } from './names.ts';

/** Another command has `cluster.json` for a moment only; it is waited for this long, in milliseconds. */
const EDIT_WAIT_MS = 5_000;
const EDIT_POLL_MS = 20;

/** A `cluster.json` that is being written, by the process of this pid: what a process leaves that is ended meanwhile. */
const TEMPORARY_NAME = /^cluster\.json\.(\d+)\.new$/;

/** What a new cluster is made of: one node for each port, on the loopback address. */
export interface ClusterPlan {
  readonly machine: string;
  readonly ports: readonly number[];
}

/**
 * The cluster in a directory, or undefined where the directory is missing or empty, or holds only a `cluster.json` that
 * was never finished. Throws `configuration` where the directory holds something else, so that nothing is ever mixed into
 * another's data.
 */
export async function readCluster(directory: string): Promise<Cluster | undefined> {
  const dir = resolve(directory);
  const text = await readFile(join(dir, CLUSTER_FILE), 'utf8').catch(undefinedIfMissing);
  if (text !== undefined) return decodeCluster(text, dir);
  const names = await readdir(dir).catch(undefinedIfMissing);
  const strange = names?.find((name) => !TEMPORARY_NAME.test(name));
  if (strange === undefined) return undefined;
  throw new RaftError(
    'configuration',
    `${dir} is no cluster directory: it holds ${strange}, but no ${CLUSTER_FILE}.`,
    {
      suggestions: ['Name another directory with --dir.'],
    },
  );
}

/**
 * Writes a new cluster's `cluster.json`. The file appears whole or not at all, and of two that try at once only one
 * succeeds: the other gets `already-running`. Errors: also `not-permitted`, `cannot-create`.
 */
export async function createCluster(directory: string, plan: ClusterPlan): Promise<Cluster> {
  const dir = resolve(directory);
  const cluster = plannedCluster(dir, plan);
  await makeDirectory(dir).catch((cause: unknown) => {
    throw unmade('The directory', dir, cause);
  });
  const temporary = await writeFirst(cluster).catch((cause: unknown) => {
    throw unmade('A cluster in', dir, cause);
  });
  try {
    // A link, unlike a rename, fails where the name exists.
    await link(temporary, join(dir, CLUSTER_FILE));
  } catch (cause) {
    throw new RaftError('already-running', `Another command has just made a cluster in ${dir}.`, { cause });
  } finally {
    await unlink(temporary);
  }
  return cluster;
}

/**
 * Changes `cluster.json`: `edit` gets the cluster as it is now, and what it returns takes its place. Commands that edit
 * at the same time do so one after the other, so that none takes back what another has written. An `edit` that returns
 * what it got changes nothing. Errors: `already-running` where another command does not end its own, and those of `edit`.
 */
export async function editCluster(
  { dir }: Pick<Cluster, 'dir'>,
  edit: (cluster: Cluster) => Promise<Cluster>,
): Promise<Cluster> {
  const lock = await lockForEdit(dir);
  try {
    await removeLeftovers(dir);
    const before = decodeCluster(await readFile(join(dir, CLUSTER_FILE), 'utf8'), dir);
    const after = await edit(before);
    if (after !== before) await rename(await writeTemporary(after), join(dir, CLUSTER_FILE));
    return after;
  } finally {
    await lock.release();
  }
}

/**
 * Notes which nodes have their data by now, and returns the cluster with that: a directory of theirs that is blank later
 * has lost it. Each node counts by itself, so that it does not matter how the first start of the others went.
 */
export function markEstablished(cluster: Pick<Cluster, 'dir'>): Promise<Cluster> {
  return editCluster(cluster, async (before) => {
    const nodes = await Promise.all(
      before.nodes.map(async (node) => ({ ...node, established: node.established || (await hasData(node)) })),
    );
    const isSame = nodes.every((node, position) => node.established === before.nodes[position]?.established);
    return isSame ? before : { ...before, nodes };
  });
}

/** A node writes `node.json` last of all when it makes its data directory. */
function hasData(node: ClusterNode): Promise<boolean> {
  return access(join(node.dataDir, 'node.json')).then(
    () => true,
    () => false,
  );
}

/** The node that a person means by a name (`node1`), an id or a URL. */
export function findClusterNode(cluster: Cluster, text: string): ClusterNode | undefined {
  const url = text.replace(/\/+$/, '');
  return cluster.nodes.find((node) => node.name === text || node.id === text || node.url === url);
}

/** The nodes that a person named, or all where none is named. Throws `usage` for a name that is no node. */
export function selectNodes(cluster: Cluster, names: readonly string[]): readonly ClusterNode[] {
  if (names.length === 0) return cluster.nodes;
  const selected = names.map((name) => {
    const node = findClusterNode(cluster, name);
    if (node !== undefined) return node;
    throw new RaftError('usage', `The cluster in ${cluster.dir} has no node "${name}".`, {
      suggestions: [`Its nodes are ${cluster.nodes.map((each) => each.name).join(', ')}.`],
    });
  });
  // A node that was named twice is meant once.
  return [...new Set(selected)];
}

/** Ids use all 64 bits, as the original's hashes do: a tool that rounds them is found out at once. */
export function randomNodeId(): string {
  return (randomBytes(8).readBigUInt64LE() | (1n << 63n)).toString();
}

/** Writes the content under a name of its own, on the disk as a whole before it takes the place of the real one. */
async function writeTemporary(cluster: Cluster): Promise<string> {
  const temporary = join(cluster.dir, `${CLUSTER_FILE}.${process.pid}.new`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(encodeCluster(cluster));
    await file.datasync();
  } finally {
    await file.close();
  }
  return temporary;
}

/** As `writeTemporary`, where nothing may stand yet but what other commands have left. */
async function writeFirst(cluster: Cluster): Promise<string> {
  await removeLeftovers(cluster.dir);
  return writeTemporary(cluster);
}

/** The error where a cluster directory cannot be made: this user may be the reason, or what is in the way. */
function unmade(what: string, dir: string, cause: unknown): RaftError {
  if (cause instanceof RaftError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RaftError(
    isForbidden(cause) ? 'not-permitted' : 'cannot-create',
    `${what} ${dir} cannot be made: ${reason}.`,
    { suggestions: ['Name a directory that this user may write: --dir DIR'], cause },
  );
}

/** Removes what processes that are gone began to write: nobody will finish it. Those that run still need theirs. */
async function removeLeftovers(dir: string): Promise<void> {
  const processes = systemProcesses();
  for (const name of await readdir(dir)) {
    const pid = TEMPORARY_NAME.exec(name)?.[1];
    if (pid === undefined || processes.find(Number(pid)) !== undefined) continue;
    await rm(join(dir, name), { force: true });
  }
}

/** The lock of the directory itself; each node's data directory has one of its own. */
async function lockForEdit(dir: string): Promise<HeldLock> {
  const deadlineMs = performance.now() + EDIT_WAIT_MS;
  for (;;) {
    try {
      return await acquireLock(dir, systemProcesses(), { id: CLUSTER_FILE });
    } catch (error) {
      const isBusy = error instanceof RaftError && error.code === 'already-running';
      if (!isBusy || performance.now() > deadlineMs) throw error;
    }
    await delay(EDIT_POLL_MS);
  }
}

function plannedCluster(dir: string, { machine, ports }: ClusterPlan): Cluster {
  const nodes = ports.map((port, position): ClusterNode => {
    const name = `node${position + 1}`;
    const where = { url: `http://127.0.0.1:${port}`, ...pathsOf(dir, name) };
    return { id: randomNodeId(), name, ...where, established: false, joins: null };
  });
  const initialPeers = nodes.map(({ id, url }) => ({ id, url }));
  return { dir, clusterId: randomUUID(), machine, initialPeers, nodes };
}

/**
 * Makes a directory and what is missing above it. Node's own recursive `mkdir` never ends where the kernel calls a path
 * missing whose parent is there, as it does below /proc.
 */
async function makeDirectory(dir: string): Promise<void> {
  const failure = await mkdir(dir).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  if (failure === undefined || failure.code === 'EEXIST') return;
  if (failure.code !== 'ENOENT' || dirname(dir) === dir) throw failure;
  await makeDirectory(dirname(dir));
  await mkdir(dir);
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  const code = isForbidden(error) ? 'not-permitted' : 'configuration';
  throw new RaftError(code, `The cluster directory cannot be read: ${error.message}.`, {
    suggestions: ['Name another one: --dir DIR'],
    cause: error,
  });
}
