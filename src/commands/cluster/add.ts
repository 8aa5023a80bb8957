import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { companion } from '../../cli/config-change.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { joinNode } from '../../cli/join-node.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import { markEstablished } from '../../cluster/cluster-file.ts';
import type { ClusterNode } from '../../cluster/cluster-format.ts';
import { CHANGE_TIMEOUT_MS, MEMBERS_MAX } from '../../lib/limits.ts';

/** Makes more nodes for a local cluster. */
export class ClusterAdd extends BaseCommand {
  static override summary = 'Add nodes to a local cluster that runs.';

  static override description =
    prose`Makes the next node (after node5 comes node6), with an id, a port and a data directory of its own, starts it,
and returns once it is a member. The nodes go on by themselves, also where the others belong to a cluster in the
foreground of another terminal, which shows what they say and stops them with the others. Several are added one after
the other. A node that the cluster does not take is taken back.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -n 2',
    '<%= config.bin %> <%= command.id %> reader --learner',
  ];

  static override args = {
    name: Args.string({
      description: 'Name of the node, nodeN with the next number unless given.',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    nodes: wholeNumber({
      char: 'n',
      min: 1,
      max: MEMBERS_MAX,
      description: 'How many nodes, 1 unless given.',
      helpValue: 'N',
    }),
    learner: Flags.boolean({ description: 'The nodes get the log, and do not vote.' }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterAdd);
    if (args.name !== undefined && flags.nodes !== undefined)
      throw usage('Give the NAME of one node, or -n and a number, not both.');
    const cluster = await markEstablished(await requireCluster(flags.dir));
    const joins = flags.learner ? 'learner' : 'voter';
    const accompany = companion(this.changeUi());
    const added: ClusterNode[] = [];
    for (let count = flags.nodes ?? 1; count > 0; count--) {
      // Read anew: the node before is among the members that the next one joins.
      const present = await requireCluster(cluster.dir);
      const options = { name: args.name, joins, accompany, timeoutMs: CHANGE_TIMEOUT_MS } as const;
      added.push(await joinNode(present, options));
    }
    const document = await clusterDocument(cluster, added, machineProcesses());
    this.printResult(document, () =>
      clusterTable(document, new Map(added.map(({ id }) => [id, joins])), 'part'),
    );
  }
}
