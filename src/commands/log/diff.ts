import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog } from '../../cli/find-log.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { diffEntryLines, diffSummaryLines } from '../../cli/log-diff-lines.ts';
import { knownCluster, nodeName, ownerOf } from '../../cli/log-owner.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import type { Cluster } from '../../cluster/cluster-format.ts';
import { exitCodeOf, type RaftErrorCode } from '../../lib/errors.ts';
import { MEMBERS_MAX } from '../../lib/limits.ts';
import { type DiffEntry, type DiffSummary, diffLogs, isNothingCompared } from '../../logtools/diff.ts';
import type { DiffLog } from '../../logtools/diff-cursor.ts';
import { LogProgress } from '../../logtools/progress.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';

/** Compares the logs of a cluster's nodes. */
export class LogDiff extends BaseCommand {
  static override summary = 'Compare the logs of a cluster: where they part, and what may be committed.';

  static override description =
    prose`Says from which index on the logs do not hold the same, what each holds from there, which
entries stand on a majority of the voters and so may be committed, and which can still be lost. Logs may begin at
different indexes. Who votes is taken from the configurations in the logs, then from the data directories and the cluster
directory; where none of them says it, as from bare files, say with --voters how many there are. Ends with 65 where two
logs hold different bytes of the same index and term: one of them is damaged then. Where no entry can be read in all of
the logs, nothing was compared: that ends with 65 where one of them is damaged, else with 3. Reads only, also while nodes
write the logs.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1 node2 node3',
    '<%= config.bin %> <%= command.id %> ./node1 ./node2 --voters 3 --entries',
    '<%= config.bin %> <%= command.id %> before.log after.log --json',
  ];

  static override strict = false;

  static override args = {
    logs: Args.string({
      description:
        'Two logs or more: log files, data directories, or nodes of the cluster in this directory.',
      required: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    entries: Flags.boolean({ description: 'Show every entry from where the logs part on.' }),
    voters: wholeNumber({
      description: 'How many nodes of the cluster vote, whatever the logs say.',
      helpValue: 'N',
      min: 1,
      max: MEMBERS_MAX,
    }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(LogDiff);
    const names = argv.map(String);
    if (names.length < 2 || names.length > MEMBERS_MAX)
      throw usage(`This needs two logs or more, at most ${MEMBERS_MAX}; it got ${names.length}.`, [
        'Name the logs of several nodes, for example: raft log diff node1 node2 node3',
      ]);
    if (new Set(names).size < names.length) throw usage('One log is named twice.', ['Name each log once.']);
    const { voters } = flags;
    if (voters !== undefined && voters < names.length)
      throw usage(`There are ${names.length} logs, and --voters says that ${voters} vote.`, [
        'Give --voters the number of all nodes that vote, or leave it out.',
      ]);
    const cluster = await knownCluster(flags.dir);
    const summary = await this.#compare(await this.#find(names, flags.dir, cluster), {
      voters,
      isShown: flags.entries,
    });
    if (!this.jsonEnabled() && flags.entries && summary.partAt !== null) await this.write('\n');
    this.printResult(summary, () => diffSummaryLines(summary, (id) => nodeName(cluster, id)));
    const failure = failureIn(summary);
    if (failure !== undefined) this.exit(exitCodeOf(failure));
  }

  async #compare(
    logs: readonly DiffLog[],
    { voters, isShown }: { readonly voters: number | undefined; readonly isShown: boolean },
  ): Promise<DiffSummary> {
    const bar = new ProgressBar('Comparing');
    const locations = logs.map(({ location }) => location);
    const progress = await LogProgress.ofAll(locations, (done, total) => bar.update(done, total));
    try {
      const comparison = diffLogs(
        logs.map((log, at) => ({ ...log, progress: progress[at] })),
        { voters, isSummaryOnly: !isShown },
      );
      for (;;) {
        const { done, value } = await comparison.next();
        if (done === true) return value;
        bar.clear();
        await this.#show(value);
      }
    } finally {
      bar.clear();
    }
  }

  async #find(
    names: readonly string[],
    dir: string | undefined,
    cluster: Cluster | undefined,
  ): Promise<readonly DiffLog[]> {
    const logs: DiffLog[] = [];
    for (const name of names) {
      const found = await findLog(name, dir, (text) => this.note(text));
      await refuseNoLog(found.location);
      logs.push({ name, ...found, owner: await ownerOf(found.location, cluster) });
    }
    return logs;
  }

  async #show(entry: DiffEntry): Promise<void> {
    if (this.jsonEnabled()) await this.writeJson(entry);
    else await this.write(`${diffEntryLines(entry)}\n`);
  }
}

/** Why the comparison is no success, whatever else it says; undefined where it is one. */
function failureIn(summary: DiffSummary): RaftErrorCode | undefined {
  if (summary.conflicts > 0) return 'damaged';
  if (!isNothingCompared(summary)) return undefined;
  return summary.logs.some(({ problems }) => problems > 0) ? 'damaged' : 'answered-no';
}
