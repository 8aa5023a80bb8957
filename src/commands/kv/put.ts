import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { onceFlags, serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { numberField, sendKv, valueFrom } from '../../cli/kv.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { withClient } from '../../cli/with-client.ts';

/** Gives a key a value. */
export class KvPut extends BaseCommand {
  static override summary = 'Give a key a value.';

  static override description =
    prose`With --json: {"key","index"}, where index is that of the entry in the log.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting hello',
    '<%= config.bin %> <%= command.id %> motd - < motd.txt',
  ];

  static override args = {
    key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }),
    value: Args.string({
      description: 'The value, or - for standard input as it is.',
      required: true,
      ignoreStdin: true,
    }),
  };

  static override flags = { ...onceFlags, ...serverFlags, ...timeoutFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvPut);
    const { key } = args;
    const value = await valueFrom(args.value);
    const { answer } = await this.whileSent(() =>
      withClient(flags, (client) => sendKv(client, { op: 'put', key, value })),
    );
    const index = numberField(answer, 'index');
    this.printResult({ key, index }, () => `${lineFor(key)} was written at index ${index}`);
  }
}
