import { BaseCommand } from '../../cli/base-command.ts';
import { viewCluster } from '../../cli/cluster-view.ts';
import { configReport, configText } from '../../cli/config-report.ts';
import { findCluster } from '../../cli/find-cluster.ts';
import { serverFlags } from '../../cli/flags.ts';
import { prose } from '../../cli/prose.ts';
import { linesFor } from '../../cli/terminal.ts';
import { exitCodeOf, RaftError } from '../../lib/errors.ts';

/** While leadership goes from one node to another nobody leads for a moment: that is waited for, in milliseconds. */
const LEADER_WAIT_MS = 1_000;

/** Shows the members. */
export class ConfigGet extends BaseCommand {
  static override summary = 'Show the members of a cluster, and what is under way.';

  static override description =
    prose`Asks the leader. Each member is a voter, a learner (it gets the log and does not vote), or,
while two majorities decide, joining or leaving. Heard says whether the leader has heard of it within the last election
timeout, match how far its log is known to be the leader's. Where nobody leads, it shows the newest configuration that a
node knows, says so, and ends with 69.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --server http://127.0.0.1:7600 --json',
  ];

  static override flags = { ...serverFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigGet);
    const view = await viewCluster(await findCluster(flags), LEADER_WAIT_MS);
    if (view.source === undefined) {
      throw new RaftError(
        'unreachable',
        view.answers.length === 1
          ? 'The node does not say who the members are.'
          : `None of the ${view.answers.length} nodes says who the members are.`,
        {
          suggestions: [
            'See which nodes answer: raft status',
            'Start those that are down: raft cluster start',
          ],
        },
      );
    }
    const report = configReport(view, view.source);
    this.printResult(report, () => linesFor(configText(report, view)));
    if (report.leader === null) this.exit(exitCodeOf('no-leader'));
  }
}
