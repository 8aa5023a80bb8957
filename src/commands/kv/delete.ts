import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { onceFlags, serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { sendKv } from '../../cli/kv.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { withClient } from '../../cli/with-client.ts';

/** Removes a key. */
export class KvDelete extends BaseCommand {
  static override summary = 'Remove a key.';

  static override description =
    prose`It is no mistake if there was no such key: afterwards there is none. With --json:
{"key","found","index"}, where index is that of the entry in the log.`;

  static override examples = ['<%= config.bin %> <%= command.id %> greeting'];

  static override args = { key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }) };
  static override flags = { ...onceFlags, ...serverFlags, ...timeoutFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvDelete);
    const { key } = args;
    const { answer, index = null } = await this.whileSent(() =>
      withClient(flags, (client) => sendKv(client, { op: 'delete', key })),
    );
    const found = answer.get('found') === true;
    const at = index === null ? '' : ` at index ${index}`;
    this.printResult({ key, found, index }, () =>
      found ? `${lineFor(key)} was removed${at}` : `There was no key ${lineFor(key)}${at}`,
    );
  }
}
