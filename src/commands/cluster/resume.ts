import { BaseCommand } from '../../cli/base-command.ts';
import { clusterTable } from '../../cli/cluster-rows.ts';
import { dirFlags } from '../../cli/flags.ts';
import { signalNodes } from '../../cli/node-action.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';

/** Lets paused nodes go on. */
export class ClusterResume extends BaseCommand {
  static override summary = 'Let paused nodes of a local cluster go on, by SIGCONT.';

  static override description =
    prose`A node that slept longer than an election timeout notices it, and does not act on what it believed before.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1',
    '<%= config.bin %> <%= command.id %> node1 node2',
  ];

  static override strict = false;
  static override args = someNodes;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterResume);
    const action = { signal: 'SIGCONT', state: 'running' } as const;
    const document = await signalNodes(flags.dir, namesFrom(argv), action);
    this.printResult(document, () => clusterTable(document));
  }
}
