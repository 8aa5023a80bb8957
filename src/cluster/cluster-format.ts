import { join, relative, resolve } from 'node:path';
import { parseNodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';
import { CLUSTER_FILE } from './names.ts';

const FORMAT_VERSION = 1;

/** A local cluster: what `cluster.json` holds, with every path absolute. */
export interface Cluster {
  /** The cluster directory. */
  readonly dir: string;
  readonly clusterId: string;
  readonly machine: string;
  /**
   * The members that the cluster was made with, also those that have been removed since: what `--peers` says of the
   * initial nodes never changes, because their data directories hold them to it.
   */
  readonly initialPeers: readonly ClusterPeer[];
  /** The nodes of this directory as they are now: initial ones, and those that joined. */
  readonly nodes: readonly ClusterNode[];
}

/** A member that the cluster was made with. */
export interface ClusterPeer {
  /** A uint64 in decimal. */
  readonly id: string;
  /** Base URL, without a trailing slash. */
  readonly url: string;
}

/** One node of a local cluster. */
export interface ClusterNode extends ClusterPeer {
  /** `node1`, `node2` and so on. */
  readonly name: string;
  readonly dataDir: string;
  /** It had its data once: from then on a blank data directory means that the data was lost. */
  readonly established: boolean;
  /** As what it joined the cluster when that ran already; null for an initial node. */
  readonly joins: 'voter' | 'learner' | null;
  /** The file that holds what the node printed. */
  readonly output: string;
}

/** A node as `cluster.json` holds it: paths relative to the directory, so that it can be moved as a whole. */
interface StoredNode extends ClusterPeer {
  readonly name: string;
  readonly dataDir: string;
  readonly established?: boolean;
  readonly joins?: 'voter' | 'learner';
}

interface StoredCluster {
  readonly formatVersion: number;
  readonly clusterId: string;
  readonly machine: string;
  /** Every node is established, whatever the nodes themselves say. */
  readonly established: boolean;
  /** Earlier versions knew initial nodes alone, and did not write it. */
  readonly initialPeers?: readonly ClusterPeer[];
  readonly nodes: readonly StoredNode[];
}

/** The text of `cluster.json`. */
export function encodeCluster({ dir, clusterId, machine, initialPeers, nodes }: Cluster): string {
  const stored: StoredCluster = {
    ...{ formatVersion: FORMAT_VERSION, clusterId, machine, initialPeers },
    established: nodes.every((node) => node.established),
    nodes: nodes.map(({ id, name, url, dataDir, established, joins }) => ({
      ...{ id, name, url, dataDir: relative(dir, dataDir), established },
      ...(joins === null ? {} : { joins }),
    })),
  };
  return `${JSON.stringify(stored, null, 2)}\n`;
}

/** Reads the text of the `cluster.json` in `dir`. Throws a `RaftError` (`configuration`). */
export function decodeCluster(text: string, dir: string): Cluster {
  const { clusterId, machine, established, initialPeers, nodes } = parseCluster(text, dir);
  return {
    ...{ dir, clusterId, machine },
    initialPeers: initialPeers ?? nodes.map(({ id, url }) => ({ id, url })),
    nodes: nodes.map(({ id, name, url, dataDir, joins = null, ...node }) => ({
      ...{ id, name, url, joins, established: established || node.established === true },
      ...pathsOf(dir, name, dataDir),
    })),
  };
}

/** Where a node has its data, and what it prints. */
export function pathsOf(
  dir: string,
  name: string,
  dataDir: string = name,
): { readonly dataDir: string; readonly output: string } {
  return { dataDir: resolve(dir, dataDir), output: join(dir, `${name}.out`) };
}

/** Whether a text can be the name of a node, which is a file's name too. */
export function isNodeName(text: string): boolean {
  return /^[\w.-]+$/.test(text);
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
  const { formatVersion, clusterId, machine, established, initialPeers, nodes } = value;
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
  const stored = { formatVersion, clusterId, machine, established, nodes: checked };
  if (initialPeers === undefined) return stored;
  if (!Array.isArray(initialPeers) || !initialPeers.every(isPeer)) {
    throw refuse('initialPeers must be a list of id (a uint64) and url');
  }
  return { ...stored, initialPeers };
}

function isStoredNode(value: unknown): value is StoredNode {
  if (!isRecord(value)) return false;
  const { name, dataDir, established, joins } = value;
  return (
    isPeer(value) &&
    typeof name === 'string' &&
    isNodeName(name) &&
    typeof dataDir === 'string' &&
    (established === undefined || typeof established === 'boolean') &&
    (joins === undefined || joins === 'voter' || joins === 'learner')
  );
}

function isPeer(value: unknown): value is ClusterPeer {
  if (!isRecord(value)) return false;
  const { id, url } = value;
  return (
    typeof id === 'string' && parseNodeId(id) !== undefined && typeof url === 'string' && URL.canParse(url)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
