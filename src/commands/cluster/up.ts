import * as Flags from '@oclif/core/flags';
import type { NodeStatus } from '../../api/schema.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { clusterDocument, clusterTable } from '../../cli/cluster-rows.ts';
import { requireCluster } from '../../cli/find-cluster.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { refuseLeftOut, settleNodes } from '../../cli/moved-nodes.ts';
import { nextSteps } from '../../cli/next-steps.ts';
import { machineProcesses } from '../../cli/processes.ts';
import { thisProgram } from '../../cli/program.ts';
import { prose } from '../../cli/prose.ts';
import { signalExitCode } from '../../cli/signals.ts';
import { followedLeader } from '../../cli/status-report.ts';
import { askStatuses } from '../../cli/statuses.ts';
import { lineFor } from '../../cli/terminal.ts';
import { markEstablished } from '../../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../cluster/cluster-format.ts';
import { type Child, describeExit, type Exit, launchNodes, stopChildren } from '../../cluster/launch.ts';
import { DEFAULT_CLUSTER_DIR, dirFlag } from '../../cluster/names.ts';
import { CLUSTER_DEFAULTS, prepareCluster } from '../../cluster/prepare.ts';
import { READY_TIMEOUT_MS, waitForLeader } from '../../cluster/readiness.ts';
import { STOP_GRACE_MS } from '../../cluster/stop-nodes.ts';
import { supervise } from '../../cluster/supervise.ts';
import { RaftError } from '../../lib/errors.ts';
import { MEMBERS_MAX } from '../../lib/limits.ts';
import { MACHINE_NAMES } from '../../raft/machine/machines.ts';

/** Starts a local cluster and, unless it is detached, stays in the foreground with it. */
export class ClusterUp extends BaseCommand {
  static override summary = 'Start a local cluster of child processes.';

