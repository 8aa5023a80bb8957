import * as Flags from '@oclif/core/flags';
import { membershipOf, withoutMember } from '../../api/membership-plan.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Plan } from '../../cli/change-members.ts';
import { requireLeader, viewCluster } from '../../cli/cluster-view.ts';
import { changeWithArithmetic, companion } from '../../cli/config-change.ts';
import { type FoundCluster, requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags } from '../../cli/flags.ts';
import { removeFiles } from '../../cli/join-node.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import { selectNodes } from '../../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../cluster/cluster-format.ts';
import { dirFlag } from '../../cluster/names.ts';
import { dropNodes } from '../../cluster/node-list.ts';
import { waitForState } from '../../cluster/node-process.ts';
import { STOP_GRACE_MS, stopNodes } from '../../cluster/stop-nodes.ts';
import { nodeId } from '../../lib/brands.ts';
import { CHANGE_TIMEOUT_MS } from '../../lib/limits.ts';

/** A leader that is just being replaced is waited for this long, in milliseconds. */
const LEADER_WAIT_MS = 5_000;

/** A node that learns of its removal stops by itself within this time, in milliseconds. */
const OWN_END_MS = 5_000;

/** Takes nodes out of a local cluster. */
export class ClusterRemove extends BaseCommand {
  static override summary = 'Take nodes out of a local cluster that runs.';

  static override description =
    prose`Removes them from the members, waits until their processes have stopped, which they do by themselves, and
takes them out of the cluster directory. Their data stays where it is, under their names, unless --purge is given; it is
of no use to the cluster any more. A node that is down can be removed as well.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node6',
    '<%= config.bin %> <%= command.id %> node4 node5 --purge',
  ];

  static override strict = false;
  static override args = someNodes;

  static override flags = {
    force: Flags.boolean({
      description: 'Also where too few of the voters that are left are alive for a majority.',
    }),
    purge: Flags.boolean({ description: 'Remove their data and their output, too.' }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterRemove);
    const cluster = await requireCluster(flags.dir);
    const nodes = selectNodes(cluster, namesFrom(argv));
    const index = await this.#removeMembers(cluster, nodes, flags.force);
    await this.#untilStopped(nodes);
    await dropNodes(
      cluster,
      nodes.map(({ id }) => id),
    );
    if (flags.purge) for (const node of nodes) await removeFiles(node);
    const removed = nodes.map(({ id, name, dataDir }) => ({
      id,
      name,
      dataDir: flags.purge ? null : dataDir,
    }));
    this.printResult({ dir: cluster.dir, index, removed }, () => {
      const names = nodes.map(({ name }) => name).join(', ');
      const kept = flags.purge
        ? []
        : [`What they had is kept: ${nodes.map(({ dataDir }) => dataDir).join(', ')}`];
      return [`${names} left the cluster by configuration ${index}.`, ...kept].join('\n');
    });
  }

  /** Returns the index of the configuration without them. */
  async #removeMembers(cluster: Cluster, nodes: readonly ClusterNode[], isForced: boolean): Promise<number> {
    const found: FoundCluster = { servers: cluster.nodes.map(({ url }) => url), cluster };
    const leader = requireLeader(await viewCluster(found, LEADER_WAIT_MS));
    const isLeft = leader.members.some(
      ({ id, part }) => part === 'voter' && !nodes.some((node) => node.id === id),
    );
    if (!isLeft) {
      throw usage('No voter would be left.', [`To stop them all: raft cluster down${dirFlag(cluster.dir)}`]);
    }
    const plan: Plan = async (_view, { members, ...status }) =>
      nodes
        .map(({ id }) => nodeId(id))
        .filter((id) => members.some((member) => member.id === id))
        .reduce(withoutMember, membershipOf({ members, ...status }));
    const wanted = {
      found,
      plan,
      isRelative: true,
      expect: undefined,
      isForced,
      timeoutMs: CHANGE_TIMEOUT_MS,
    };
    return (await changeWithArithmetic(wanted, companion(this.changeUi()))).index;
  }

  /** One that hears nobody, or hangs, does not learn of its removal. */
  async #untilStopped(nodes: readonly ClusterNode[]): Promise<void> {
    const source = machineProcesses();
    await Promise.all(nodes.map((node) => waitForState(node, ['stopped'], OWN_END_MS, source)));
    await stopNodes(nodes, { graceMs: STOP_GRACE_MS, source });
  }
}
