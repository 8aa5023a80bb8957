import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { verifyLines } from '../../cli/log-lines.ts';
import { prose } from '../../cli/prose.ts';
import { exitCodeOf } from '../../lib/errors.ts';
import { verifyLog } from '../../logtools/verify.ts';

/** Checks a log and names all damage. */
export class LogVerify extends BaseCommand {
  static override summary = 'Check a log, and name all damage in it.';

  static override description =
    prose`Ends with exit code 65 where a node would refuse to start on the log, else with 0. With
--json one object for each file: {"file","bytes","entries","first","last","problems","ok"}. Reads only, also while a
node writes the log: what the node has not finished yet is no damage.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> ./raft-data/node1 --json',
  ];

  static override args = logArgument;
  static override flags = { ...dirFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogVerify);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text));
    let ok = true;
    for await (const report of verifyLog(location, { writer })) {
      this.printResult(report, () => verifyLines(report));
      ok &&= report.ok;
    }
    if (!ok) this.exit(exitCodeOf('damaged'));
  }
}
