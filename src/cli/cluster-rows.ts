import { join } from 'node:path';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { findProcess, type NodeState, type ProcessSource } from '../cluster/node-process.ts';
import { type Column, renderTable } from './table.ts';

/** One node of `raft cluster status --json`. */
interface ClusterRow {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly pid: number | null;
  readonly state: NodeState;
  readonly dataDir: string;
  /** The directory of the node's log files, as the `raft log` commands take it. */
  readonly log: string;
  /** The file that holds what the node printed. */
  readonly output: string;
}

/** `raft cluster status --json`. */
export interface ClusterDocument {
  readonly dir: string;
  readonly nodes: readonly ClusterRow[];
}

/** The processes of some nodes of a cluster as they are now. */
export async function clusterDocument(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  source: ProcessSource,
): Promise<ClusterDocument> {
  return { dir: cluster.dir, nodes: await Promise.all(nodes.map((node) => clusterRow(node, source))) };
}

const PID_COLUMN: Column = { title: 'pid', align: 'right' };

/**
 * The same for people. With `roles`, by node id, in place of the states: what a person wants to know of nodes that
 * have just been started. `title` stands above them.
 */
export function clusterTable(
  document: ClusterDocument,
  roles?: ReadonlyMap<string, string>,
  title = 'role',
): string {
  const columns: readonly Column[] = [
    ...[{ title: 'node' }, { title: roles === undefined ? 'state' : title }, PID_COLUMN],
    ...[{ title: 'address' }, { title: 'id' }, { title: 'log' }],
  ];
  const rows = document.nodes.map((node) => [
    ...[node.name, roles?.get(node.id) ?? node.state, node.pid === null ? '-' : String(node.pid)],
    ...[node.url, node.id, logName(node.name)],
  ]);
  return renderTable(columns, rows);
}

/** The short name by which the `raft log` commands find a node's log. */
export function logName(nodeName: string): string {
  return `${nodeName}.log`;
}

async function clusterRow(node: ClusterNode, source: ProcessSource): Promise<ClusterRow> {
  const process = await findProcess(node, source);
  const { id, name, url, dataDir, output } = node;
  const pid = process.state === 'stopped' ? null : process.identity.pid;
  return { id, name, url, pid, state: process.state, dataDir, log: join(dataDir, 'log'), output };
}
