import { randomBytes, randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseNodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';

/** Where a cluster is, unless `--dir` says otherwise: in the working directory. */
export const DEFAULT_CLUSTER_DIR = 'raft-data';

/** The name of the file that makes a directory a cluster directory. */
export const CLUSTER_FILE = 'cluster.json';

const FORMAT_VERSION = 1;

/** A local cluster: what `cluster.json` holds, with every path absolute. */
export interface Cluster {
  /** The cluster directory. */
  readonly dir: string;
  readonly clusterId: string;
  readonly machine: string;
  readonly nodes: readonly ClusterNode[];
}

/** One node of a local cluster. */
export interface ClusterNode {
  /** A uint64 in decimal. */
  readonly id: string;
  /** `node1`, `node2` and so on. */
  readonly name: string;
  /** Base URL, without a trailing slash. */
  readonly url: string;
  readonly dataDir: string;
  /** It had its data once: from then on a blank data directory means that the data was lost. */
  readonly established: boolean;
  /** The file that holds what the node printed. */
  readonly output: string;
}

/** What a new cluster is made of: one node for each port, on the loopback address. */
export interface ClusterPlan {
  readonly machine: string;
  readonly ports: readonly number[];
}

/** A node as `cluster.json` holds it: paths relative to the directory, so that it can be moved as a whole. */
interface StoredNode {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly dataDir: string;
  readonly established?: boolean;
}

interface StoredCluster {
  readonly formatVersion: number;
  readonly clusterId: string;
  readonly machine: string;
  /** Every node is established, whatever the nodes themselves say. */
  readonly established: boolean;
  readonly nodes: readonly StoredNode[];
}

/**
 * The cluster in a directory, or undefined where the directory is missing or empty. Throws `configuration` where the
 * directory holds something else, so that nothing is ever mixed into another's data.
 */
export async function readCluster(directory: string): Promise<Cluster | undefined> {
  const dir = resolve(directory);
  const text = await readFile(join(dir, CLUSTER_FILE), 'utf8').catch(undefinedIfMissing);
  if (text !== undefined) return inDirectory(dir, parseCluster(text, dir));
  const names = await readdir(dir).catch(undefinedIfMissing);
  if (names === undefined || names.length === 0) return undefined;
  throw new RaftError(
    'configuration',
    `${dir} is no cluster directory: it holds ${names[0]}, but no ${CLUSTER_FILE}.`,
    {
      suggestions: ['Name another directory with --dir.'],
    },
  );
}

/**
 * Writes a new cluster's `cluster.json`. The file appears whole or not at all, and of two that try at once only one
 * succeeds: the other gets `already-running`.
 */
export async function createCluster(directory: string, plan: ClusterPlan): Promise<Cluster> {
  const dir = resolve(directory);
  const stored = storedCluster(plan);
  await makeDirectory(dir).catch((cause: Error) => {
    throw new RaftError('cannot-create', `The directory ${dir} cannot be made: ${cause.message}.`, { cause });
  });
  const temporary = await writeTemporary(dir, stored);
  try {
    // A link, unlike a rename, fails where the name exists.
    await link(temporary, join(dir, CLUSTER_FILE));
  } catch (cause) {
    throw new RaftError('already-running', `Another command has just made a cluster in ${dir}.`, { cause });
  } finally {
    await unlink(temporary);
  }
  return inDirectory(dir, stored);
}

/**
 * Notes which nodes have their data by now, and returns the cluster with that: a directory of theirs that is blank later
 * has lost it. Each node counts by itself, so that it does not matter how the first start of the others went.
 */
export async function markEstablished({ dir }: Pick<Cluster, 'dir'>): Promise<Cluster> {
  // Read anew: another command may have noted other nodes meanwhile.
  const cluster = inDirectory(dir, parseCluster(await readFile(join(dir, CLUSTER_FILE), 'utf8'), dir));
  const nodes = await Promise.all(
    cluster.nodes.map(async (node) => ({ ...node, established: node.established || (await hasData(node)) })),
  );
  if (nodes.every((node, position) => node.established === cluster.nodes[position]?.established)) {
    return cluster;
  }
  const stored = {
    ...{ formatVersion: FORMAT_VERSION, clusterId: cluster.clusterId, machine: cluster.machine },
    established: nodes.every((node) => node.established),
    nodes: nodes.map(({ output: _, ...node }) => ({ ...node, dataDir: relative(dir, node.dataDir) })),
  };
  await rename(await writeTemporary(dir, stored), join(dir, CLUSTER_FILE));
  return { ...cluster, nodes };
}

/** A node writes `node.json` last of all when it makes its data directory. */
function hasData(node: ClusterNode): Promise<boolean> {
  return access(join(node.dataDir, 'node.json')).then(
    () => true,
    () => false,
  );
}

/** ` --dir DIR` for a command that a person types next, or nothing where it finds the directory by itself. */
export function dirFlag(dir: string): string {
  if (dir === resolve(DEFAULT_CLUSTER_DIR)) return '';
  return ` --dir ${/[^\w./-]/.test(dir) ? `'${dir.replaceAll("'", "'\\''")}'` : dir}`;
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

/** Writes the content under a name of its own, on the disk as a whole before it takes the place of the real one. */
async function writeTemporary(dir: string, stored: StoredCluster): Promise<string> {
  const temporary = join(dir, `${CLUSTER_FILE}.${process.pid}.new`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(stored, null, 2)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  return temporary;
}

function storedCluster(plan: ClusterPlan): StoredCluster {
  const nodes = plan.ports.map((port, position) => {
    const name = `node${position + 1}`;
    return { id: randomNodeId(), name, url: `http://127.0.0.1:${port}`, dataDir: name };
  });
  return {
    formatVersion: FORMAT_VERSION,
    clusterId: randomUUID(),
    machine: plan.machine,
    established: false,
    nodes,
  };
}

/** Ids use all 64 bits, as the original's hashes do: a tool that rounds them is found out at once. */
function randomNodeId(): string {
  return (randomBytes(8).readBigUInt64LE() | (1n << 63n)).toString();
}

function inDirectory(dir: string, stored: StoredCluster): Cluster {
  const { clusterId, machine } = stored;
  const nodes = stored.nodes.map((node) => ({
    ...node,
    established: stored.established || node.established === true,
    dataDir: resolve(dir, node.dataDir),
    output: join(dir, `${node.name}.out`),
  }));
  return { dir, clusterId, machine, nodes };
}

function parseCluster(text: string, dir: string): StoredCluster {
  const refuse = (reason: string): RaftError =>
    new RaftError('configuration', `${join(dir, CLUSTER_FILE)} is not usable: ${reason}.`, {
      suggestions: ['Put back the file from a copy, or name another directory with --dir.'],
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RaftError('configuration', `${join(dir, CLUSTER_FILE)} is no JSON.`, { cause });
  }
  if (!isRecord(value)) throw refuse('it is no JSON object');
  const { formatVersion, clusterId, machine, established, nodes } = value;
  if (formatVersion !== FORMAT_VERSION) {
    throw refuse(`its format version is ${String(formatVersion)}, and this program reads ${FORMAT_VERSION}`);
  }
  if (typeof clusterId !== 'string' || clusterId === '') throw refuse('clusterId is missing');
  if (typeof machine !== 'string' || machine === '') throw refuse('machine is missing');
  if (typeof established !== 'boolean') throw refuse('established is missing');
  if (!Array.isArray(nodes) || nodes.length === 0 || nodes.length > MEMBERS_MAX) {
    throw refuse(`nodes must be a list of 1 to ${MEMBERS_MAX}`);
  }
  const checked = nodes.map((node: unknown) => {
    if (!isStoredNode(node)) throw refuse('a node needs id (a uint64), name, url and dataDir');
    return node;
  });
  return { formatVersion, clusterId, machine, established, nodes: checked };
}

function isStoredNode(value: unknown): value is StoredNode {
  if (!isRecord(value)) return false;
  const { id, name, url, dataDir, established } = value;
  return (
    typeof id === 'string' &&
    parseNodeId(id) !== undefined &&
    typeof name === 'string' &&
    /^[\w.-]+$/.test(name) &&
    typeof url === 'string' &&
    URL.canParse(url) &&
    typeof dataDir === 'string' &&
    (established === undefined || typeof established === 'boolean')
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
  const code = error.code === 'EACCES' || error.code === 'EPERM' ? 'not-permitted' : 'configuration';
  throw new RaftError(code, `The cluster directory cannot be read: ${error.message}.`, {
    suggestions: ['Name another one: --dir DIR'],
    cause: error,
  });
}
