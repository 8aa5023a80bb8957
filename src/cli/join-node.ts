import { rm } from 'node:fs/promises';
import { createClient } from '../api/client.ts';
import { markEstablished } from '../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { type Child, launchNodes } from '../cluster/launch.ts';
import { dirFlag } from '../cluster/names.ts';
import { addNode, dropNodes, type NewNode } from '../cluster/node-list.ts';
import { olderOutput } from '../cluster/output.ts';
import { waitForJoin } from '../cluster/readiness.ts';
import { STOP_GRACE_MS, stopNodes } from '../cluster/stop-nodes.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import type { Companion } from './change-members.ts';
import { requireLeader, viewCluster } from './cluster-view.ts';
import { machineProcesses } from './processes.ts';
import { thisProgram } from './program.ts';

/** A leader that is just being replaced is waited for this long, in milliseconds. */
const LEADER_WAIT_MS = 5_000;

export interface JoinNodeOptions extends NewNode {
  readonly timeoutMs: number;
  readonly accompany: Companion;
}

/** How often another port is tried where somebody took it between the look at it and the start of the node. */
const PORT_TRIES_MAX = 3;

/**
 * Makes one more node for a local cluster, starts it, and waits until it is a member. Errors: `no-leader`, those of
 * `addNode` and `launchNodes`, and why the cluster refuses it. Then nothing is left of a node that is no member.
 */
export async function joinNode(cluster: Cluster, options: JoinNodeOptions): Promise<ClusterNode> {
  requireLeader(await viewCluster(foundIn(cluster), LEADER_WAIT_MS));
  for (let attempt = 1; ; attempt++) {
    const { cluster: after, node } = await addNode(cluster, options);
    try {
      const [child] = await launchNodes(after, [node], thisProgram(), 'detached');
      if (child !== undefined) await untilMember(after, child, options);
      return node;
    } catch (thrown) {
      const error = asRaftError(thrown);
      const outcome = await takeBack(after, node, error);
      const mayTryAgain = outcome.isGone && error.code === 'cannot-create' && attempt < PORT_TRIES_MAX;
      if (!mayTryAgain) throw outcome.error;
    } finally {
      await markEstablished(cluster);
    }
  }
}

async function untilMember(
  cluster: Cluster,
  child: Child,
  { joins, timeoutMs, accompany }: JoinNodeOptions,
): Promise<void> {
  const { dir } = cluster;
  const isMember = async (): Promise<boolean> => {
    const { leader } = await viewCluster(foundIn(cluster), 0);
    const part = leader?.members.find(({ id }) => id === child.node.id)?.part;
    return part === joins && leader?.configuration.phase === 'stable';
  };
  const view = await viewCluster(foundIn(cluster), 0);
  const client = createClient({ servers: cluster.nodes.map(({ url }) => url) });
  const { signal } = new AbortController();
  try {
    await accompany(client, view, () => waitForJoin(child, isMember, { dir, timeoutMs, signal }));
  } finally {
    client.close();
  }
}

/** Whether nothing is left of a node, and what its user is told. */
interface TakenBack {
  readonly isGone: boolean;
  readonly error: RaftError;
}

/** Leaves nothing of a node that the cluster did not take. One that may be a member yet is kept. */
async function takeBack(cluster: Cluster, node: ClusterNode, error: RaftError): Promise<TakenBack> {
  const { code, message } = error;
  const flag = dirFlag(cluster.dir);
  const { leader } = await viewCluster(foundIn(cluster), LEADER_WAIT_MS);
  const isOut = leader?.configuration.phase === 'stable' && !leader.members.some(({ id }) => id === node.id);
  if (!isOut || code === 'outcome-unknown') {
    const suggestions = [
      ...error.suggestions,
      `raft cluster start ${node.name}${flag}   # tries again`,
      `raft cluster remove ${node.name}${flag}   # takes it out`,
    ];
    return { isGone: false, error: new RaftError(code, message, { suggestions, cause: error }) };
  }
  await stopNodes([node], { graceMs: STOP_GRACE_MS, source: machineProcesses() });
  await dropNodes(cluster, [node.id]);
  await removeFiles(node);
  const sentence = `${message}\nThe node was taken back; the members are what they were.`;
  const suggestions = [`raft config get${flag}`];
  return { isGone: true, error: new RaftError(code, sentence, { suggestions, cause: error }) };
}

/** Removes what a node has on disk. */
export async function removeFiles({ dataDir, output }: ClusterNode): Promise<void> {
  for (const path of [dataDir, output, olderOutput(output)]) await rm(path, { recursive: true, force: true });
}

function foundIn(cluster: Cluster) {
  return { servers: cluster.nodes.map(({ url }) => url), cluster };
}
