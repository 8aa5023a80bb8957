import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';
import { dirFlag } from '../../cluster/names.ts';
import { STOP_GRACE_MS, stopNodes } from '../../cluster/stop-nodes.ts';

/** Stops a whole local cluster. */
export class ClusterDown extends BaseCommand {
  static override summary = 'Stop all nodes of a local cluster in order, and keep their data.';

  static override description =
    prose`Whoever started them; a raft cluster up in the foreground of another terminal ends too.
It is no mistake if none is running.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --dir ./other --json',
  ];

  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(ClusterDown);
    const cluster = await requireCluster(flags.dir);
    const source = machineProcesses();
    const results = await stopNodes(cluster.nodes, { graceMs: STOP_GRACE_MS, source });
    if (this.jsonEnabled()) {
      this.printJson(await clusterDocument(cluster, cluster.nodes, source));
      return;
    }
    for (const [position, node] of cluster.nodes.entries()) {
      if (results[position] === 'killed')
        this.note(`${node.name} did not stop in time and was ended by SIGKILL.`);
    }
    this.print(`All nodes have stopped. Go on with the same data: raft cluster up${dirFlag(cluster.dir)}`);
  }
}
