import { BaseCommand } from '../cli/base-command.ts';
import { removedLines } from '../cli/cluster-rows.ts';
import { findCluster } from '../cli/find-cluster.ts';
import { serverFlags } from '../cli/flags.ts';
import { prose } from '../cli/prose.ts';
import { type StatusReport, statusReport, statusTable, turnoutInWords } from '../cli/status-report.ts';
import { askCluster } from '../cli/statuses.ts';
import { linesFor } from '../cli/terminal.ts';
import type { Cluster } from '../cluster/cluster-format.ts';
import { exitCodeOf, RaftError } from '../lib/errors.ts';

/** Asks every node and shows what each says. */
export class Status extends BaseCommand {
  static override summary = 'Ask every node directly, and show what each says.';

  static override description =
    prose`Works without a leader. The exit code is 0 where a majority of the members follows one
leader, else 69; the table is printed in both cases. The lag is how many entries of the leader's log a node lacks.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --server http://127.0.0.1:7600 --json',
  ];

  static override flags = { ...serverFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const { servers, cluster } = await findCluster(flags);
    const answers = await askCluster(servers);
    const report = statusReport(answers, cluster?.nodes ?? []);
    this.printResult(report, () =>
      linesFor(
        [statusTable(report, flags), ...(cluster === undefined ? [] : goneLines(report, cluster))].join('\n'),
      ),
    );
    if (report.leader === null) this.#endWithoutLeader(report, cluster);
  }

  /** Whoever asked for JSON has the whole answer already: a second document would only be in the way. */
  #endWithoutLeader(report: StatusReport, cluster: Cluster | undefined): never {
    const message = `There is no leader that a majority follows: ${turnoutInWords(report)}.`;
    if (!this.jsonEnabled())
      throw new RaftError('no-leader', message, { suggestions: waysToALeader(report, cluster) });
    this.exit(exitCodeOf('no-leader'));
  }
}

function waysToALeader({ nodes }: StatusReport, cluster: Cluster | undefined): readonly string[] {
  if (nodes.every(({ reachable }) => reachable)) return ['An election takes a moment. Then: raft status'];
  return cluster === undefined
    ? ['A leader needs a majority of the voters: start those that do not answer.']
    : ['A leader needs a majority of the voters. See which are down, or paused: raft cluster status'];
}

/** Without a leader the configuration may be an older one, from before a node joined: nothing is advised on its word. */
function goneLines({ leader, nodes }: StatusReport, { dir, nodes: inDirectory }: Cluster): readonly string[] {
  if (leader === null) return [];
  const gone = nodes.filter(({ reachable, part }) => !reachable && part === 'removed');
  const names = inDirectory.filter((node) => gone.some(({ id }) => id === node.id)).map(({ name }) => name);
  return removedLines(names, dir);
}
