import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { signalNodes } from '../../cli/node-action.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';
import { selectNodes } from '../../cluster/cluster-file.ts';

/** Ends nodes as a crash would. */
export class ClusterKill extends BaseCommand {
  static override summary = 'End nodes of a local cluster by SIGKILL, as a crash would.';

  static override description =
    prose`What a node had acknowledged is on its disk, so nothing acknowledged is lost.
raft cluster stop ends nodes in order.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1',
    '<%= config.bin %> <%= command.id %> node1 node2',
  ];

  static override strict = false;
  static override args = someNodes;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterKill);
    const cluster = await requireCluster(flags.dir);
    const nodes = selectNodes(cluster, namesFrom(argv));
    const source = machineProcesses();
    await signalNodes(cluster, nodes, { signal: 'SIGKILL', state: 'stopped' }, source);
    const document = await clusterDocument(cluster, nodes, source);
    this.printResult(document, () => clusterTable(document));
  }
}
