import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags, wholeNumber } from '../../cli/flags.ts';
import { takeHeadStart } from '../../cli/head-start.ts';
import { verifyLines } from '../../cli/log-lines.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { prose } from '../../cli/prose.ts';
import { exitCodeOf } from '../../lib/errors.ts';
import { SCAN_THREADS_MAX } from '../../lib/limits.ts';
import { dataDirectoryOf, type LogLocation } from '../../logtools/locate.ts';
import { verifyLog } from '../../logtools/verify.ts';

/** Checks a log and names all damage. */
export class LogVerify extends BaseCommand {
  static override summary = 'Check a log, and name all damage in it.';

  static override description =
    prose`Ends with exit code 65 where a node would refuse to start on the log, else with 0. With
--json one object for each file: {"file","bytes","entries","first","last","problems","ok"}. Reads only, also while a
node writes the log: what the node has not finished yet is no damage. Long logs are read by several threads, and on a
terminal a bar on standard error shows how far they are.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> ./raft-data/node1 --json',
    '<%= config.bin %> <%= command.id %> huge.log --threads 1',
  ];

  static override args = logArgument;

  static override flags = {
    threads: wholeNumber({
      description: `Read with this many threads; unless given, a long log with one for each core, at most ${SCAN_THREADS_MAX}.`,
      helpValue: 'N',
      min: 1,
      max: SCAN_THREADS_MAX,
    }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogVerify);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    const progress = new ProgressBar('Checking');
    const options = {
      writer,
      headStart: takeHeadStart(),
      ...(flags.threads === undefined ? {} : { threads: flags.threads }),
      onProgress: (done: number, total: number) => progress.update(done, total),
    };
    let ok = true;
    let isMendable = false;
    try {
      for await (const report of verifyLog(location, options)) {
        progress.clear();
        this.printResult(report, () => verifyLines(report));
        ok &&= report.ok;
        // Of what is no log nothing can be kept.
        isMendable ||= report.problems.some(({ fatal, kind }) => fatal && kind !== 'not-a-log');
      }
    } finally {
      progress.clear();
    }
    if (isMendable) this.print(`raft log repair ${wholeLog(location)}   # says what can be done about it`);
    if (!ok) this.exit(exitCodeOf('damaged'));
  }
}

/** What is to be repaired: of a segment the log that it is part of, since a log is repaired as a whole. */
function wholeLog(location: LogLocation): string {
  return (location.kind === 'file' ? dataDirectoryOf(location) : undefined) ?? location.path;
}
