import { BaseCommand } from '../../cli/base-command.ts';
import { serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { linesFor } from '../../cli/terminal.ts';
import { withClient } from '../../cli/with-client.ts';

/** Says who leads. */
export class LeaderShow extends BaseCommand {
  static override summary = 'Say which node leads.';

  static override description = 'Ends with exit code 69 where no node leads within the time.';

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  static override flags = { ...serverFlags, ...timeoutFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(LeaderShow);
    const { id, name, url, term } = await withClient(flags, (client) => client.leader());
    this.printResult({ id, name, url, term }, () =>
      linesFor(`${name} (${id}) leads in term ${term} at ${url}`),
    );
  }
}
