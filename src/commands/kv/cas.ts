import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { SEE_HELP } from '../../cli/failure.ts';
import { onceFlags, serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { numberField, sendKv, textField, valueFrom } from '../../cli/kv.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { usage } from '../../cli/values.ts';
import { withClient } from '../../cli/with-client.ts';
import { RaftError } from '../../lib/errors.ts';

/** Gives a key a value if it holds what is expected. */
export class KvCas extends BaseCommand {
  static override summary = 'Give a key a value if it holds what is expected (compare and set).';

  static override description =
    prose`KEY EXPECTED VALUE, or, with --absent, KEY VALUE for a key that does not exist yet. Exit
code 3 says that the key holds something else, and nothing was changed. With --json: {"key","index"}.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting hello goodbye',
    '<%= config.bin %> <%= command.id %> --absent lock mine',
  ];

  static override args = {
    key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }),
    expected: Args.string({
      description: 'What it has to hold; left out with --absent.',
      required: true,
      ignoreStdin: true,
    }),
    value: Args.string({ description: 'The value, or - for standard input as it is.', ignoreStdin: true }),
  };

  static override flags = {
    absent: Flags.boolean({ description: 'The key has to be absent.' }),
    ...onceFlags,
    ...serverFlags,
    ...timeoutFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvCas);
    const { key } = args;
    const absent = flags.absent === true;
    if (absent !== (args.value === undefined)) {
      throw usage('Compare and set takes KEY EXPECTED VALUE, or --absent KEY VALUE.', [SEE_HELP]);
    }
    const expect = absent ? null : args.expected;
    const value = await valueFrom(args.value ?? args.expected);
    const { answer } = await this.whileSent(() =>
      withClient(flags, (client) => sendKv(client, { op: 'cas', key, expect, value })),
    );
    if (answer.get('swapped') !== true) {
      const holds =
        answer.get('found') === true
          ? `holds ${JSON.stringify(textField(answer, 'value'))}`
          : 'does not exist';
      throw new RaftError('answered-no', `Nothing was changed: the key "${key}" ${holds}.`);
    }
    const index = numberField(answer, 'index');
    this.printResult({ key, index }, () => `${lineFor(key)} was written at index ${index}`);
  }
}
