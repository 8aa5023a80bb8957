import { dirFlag } from '../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import {
  findProcess,
  type NodeSignal,
  type NodeState,
  type ProcessSource,
  signalNode,
  waitForState,
} from '../cluster/node-process.ts';
import { RaftError } from '../lib/errors.ts';

const STATE_WAIT_MS = 5_000;

/**
 * Sends a signal to nodes and waits until each is in the state that it leads to. Throws `unreachable` (69) for a node
 * that is not running, before anything is
 * done to the others.
 */
export async function signalNodes(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  { signal, state }: { readonly signal: NodeSignal; readonly state: NodeState },
  source: ProcessSource,
): Promise<void> {
  for (const node of nodes) {
    if ((await findProcess(node, source)).state === 'stopped') throw notRunning(cluster, node);
  }
  for (const node of nodes) {
    if ((await signalNode(node, signal, source)) === undefined) throw notRunning(cluster, node);
    if (!(await waitForState(node, [state], STATE_WAIT_MS, source))) {
      throw new RaftError(
        'unexpected',
        `${node.name} is not ${state} ${STATE_WAIT_MS / 1000} s after ${signal}.`,
      );
    }
  }
}

function notRunning(cluster: Cluster, node: ClusterNode): RaftError {
  return new RaftError('unreachable', `${node.name} is not running.`, {
    suggestions: [`Start it: raft cluster start ${node.name}${dirFlag(cluster.dir)}`],
  });
}
