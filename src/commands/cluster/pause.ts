import { BaseCommand } from '../../cli/base-command.ts';
import { clusterTable } from '../../cli/cluster-rows.ts';
import { dirFlags } from '../../cli/flags.ts';
import { signalNodes } from '../../cli/node-action.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';

/** Stops nodes in mid-step. */
export class ClusterPause extends BaseCommand {
  static override summary = 'Pause nodes of a local cluster by SIGSTOP.';

  static override description =
    prose`A paused node keeps its memory, its port and its lock, and answers nobody: as a machine that hangs.
raft cluster resume lets it go on.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1',
    '<%= config.bin %> <%= command.id %> node1 node2',
  ];

  static override strict = false;
  static override args = someNodes;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterPause);
    const action = { signal: 'SIGSTOP', state: 'paused' } as const;
    const document = await signalNodes(flags.dir, namesFrom(argv), action);
    this.printResult(document, () => clusterTable(document));
  }
}
