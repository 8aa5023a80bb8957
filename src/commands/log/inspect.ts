import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { inspectHeading, inspectLine } from '../../cli/log-lines.ts';
import { indexRange, inRange, rangeFlags } from '../../cli/log-range.ts';
import { prose } from '../../cli/prose.ts';
import { followLog } from '../../logtools/follow.ts';
import type { LogLocation } from '../../logtools/locate.ts';
import { type InspectRow, inspectLog, inspectRow } from '../../logtools/rows.ts';

/** Shows a log as a table. */
export class LogInspect extends BaseCommand {
  static override summary = 'Show the entries of a log as a table, with all damage in its place.';

  static override description =
    prose`Reads only, also while a node writes the log: what the node has not finished yet is no
damage. With --json, one object a line, index and term as strings.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> node1.log --follow',
    '<%= config.bin %> <%= command.id %> ./node1 --from 100 --to 199',
  ];

  static override args = logArgument;

  static override flags = {
    follow: Flags.boolean({
      char: 'f',
      description: 'Go on with new entries as they come, until the entry of --to or Ctrl-C.',
    }),
    ...rangeFlags,
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogInspect);
    const range = indexRange(flags);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text));
    this.print(inspectHeading());
    const rows = flags.follow
      ? inRange(this.#followed(location), range, 'followed')
      : inRange(inspectLog(location, { writer }), range);
    for await (const row of rows) await this.#show(row);
  }

  async *#followed(location: LogLocation): AsyncGenerator<InspectRow, void> {
    for await (const event of followLog(location)) {
      if (event.type === 'item') yield inspectRow(event);
      else
        this.note(
          `Entries from offset ${event.offset} of ${event.segment.name} on were replaced by the next ones.`,
        );
    }
  }

  async #show(row: InspectRow): Promise<void> {
    if (this.jsonEnabled()) await this.writeJson(row);
    else await this.write(`${inspectLine(row)}\n`);
  }
}
