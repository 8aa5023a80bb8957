import { join } from 'node:path';
import type { NodeStatus } from '../api/schema.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { dirFlag } from '../cluster/names.ts';
import { findProcess, type NodeState, type ProcessSource } from '../cluster/node-process.ts';
import { followedLeader, isConfigurationCommitted, newestConfiguration } from './status-report.ts';
import { askStatuses } from './statuses.ts';
import { type Column, renderTable } from './table.ts';

/** One node of `raft cluster status --json`. */
interface ClusterRow {
  readonly id: string;
  readonly name: string;
  /** Where it listens; of one that has stopped, where it would be started. */
  readonly url: string;
  readonly pid: number | null;
  readonly state: NodeState;
  /** Whether it is known to be no member any more: it has stopped for good, and has not failed. */
  readonly removed: boolean;
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

/**
 * The processes of some nodes of a cluster as they are now. Where one has stopped, those that run are asked whether it
 * was removed: from outside that looks like a failure.
 */
export async function clusterDocument(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  source: ProcessSource,
): Promise<ClusterDocument> {
  const rows = await Promise.all(nodes.map((node) => clusterRow(node, source)));
  const stopped = nodes.filter((_, position) => rows[position]?.state === 'stopped');
  const removed = await removedAmong(stopped, cluster, source);
  return { dir: cluster.dir, nodes: rows.map((row) => ({ ...row, removed: removed.has(row.id) })) };
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
    ...[node.name, roles?.get(node.id) ?? stateInWords(node), node.pid === null ? '-' : String(node.pid)],
    ...[node.url, node.id, logName(node.name)],
  ]);
  const gone = document.nodes.filter(({ removed }) => removed).map(({ name }) => name);
  return [renderTable(columns, rows), ...removedLines(gone, document.dir)].join('\n');
}

/** What is to be done about nodes that were removed and still stand in the directory. */
export function removedLines(names: readonly string[], dir: string): readonly string[] {
  if (names.length === 0) return [];
  const [verb, them] = names.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return [
    `${names.join(', ')} ${verb} no member of the cluster any more.`,
    `raft cluster remove ${names.join(' ')}${dirFlag(dir)}   # takes ${them} out of the directory too`,
  ];
}

/** The short name by which the `raft log` commands find a node's log. */
export function logName(nodeName: string): string {
  return `${nodeName}.log`;
}

function stateInWords({ state, removed }: ClusterRow): string {
  return removed ? 'removed' : state;
}

async function clusterRow(node: ClusterNode, source: ProcessSource): Promise<Omit<ClusterRow, 'removed'>> {
  const process = await findProcess(node, source);
  const { id, name, dataDir, output } = node;
  // One that was started by hand may listen elsewhere than where the directory has it.
  const { pid, url } =
    process.state === 'stopped' ? { pid: null, url: node.url } : { ...process.identity, url: process.url };
  return { id, name, url, pid, state: process.state, dataDir, log: join(dataDir, 'log'), output };
}

/** The ids of those nodes that those that run know to be no members any more; none where none runs. */
async function removedAmong(
  stopped: readonly ClusterNode[],
  { nodes }: Cluster,
  source: ProcessSource,
): Promise<ReadonlySet<string>> {
  if (stopped.length === 0) return new Set();
  const processes = await Promise.all(nodes.map((node) => findProcess(node, source)));
  // One that is paused answers nobody, and would only be waited for.
  const urls = processes.flatMap((process) => (process.state === 'running' ? [process.url] : []));
  const answers = await askStatuses(urls);
  const statuses = answers.filter((status) => status !== undefined);
  return new Set(stopped.filter((node) => isRemoved(node, statuses)).map(({ id }) => id));
}

/**
 * Whether a node is out of the newest configuration that is known to be committed. Without a leader that may be an older
 * one from before the node joined; an initial node was in the first of all.
 */
function isRemoved({ id, joins, established }: ClusterNode, statuses: readonly NodeStatus[]): boolean {
  // It is just being added, and not a member yet.
  if (!established) return false;
  const leader = followedLeader(statuses);
  const source =
    leader ?? (joins === null ? newestConfiguration(statuses.filter(isConfigurationCommitted)) : undefined);
  return source !== undefined && !source.members.some((member) => member.id === id);
}
