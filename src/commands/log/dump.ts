import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { indexRange, inRange, rangeFlags } from '../../cli/log-range.ts';
import { prose } from '../../cli/prose.ts';
import { dumpLog } from '../../logtools/rows.ts';

/** Prints every entry of a log as JSON. */
export class LogDump extends BaseCommand {
  static override summary =
    'Print every entry of a log, and all damage in its place, as one JSON object a line.';

  static override description =
    prose`An entry is {"offset","index","term","size","kind","checksum","command"}, with the
command in base64; damage is {"offset","length","problem","detail"}; of a data directory each has its "segment" too.
Index and term are strings, so that no reader rounds them. Reads only, also while a node writes the log.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> ./node1/log/00000000000000000001.log --from 100 --to 199',
  ];

  static override args = logArgument;
  static override flags = { ...rangeFlags, ...dirFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogDump);
    const range = indexRange(flags);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text));
    for await (const row of inRange(dumpLog(location, { writer }), range)) await this.writeJson(row);
  }
}
