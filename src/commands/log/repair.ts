import { realpath } from 'node:fs/promises';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { type FoundLog, findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { inspectLine } from '../../cli/log-lines.ts';
import { knownCluster, ownerOf } from '../../cli/log-owner.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { type Loss, lossLine, planLines, repairedLine } from '../../cli/log-repair-lines.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import { exitCodeOf, RaftError } from '../../lib/errors.ts';
import { dataDirectoryOf, type LogLocation } from '../../logtools/locate.ts';
import { LogProgress, type OnProgress } from '../../logtools/progress.ts';
import { applyRepair } from '../../logtools/repair/apply.ts';
import { Donor } from '../../logtools/repair/donor.ts';
import { refuseStrangers } from '../../logtools/repair/kinship.ts';
import { planRepair, type RepairPlan } from '../../logtools/repair/plan.ts';
import { lostRows, planReport, repairedLocation } from '../../logtools/repair/report.ts';
import { surveyLog } from '../../logtools/repair/survey.ts';
import type { InspectRow } from '../../logtools/rows.ts';
import { verifyLog } from '../../logtools/verify.ts';
import { systemProcesses } from '../../raft/processes.ts';
import { acquireLock } from '../../raft/storage/lock.ts';

/** Mends a damaged log. */
export class LogRepair extends BaseCommand {
  static override summary = 'Mend a damaged log: say what would be done and lost, or do it.';

  static override description =
    prose`Without --apply it changes nothing. It says what it would do, and prints every entry that
would be lost. With --from, entries that are damaged or missing are taken from another node's log where both logs hold
the same entries on both sides of the hole, or, at the end of the log, where the other node knows them to be committed.
What cannot be taken is cut with everything behind it, and the node then neither votes nor campaigns until a leader has
carried it past all that it may have lost. Entries that are known to be committed are never cut. The original bytes are
kept beside each file that is changed. Refuses (73) while a node runs on the log, and ends with 65 where nothing safe can
be done.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node2',
    '<%= config.bin %> <%= command.id %> node2 --from node1',
    '<%= config.bin %> <%= command.id %> node2 --from node1 --apply',
  ];

  static override args = logArgument;

  static override flags = {
    plan: Flags.boolean({ description: 'Only say what would be done: the default.', exclusive: ['apply'] }),
    apply: Flags.boolean({ description: 'Do it.' }),
    from: Flags.string({
      description: 'Take entries from this log of another node of the same cluster.',
      helpValue: 'LOG',
    }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogRepair);
    const found = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    refusePart(found.location);
    if (flags.apply) refuseRunning(found);
    const other =
      flags.from === undefined ? undefined : await findLog(flags.from, flags.dir, (text) => this.note(text));
    if (other !== undefined) {
      await refuseSame(found, other);
      await refuseOtherCluster(found.location, other.location, flags.dir);
    }
    if (flags.apply) await this.#apply(found.location, other);
    else await this.#plan(found.location, other);
  }

  async #plan(location: LogLocation, other: FoundLog | undefined): Promise<void> {
    await this.#show(await planFor(location, other));
  }

  async #apply(location: LogLocation, other: FoundLog | undefined): Promise<void> {
    this.goOnUnread();
    const directory = dataDirectoryOf(location);
    const lock =
      directory === undefined
        ? undefined
        : await acquireLock(directory, systemProcesses(), {
            id: 'repair',
            startedAt: new Date().toISOString(),
          });
    try {
      // Planned under the lock: what was seen before it was taken may have changed.
      const plan = await planFor(location, other);
      await this.#show(plan);
      if (plan.verdict !== 'repairable') return;
      // A donor goes forward only: what is taken from it is read again from its start.
      const files = await withBar('Writing', async (onProgress) => {
        await using donor = other === undefined ? undefined : await donorOf(other, () => {});
        return await applyRepair(plan, donor, onProgress);
      });
      for (const file of files) {
        if (this.jsonEnabled()) await this.writeJson({ type: 'done', ...file });
        else await this.write(`${repairedLine(file)}\n`);
      }
      await this.#check(location, plan);
    } finally {
      await lock?.release();
    }
  }

  /** Prints a plan and what it would lose; ends the command where nothing can be done. */
  async #show(plan: RepairPlan): Promise<void> {
    const report = planReport(plan);
    this.printResult(report, () => planLines(report, dataDirectoryOf(plan.survey.location) !== undefined));
    let loss: Loss | undefined;
    for await (const row of lostRows(plan)) {
      if (loss === undefined) this.print('this would be lost:');
      loss = lossWith(loss, row);
      if (this.jsonEnabled()) await this.writeJson({ ...row, type: 'lost' });
      else await this.write(`${inspectLine(row)}\n`);
    }
    if (loss !== undefined) this.print(lossLine(loss));
    if (plan.verdict === 'refused') this.exit(exitCodeOf('damaged'));
  }

  /** Sees with other eyes that the log is good now. */
  async #check(location: LogLocation, { abstainThrough }: RepairPlan): Promise<void> {
    const repaired = await repairedLocation(location);
    await withBar('Checking', async (onProgress) => {
      for await (const { file, ok, problems } of verifyLog(repaired, { onProgress })) {
        if (ok) continue;
        throw new RaftError(
          'damaged',
          `${file} is still damaged: ${problems[0]?.detail ?? 'no problem is named'}.`,
          {
            suggestions: ['Every original is beside its file, with .damaged-N behind its name.'],
          },
        );
      }
    });
    this.print(
      abstainThrough === undefined
        ? 'The log is whole now.'
        : 'The log is whole now. Its node starts where another one can lead. A cluster of one node needs a copy of its data.',
    );
  }
}

async function planFor(location: LogLocation, other: FoundLog | undefined): Promise<RepairPlan> {
  const survey = await withBar('Reading', async (onProgress) =>
    surveyLog(location, await LogProgress.of(location, onProgress)),
  );
  if (other === undefined) return await planRepair(survey, undefined);
  return await withBar('Comparing', async (onProgress) => {
    await using donor = await donorOf(other, onProgress);
    return await planRepair(survey, donor);
  });
}

async function donorOf({ location, writer }: FoundLog, onProgress: OnProgress): Promise<Donor> {
  const progress = await LogProgress.of(location, onProgress);
  return await Donor.open({ name: location.path, location, writer, progress });
}

/** Does something that may take long, with a bar while it does. */
async function withBar<T>(what: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const bar = new ProgressBar(what);
  try {
    return await work((done, total) => bar.update(done, total));
  } finally {
    bar.clear();
  }
}

/** A log is repaired as a whole. */
function refusePart(location: LogLocation): void {
  const directory = dataDirectoryOf(location);
  if (location.kind !== 'file' || directory === undefined) return;
  throw new RaftError(
    'usage',
    `${location.path} is one segment of a log, and a log is repaired as a whole.`,
    {
      suggestions: [`raft log repair ${directory}`],
    },
  );
}

/** What is damaged in a log cannot be taken from it. */
async function refuseSame({ location }: FoundLog, other: FoundLog): Promise<void> {
  const [path, otherPath] = await Promise.all(
    [location, other.location].map(({ segments }) => realpath(segments[0].path)),
  );
  if (path !== otherPath) return;
  throw usage('--from names the very log that is to be repaired: name that of another node.');
}

/** Before anything is read: (index, term) of young clusters are alike, so that what is in the logs may not show it. */
async function refuseOtherCluster(
  location: LogLocation,
  other: LogLocation,
  dir: string | undefined,
): Promise<void> {
  const cluster = await knownCluster(dir);
  const [owner, otherOwner] = await Promise.all([ownerOf(location, cluster), ownerOf(other, cluster)]);
  refuseStrangers({ location, owner }, { location: other, owner: otherOwner });
}

function refuseRunning({ location, writer }: FoundLog): void {
  if (writer === 'none') return;
  const why = writer === 'running' ? 'A node runs on it' : 'Whether a node runs on it is not known';
  throw new RaftError('already-running', `${why}, so ${location.path} is not touched.`, {
    suggestions: [
      'Stop the node first: raft cluster stop NODE',
      `Only look: raft log verify ${location.path}`,
    ],
  });
}

function lossWith(loss: Loss | undefined, row: InspectRow): Loss {
  const before = loss ?? { entries: 0, damages: 0, from: undefined, to: undefined };
  if (row.type !== 'entry') return { ...before, damages: before.damages + 1 };
  const { index } = row;
  return { ...before, entries: before.entries + 1, from: before.from ?? index, to: index };
}
