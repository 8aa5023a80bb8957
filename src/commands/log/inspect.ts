import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { inspectHeading, inspectLine } from '../../cli/log-lines.ts';
import { noMatchLine, selectionFlags, selectionOf, selectionWords } from '../../cli/log-selection.ts';
import { prose } from '../../cli/prose.ts';
import { signalExitCode } from '../../cli/signals.ts';
import { hasFullScreen } from '../../cli/terminal.ts';
import { followLog } from '../../logtools/follow.ts';
import type { LogLocation } from '../../logtools/locate.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import { type InspectRow, inspectLog, inspectRow } from '../../logtools/rows.ts';
import { MatchCount, Selector } from '../../logtools/selection.ts';
import type { InspectRequest } from '../../tui/inspect-on-screen.ts';

/** Shows a log: on the whole terminal, or as a table. */
export class LogInspect extends BaseCommand {
  static override summary = 'Look through a log, with all damage in its place.';

  static override description =
    prose`On a terminal it takes the whole screen: ? shows its keys, q leaves it. Anywhere else it prints
a table. Reads only, also while a node writes the log: what the node has not finished yet is no
damage. With --json, one object a line, index and term as strings. Whatever is asked for, damage between the entries is
shown. A condition is in the Common Expression Language (CEL): docs/LOG-TOOLS.md has examples.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log',
    '<%= config.bin %> <%= command.id %> node1.log --follow',
    '<%= config.bin %> <%= command.id %> ./node1 --from 100 --to 199',
    '<%= config.bin %> <%= command.id %> node1.log --kind configuration --kind noop',
    `<%= config.bin %> <%= command.id %> node1.log --where 'size > 1000 || key == "greeting"'`,
  ];

  static override args = logArgument;

  static override flags = {
    follow: Flags.boolean({
      char: 'f',
      description: 'Go on with new entries as they come, until the entry of --to or Ctrl-C.',
    }),
    ...selectionFlags,
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogInspect);
    const selection = await selectionOf(flags);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    await refuseNoLog(location);
    if (hasFullScreen() && !this.jsonEnabled()) {
      const filter = selectionWords(flags);
      const chosen = filter === undefined ? {} : { selection, filter };
      await this.#onScreen({ location, writer, ...chosen, name: args.log, isFollowing: flags.follow });
      return;
    }
    this.print(inspectHeading());
    if (flags.follow) {
      await this.#follow(location, new Selector(selection, 'followed'));
      return;
    }
    const matches = new MatchCount();
    for await (const row of inspectLog(location, { writer, selection, matches })) await this.#show(row);
    const none = noMatchLine(flags, matches);
    if (none !== undefined) this.note(none);
  }

  async #onScreen(request: InspectRequest): Promise<void> {
    // Ink takes long to load, and rewrites what it prints into a pipe.
    const { inspectOnScreen } = await import('../../tui/inspect-on-screen.ts');
    if ((await inspectOnScreen(request)) === 'interrupted') this.exit(signalExitCode('SIGINT'));
  }

  async #follow(location: LogLocation, selector: Selector): Promise<void> {
    for await (const event of followLog(location)) {
      if (event.type === 'cut') {
        this.note(
          `Entries from offset ${event.offset} of ${event.segment.name} on were replaced by the next ones.`,
        );
        continue;
      }
      const { isShown, isOver } = selector.see(event.item);
      if (isShown) await this.#show(inspectRow(event));
      if (isOver) return;
    }
  }

  async #show(row: InspectRow): Promise<void> {
    if (this.jsonEnabled()) await this.writeJson(row);
    else await this.write(`${inspectLine(row)}\n`);
  }
}
