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
    prose`A node is running, paused (by SIGSTOP) or stopped. This looks at processes alone, so it
works whatever the cluster does; raft status asks the nodes themselves.`;

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
