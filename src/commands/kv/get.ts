import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { askKv, numberField, textField } from '../../cli/kv.ts';
import { prose } from '../../cli/prose.ts';
import { linesFor } from '../../cli/terminal.ts';
import { withClient } from '../../cli/with-client.ts';
import { RaftError } from '../../lib/errors.ts';

/** Prints the value of a key. */
export class KvGet extends BaseCommand {
  static override summary = 'Print the value of a key.';

  static override description =
    prose`Exit code 3 says that there is no such key. The answer is as new as the last write that
anybody was told of, unless --stale. With --json: {"key","value","index"}, where index is that of the entry that wrote
the value. On a terminal control characters are shown as dots, but for line feeds and tabs; elsewhere the value is printed
as it is.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting',
    '<%= config.bin %> <%= command.id %> greeting --stale --server http://127.0.0.1:7601',
  ];

  static override args = { key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }) };

  static override flags = {
    stale: Flags.boolean({
      description: 'Take what the first node that answers has applied, which may be old.',
    }),
    ...serverFlags,
    ...timeoutFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvGet);
    const { key } = args;
    const consistency = flags.stale ? 'stale' : 'linearizable';
    const answer = await withClient(flags, (client) => askKv(client, { op: 'get', key }, consistency));
    if (answer.get('found') !== true) throw new RaftError('answered-no', `There is no key "${key}".`);
    const value = textField(answer, 'value');
    this.printResult({ key, value, index: numberField(answer, 'index') }, () => linesFor(value));
  }
}
