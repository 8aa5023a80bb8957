import { BaseCommand } from '../../cli/base-command.ts';
import { clusterTable } from '../../cli/cluster-rows.ts';
import { dirFlags } from '../../cli/flags.ts';
import { signalNodes } from '../../cli/node-action.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';

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
    const action = { signal: 'SIGKILL', state: 'stopped' } as const;
    const document = await signalNodes(flags.dir, namesFrom(argv), action);
    this.printResult(document, () => clusterTable(document));
  }
}
