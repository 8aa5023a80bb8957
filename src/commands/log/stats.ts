import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { selectionFlags, selectionOf } from '../../cli/log-selection.ts';
import { statsLines } from '../../cli/log-stats-lines.ts';
import { prose } from '../../cli/prose.ts';
import { KEY_BYTES_MAX } from '../../lib/limits.ts';
import { LogProgress } from '../../logtools/progress.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import { statsOf } from '../../logtools/stats.ts';

/** Counts what a log consists of. */
export class LogStats extends BaseCommand {
  static override summary = 'Count what a log consists of: by kind, operation, key prefix, term and size.';

  static override description =
    prose`Bytes are those of frames, so with 24 bytes of header for each entry. In each part the
longest bar stands for the most bytes, and the others are as long beside it as theirs are; the percentage is the share of
all that are counted. A key's prefix ends with its first "/" or ":"; --separators and --depth choose others. Whatever
chooses entries for raft log dump chooses here which are counted. Reads only, also while a node writes the log.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> ./node1 --depth 2 --from 100000',
    `<%= config.bin %> <%= command.id %> node1.log --where 'op == "put"' --json`,
  ];

  static override args = logArgument;

  static override flags = {
    separators: Flags.string({
      description: 'A key prefix ends with one of these characters; /: unless given.',
      helpValue: 'CHARACTERS',
    }),
    depth: wholeNumber({
      description: 'It ends with the first of them, the second and so on; 1 unless given.',
      helpValue: 'N',
      min: 1,
      max: KEY_BYTES_MAX,
    }),
    ...selectionFlags,
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogStats);
    const { separators, depth } = flags;
    const selection = await selectionOf(flags);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    await refuseNoLog(location);
    const bar = new ProgressBar('Counting');
    const progress = await LogProgress.of(location, (done, total) => bar.update(done, total));
    try {
      const stats = await statsOf(location, { writer, selection, separators, depth, progress });
      bar.clear();
      this.printResult(stats, () => statsLines(stats, process.stdout.columns));
    } finally {
      bar.clear();
    }
  }
}
