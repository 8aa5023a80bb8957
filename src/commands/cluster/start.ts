import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { type LeftOut, refuseLeftOut, settleNodes, whatToDo, whyLeftOut } from '../../cli/moved-nodes.ts';
import { anyNodes, namesFrom } from '../../cli/node-arguments.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { thisProgram } from '../../cli/program.ts';
import { prose } from '../../cli/prose.ts';
import { askStatuses } from '../../cli/statuses.ts';
import { markEstablished, selectNodes } from '../../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../cluster/cluster-format.ts';
import { launchNodes } from '../../cluster/launch.ts';
import { assertAddressesFree } from '../../cluster/prepare.ts';
import { READY_TIMEOUT_MS, waitForAnswers } from '../../cluster/readiness.ts';
import { exitCodeOf } from '../../lib/errors.ts';

/** Starts nodes of a local cluster that are not running. */
export class ClusterStart extends BaseCommand {
  static override summary = 'Start nodes of a local cluster that are not running.';

  static override description =
    prose`The nodes go on by themselves, also where the others belong to a cluster in the
foreground of another terminal. Returns once they answer; that they have a leader is not waited for. A node that is
running already, or paused, is left as it is. One that was moved to another address of 127.0.0.1 or localhost is started
there, unless other data than that in the cluster directory has gone on there. Such a node, and one that is no member any
more, is refused where it is named. Where none is named, the others are started without it: the exit code is 78 where one
has moved away, or may have, and 0 where all that are left out were removed.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> node2 node3',
  ];

  static override strict = false;
  static override args = anyNodes;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterStart);
    const found = await markEstablished(await requireCluster(flags.dir));
    const names = namesFrom(argv);
    const named = selectNodes(found, names);
    const source = machineProcesses();
    const before = await clusterDocument(found, named, source);
    const toStart = named.filter((_, position) => before.nodes[position]?.state === 'stopped');
    const settled = await settleNodes(found, toStart, source);
    if (names.length > 0) refuseLeftOut(settled, toStart);
    const { cluster, leftOut } = settled;
    await startNodes(
      cluster,
      sameIn(cluster, toStart).filter(({ id }) => leftOut.every(({ node }) => node.id !== id)),
    );
    const document = await clusterDocument(cluster, sameIn(cluster, named), source);
    // What was left out decides the exit code, whoever reads the table.
    this.goOnUnread();
    this.printResult(document, () => clusterTable(document));
    this.#endWithout(cluster, leftOut);
  }

  /** Of those that were removed, the table says so. */
  #endWithout(cluster: Cluster, leftOut: readonly LeftOut[]): void {
    const moved = leftOut.filter(({ type }) => type !== 'removed');
    for (const left of moved) {
      this.note(`${whyLeftOut(left)} It was not started.`);
      for (const line of whatToDo(cluster, left)) this.note(`  ${line}`);
    }
    if (moved.length > 0) this.exit(exitCodeOf('configuration'));
  }
}

/** Starts nodes that are not running, and returns once they answer. */
async function startNodes(cluster: Cluster, nodes: readonly ClusterNode[]): Promise<void> {
  await assertAddressesFree(nodes);
  const children = await launchNodes(cluster, nodes, thisProgram(), 'detached');
  const { signal } = new AbortController();
  try {
    await waitForAnswers(children, {
      dir: cluster.dir,
      ask: askStatuses,
      timeoutMs: READY_TIMEOUT_MS,
      signal,
    });
  } finally {
    await markEstablished(cluster);
  }
}

/** Nodes as a cluster has them now. */
function sameIn(cluster: Cluster, nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  return nodes.flatMap(({ id }) => cluster.nodes.filter((node) => node.id === id));
}
