import { selectNodes } from '../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { dirFlag } from '../cluster/names.ts';
import {
  findProcess,
  type NodeSignal,
  type NodeState,
  type ProcessSource,
  signalNode,
  waitForState,
} from '../cluster/node-process.ts';
import { RaftError } from '../lib/errors.ts';
import { type ClusterDocument, clusterDocument, removedLines } from './cluster-rows.ts';
import { requireCluster } from './find-cluster.ts';
import { machineProcesses } from './processes.ts';

const STATE_WAIT_MS = 5_000;

/** What is sent to a node, and the state that this leads to. */
interface NodeAction {
  readonly signal: NodeSignal;
  readonly state: NodeState;
}

/**
 * Sends a signal to the nodes of the cluster below `dir` that are named, waits until each is in the state that it leads
 * to, and tells what they are then. Throws `unreachable` (69) for a node that is not running, before anything is done to
 * the others.
 */
export async function signalNodes(
  dir: string | undefined,
  names: readonly string[],
  action: NodeAction,
): Promise<ClusterDocument> {
  const cluster = await requireCluster(dir);
  const nodes = selectNodes(cluster, names);
  const source = machineProcesses();
  for (const node of nodes) {
    if ((await findProcess(node, source)).state === 'stopped') throw await notRunning(cluster, node);
  }
  for (const node of nodes) await signalOne(cluster, node, action, source);
  return await clusterDocument(cluster, nodes, source);
}

async function signalOne(
  cluster: Cluster,
  node: ClusterNode,
  { signal, state }: NodeAction,
  source: ProcessSource,
): Promise<void> {
  if ((await signalNode(node, signal, source)) === undefined) throw await notRunning(cluster, node);
  if (await waitForState(node, [state], STATE_WAIT_MS, source)) return;
  throw new RaftError(
    'unexpected',
    `${node.name} is not ${state} ${STATE_WAIT_MS / 1000} s after ${signal}.`,
  );
}

/** Nobody is told to start a node that was removed: it would only hear of it once more. */
async function notRunning(cluster: Cluster, node: ClusterNode): Promise<RaftError> {
  const [row] = (await clusterDocument(cluster, [node], machineProcesses())).nodes;
  const suggestions =
    row?.removed === true
      ? removedLines([node.name], cluster.dir)
      : [`Start it: raft cluster start ${node.name}${dirFlag(cluster.dir)}`];
  return new RaftError('unreachable', `${node.name} is not running.`, { suggestions });
}
