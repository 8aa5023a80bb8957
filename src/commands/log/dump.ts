import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { noMatchLine, selectionFlags, selectionOf } from '../../cli/log-selection.ts';
import { prose } from '../../cli/prose.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import { dumpLog } from '../../logtools/rows.ts';
import { MatchCount } from '../../logtools/selection.ts';

/** Prints every entry of a log as JSON. */
export class LogDump extends BaseCommand {
  static override summary =
    'Print every entry of a log, and all damage in its place, as one JSON object a line.';

  static override description =
    prose`An entry is {"offset","index","term","size","kind","checksum","command","text"}, with the
command in base64, and null for a text that is no UTF-8; damage is {"offset","length","problem","detail"}; of a data
directory each has its "segment" too. Index and term are strings, so that no reader rounds them. Whatever is asked for,
damage between the entries is shown. A condition is in the Common Expression Language (CEL): docs/LOG-TOOLS.md has
examples. Reads only, also while a node writes the log.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> ./node1/log/00000000000000000001.log --from 100 --to 199',
    `<%= config.bin %> <%= command.id %> node1.log --where 'op == "put" && key.startsWith("user/")'`,
  ];

  static override args = logArgument;
  static override flags = { ...selectionFlags, ...dirFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogDump);
    const selection = await selectionOf(flags);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    await refuseNoLog(location);
    const matches = new MatchCount();
    for await (const row of dumpLog(location, { writer, selection, matches })) await this.writeJson(row);
    const none = noMatchLine(flags, matches);
    if (none !== undefined) this.note(none);
  }
}
