import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { anyNodes, namesFrom } from '../../cli/node-arguments.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';
import { selectNodes } from '../../cluster/cluster-file.ts';
import { STOP_GRACE_MS, stopNodes } from '../../cluster/stop-nodes.ts';

/** Stops nodes in order. */
export class ClusterStop extends BaseCommand {
  static override summary = 'Stop nodes of a local cluster in order.';

  static override description =
    prose`Whoever started them. A node that does not stop within ${STOP_GRACE_MS / 1000} s is ended by SIGKILL, which
loses nothing that was acknowledged. A node that is not running is left as it is.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node2',
    '<%= config.bin %> <%= command.id %>',
  ];

  static override strict = false;
  static override args = anyNodes;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterStop);
    const cluster = await requireCluster(flags.dir);
    const nodes = selectNodes(cluster, namesFrom(argv));
    const source = machineProcesses();
    await stopNodes(nodes, { graceMs: STOP_GRACE_MS, source });
    const document = await clusterDocument(cluster, nodes, source);
    this.printResult(document, () => clusterTable(document));
  }
}
