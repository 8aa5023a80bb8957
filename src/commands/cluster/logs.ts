import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { anyNodes, namesFrom } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { selectNodes } from '../../cluster/cluster-file.ts';
import { followOutputs, type OutputLine, OutputReader } from '../../cluster/output.ts';

const LINES_DEFAULT = 20;
const LINES_MAX = 100_000;

/** Shows what nodes printed. */
export class ClusterLogs extends BaseCommand {
  static override summary = 'Show what the nodes of a local cluster printed.';

  static override description =
    prose`These are the lines in which nodes tell what they do. The replicated log itself is shown
by raft log inspect. With --json, one object a line: {"node","line"}.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> node1 node2 -f',
    '<%= config.bin %> <%= command.id %> node3 -n 100',
  ];

  static override strict = false;
  static override args = anyNodes;

  static override flags = {
    ...dirFlags,
    follow: Flags.boolean({ char: 'f', description: 'Go on with new lines as they come, until Ctrl-C.' }),
    lines: wholeNumber({
      char: 'n',
      min: 0,
      max: LINES_MAX,
      description: `Begin with this many last lines of each node, ${LINES_DEFAULT} unless given.`,
      helpValue: 'LINES',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterLogs);
    const cluster = await requireCluster(flags.dir);
    const readers = new Map<string, OutputReader>();
    for (const node of selectNodes(cluster, namesFrom(argv))) {
      const reader = new OutputReader(node.output);
      readers.set(node.name, reader);
      for (const line of await reader.skipToLast(flags.lines ?? LINES_DEFAULT)) {
        await this.#show({ node: node.name, line });
      }
    }
    if (!flags.follow) return;
    const { signal } = new AbortController();
    for await (const line of followOutputs(readers, signal)) await this.#show(line);
  }

  async #show(line: OutputLine): Promise<void> {
    if (this.jsonEnabled()) await this.writeJson(line);
    else await this.write(`${line.node} | ${lineFor(line.line)}\n`);
  }
}