  static override description =
    prose`The first run makes the cluster directory; run again, it goes on with the same data.
Prints a table once all nodes agree on a leader, then what the nodes say. Ctrl-C, SIGTERM and SIGHUP stop every node of
the directory, whoever started it, and end with exit code 0 once they have stopped in order; a second Ctrl-C hurries.
A node that dies is reported and not started again. With --detach the nodes go on and the command returns.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> -n 5',
    '<%= config.bin %> <%= command.id %> -n 3 --dir ./other --base-port 0 --detach',
  ];

  static override flags = {
    nodes: wholeNumber({
      char: 'n',
      min: 1,
      max: MEMBERS_MAX,
      description: `Number of nodes of a new cluster, ${CLUSTER_DEFAULTS.count} unless given.`,
      helpValue: 'N',
    }),
    ...dirFlags,
    'base-port': wholeNumber({
      min: 0,
      max: 65_535,
      description: `The first node's port, ${CLUSTER_DEFAULTS.basePort} unless given; 0 takes ports that are free.`,
      helpValue: 'PORT',
    }),
    detach: Flags.boolean({
      char: 'd',
      description: 'Return once there is a leader, and leave the nodes running.',
    }),
    machine: Flags.string({
      options: [...MACHINE_NAMES],
      description: `The state machine of a new cluster, ${CLUSTER_DEFAULTS.machine} unless given.`,
    }),
  };

  readonly #stop = new AbortController();
  readonly #hurry = new AbortController();

  /** A terminal that is closed, or `head`, must not end this command before it has stopped the nodes. */
  protected override outputClosed(): void {
    this.#askToStop();
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ClusterUp);
    const prepared = await prepareCluster(
      {
        dir: flags.dir ?? DEFAULT_CLUSTER_DIR,
        count: flags.nodes,
        basePort: flags['base-port'],
        machine: flags.machine,
      },
      machineProcesses(),
      settleAll,
    );
    const cluster = await markEstablished(prepared);
    const children = await this.#start(cluster, flags.detach ? 'detached' : 'supervised');
    if (!flags.detach) await this.#stayInForeground(cluster, children);
  }

  /** Starts all nodes and waits for a leader; where that fails, nothing is left running. */
  async #start(cluster: Cluster, attachment: 'supervised' | 'detached'): Promise<readonly Child[]> {
    let exitCode = 1;
    this.takeSignals((signal) => {
      exitCode = signalExitCode(signal);
      this.#askBySignal();
    });
    const children = await launchNodes(cluster, cluster.nodes, thisProgram(), attachment);
    try {
      const leader = await waitForLeader(children, {
        dir: cluster.dir,
        ask: askStatuses,
        timeoutMs: READY_TIMEOUT_MS,
        signal: this.#stop.signal,
      });
      await markEstablished(cluster);
      await this.#printReady(cluster, leader, attachment);
      // In the foreground a stop that was asked for by now is an ordinary one.
      if (attachment === 'detached') this.#stop.signal.throwIfAborted();
      return children;
    } catch (error) {
      // Only these: another command may have started the nodes of this directory in the same moment.
      await stopChildren(children, { graceMs: STOP_GRACE_MS, hurry: this.#hurry.signal });
      await markEstablished(cluster);
      if (this.#stop.signal.aborted) this.exit(exitCode);
      throw error;
    }
  }

  async #printReady(
    cluster: Cluster,
    leader: NodeStatus,
    attachment: 'supervised' | 'detached',
  ): Promise<void> {
    const document = await clusterDocument(cluster, cluster.nodes, machineProcesses());
    if (this.jsonEnabled()) {
      this.printJson({ leader: leader.id, ...document });
      return;
    }
    const roles = new Map(cluster.nodes.map((node) => [node.id, roleOf(node, leader)]));
    this.print(clusterTable(document, roles));
    this.print(nextSteps(cluster, attachment));
  }

  async #stayInForeground(cluster: Cluster, children: readonly Child[]): Promise<void> {
    this.takeSignals(() => this.#askBySignal());
    const flag = dirFlag(cluster.dir);
    const result = await supervise(cluster, children, {
      source: machineProcesses(),
      stop: this.#stop.signal,
      hurry: this.#hurry.signal,
      watcher: {
        line: (line) =>
          this.jsonEnabled() ? this.printJson(line) : this.print(`${line.node} | ${lineFor(line.line)}`),
        ended: (node, exit) => void this.#reportEnd(cluster, node, exit),
      },
    });
    if (result === 'all-died') {
      throw new RaftError('unexpected', `No node of the cluster in ${cluster.dir} is left running.`, {
        suggestions: [`What they said last: raft cluster logs${flag}`],
      });
    }
    this.print(`All nodes have stopped. Go on with the same data: raft cluster up${flag}`);
  }

  /** A node that was removed ends in order, and is not to be started again as it is. */
  async #reportEnd({ dir }: Cluster, node: ClusterNode, exit: Exit): Promise<void> {
    if (exit.code === 0 && (await wasRemoved(await requireCluster(dir), node))) {
      this.note(`${node.name} was removed from the cluster, and has stopped.`);
      return;
    }
    if (this.#stop.signal.aborted) return;
    this.note(
      `${node.name} ${describeExit(exit)}. Start it again: raft cluster start ${node.name}${dirFlag(dir)}`,
    );
  }

  #askToStop(): void {
    this.#stop.abort();
  }

  /** Asked a second time, it does not wait for an orderly stop any longer. */
  #askBySignal(): void {
    if (this.#stop.signal.aborted) this.#hurry.abort();
    this.#askToStop();
  }
}

/** Whoever brings the whole cluster up is told of a member that cannot come up with it. A removed one stops by itself. */
async function settleAll(existing: Cluster): Promise<Cluster> {
  const { cluster, leftOut } = await settleNodes(existing, existing.nodes, machineProcesses());
  const moved = leftOut.filter(({ type }) => type !== 'removed');
  refuseLeftOut({ cluster, leftOut: moved }, existing.nodes);
  return cluster;
}

function roleOf({ id }: ClusterNode, leader: NodeStatus): string {
  if (id === leader.id) return 'leader';
  const part = leader.members.find((member) => member.id === id)?.part;
  if (part === undefined) return 'removed';
  return part === 'learner' ? 'learner' : 'follower';
}

/** Whether those that run go by a configuration without a node; where nobody says anything, it was not removed. */
async function wasRemoved({ nodes }: Cluster, { id }: ClusterNode): Promise<boolean> {
  const others = nodes.filter((node) => node.id !== id);
  const statuses = await askStatuses(others.map(({ url }) => url));
  const leader = followedLeader(statuses.filter((status) => status !== undefined));
  return leader !== undefined && !leader.members.some((member) => member.id === id);
}
