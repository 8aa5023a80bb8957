import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';

/** Shows the processes of a local cluster. */
export class ClusterStatus extends BaseCommand {
  static override summary = "Show the processes of a local cluster's nodes.";

  static override description =
    prose`A node is running, paused (by SIGSTOP), stopped, or removed: it has stopped because it is no member any more, as
those that run say. This looks at processes, so it works whatever the cluster does; raft status shows what the nodes
themselves say.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(ClusterStatus);
    const cluster = await requireCluster(flags.dir);
    const document = await clusterDocument(cluster, cluster.nodes, machineProcesses());
    this.printResult(document, () => clusterTable(document));
  }
}
