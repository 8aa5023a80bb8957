import { readdir } from 'node:fs/promises';
import { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';
import { editCluster, randomNodeId } from './cluster-file.ts';
import { type Cluster, type ClusterNode, isNodeName, pathsOf } from './cluster-format.ts';
import { dirFlag } from './names.ts';
import { portOf } from './prepare.ts';
import { freePorts, isPortFree } from './probe.ts';

/** A node that is to join the cluster of a directory. */
export interface NewNode {
  /** `nodeN` with the next number unless given. */
  readonly name: string | undefined;
  readonly joins: 'voter' | 'learner';
}

/** How many ports are looked at, from the highest of the cluster on, before any that is free is taken. */
const PORTS_TRIED_MAX = 100;
const PORT_MAX = 65_535;

/**
 * Adds a node to `cluster.json`, with an id, a name, a port and a data directory that no node of this directory has ever
 * had. Errors: `usage` for a name that is none or taken, or where there are as many nodes as may be; `cannot-create`
 * where something stands in the place of its data.
 */
export async function addNode(
  cluster: Cluster,
  { name, joins }: NewNode,
): Promise<{ readonly cluster: Cluster; readonly node: ClusterNode }> {
  let added: ClusterNode | undefined;
  const after = await editCluster(cluster, async (before) => {
    if (before.nodes.length >= MEMBERS_MAX)
      throw new RaftError('usage', `A cluster has at most ${MEMBERS_MAX} members.`);
    const names = await namesIn(before);
    const chosen = name ?? nextName(names);
    assertNameFree(before, chosen, names);
    const url = `http://127.0.0.1:${await nextPort(before)}`;
    added = {
      id: randomNodeId(),
      name: chosen,
      url,
      ...pathsOf(before.dir, chosen),
      established: false,
      joins,
    };
    return { ...before, nodes: [...before.nodes, added] };
  });
  if (added === undefined) throw new RaftError('unexpected', 'No node was added.');
  return { cluster: after, node: added };
}

/** Takes nodes out of `cluster.json`, by their ids. The last one stays: a cluster without nodes is none. */
export function dropNodes(cluster: Cluster, ids: readonly string[]): Promise<Cluster> {
  return editCluster(cluster, async (before) => {
    const nodes = before.nodes.filter(({ id }) => !ids.includes(id));
    return nodes.length === 0 || nodes.length === before.nodes.length ? before : { ...before, nodes };
  });
}

/** Names that are taken: by nodes, and by what nodes that are gone have left in the directory. */
async function namesIn({ dir, nodes }: Cluster): Promise<readonly string[]> {
  const left = (await readdir(dir)).map((name) => name.replace(/\.out(\.old)?$/, ''));
  return [...nodes.map(({ name }) => name), ...left];
}

function nextName(names: readonly string[]): string {
  const numbers = names.map((name) => Number(/^node(\d{1,9})$/.exec(name)?.[1] ?? 0));
  return `node${Math.max(0, ...numbers) + 1}`;
}

function assertNameFree(cluster: Cluster, name: string, taken: readonly string[]): void {
  // An id is a number, and `NAME.log` names the log of a node.
  if (!isNodeName(name) || /^[\d.]+$/.test(name) || name.endsWith('.log')) {
    throw new RaftError('usage', `"${name}" cannot be the name of a node.`, {
      suggestions: ['Use letters, digits, "-", "_" and ".", such as node6.'],
    });
  }
  if (cluster.nodes.some((node) => node.name === name)) {
    throw new RaftError('usage', `The cluster in ${cluster.dir} has a node "${name}" already.`, {
      suggestions: [`raft cluster status${dirFlag(cluster.dir)}   # names its nodes`],
    });
  }
  if (!taken.includes(name)) return;
  throw new RaftError('cannot-create', `In ${cluster.dir} there is something that is called ${name}.`, {
    suggestions: ['Give another name; the data of a node that was removed is kept there under its own.'],
  });
}

async function nextPort({ initialPeers, nodes }: Cluster): Promise<number> {
  const first = Math.max(...[...initialPeers, ...nodes].map(portOf)) + 1;
  for (let port = first; port <= Math.min(PORT_MAX, first + PORTS_TRIED_MAX); port++) {
    if (await isPortFree(port)) return port;
  }
  const [port] = await freePorts(1);
  if (port !== undefined) return port;
  throw new RaftError('cannot-create', 'There is no free port for another node.');
}
