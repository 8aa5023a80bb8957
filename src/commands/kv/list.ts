import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { RaftClient } from '../../api/client-types.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { serverFlags, timeoutFlags, wholeNumber } from '../../cli/flags.ts';
import { askKv, itemsField, type KvItem } from '../../cli/kv.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { withClient } from '../../cli/with-client.ts';
import { LIST_ITEMS_MAX } from '../../lib/limits.ts';
import type { Consistency } from '../../raft/service.ts';

/** Lists keys and their values. */
export class KvList extends BaseCommand {
  static override summary = 'List keys that begin with a prefix, in order, with their values.';

  static override description = prose`One key a line, then a tab and its value; with --json one object a line,
{"key","value","index"}. A long list is asked for in pages, each of which is as new as any read; a write that comes in
between may be seen in later pages. On a terminal control characters and line breaks are shown as dots.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> user/ --limit 10',
    '<%= config.bin %> <%= command.id %> --json | head -1',
  ];

  static override args = {
    prefix: Args.string({
      description: 'What the keys begin with; all keys unless given.',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    limit: wholeNumber({
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      description: 'List at most this many keys.',
      helpValue: 'N',
    }),
    stale: Flags.boolean({
      description: 'Take what the first node that answers has applied, which may be old.',
    }),
    ...serverFlags,
    ...timeoutFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvList);
    const wanted = { prefix: args.prefix ?? '', limit: flags.limit ?? Number.MAX_SAFE_INTEGER };
    await withClient(flags, (client) => this.#list(client, wanted, flags.stale ? 'stale' : 'linearizable'));
  }

  async #list(client: RaftClient, { prefix, limit }: Wanted, consistency: Consistency): Promise<void> {
    let left = limit;
    let after: string | null = null;
    for (let more = true; more && left > 0; ) {
      const query = { op: 'list', prefix, after, limit: Math.min(left, LIST_ITEMS_MAX) };
      const answer = await askKv(client, query, consistency);
      const items = itemsField(answer);
      for (const item of items) await this.#show(item);
      left -= items.length;
      after = items.at(-1)?.key ?? null;
      more = answer.get('more') === true && after !== null;
    }
  }

  async #show(item: KvItem): Promise<void> {
    if (this.jsonEnabled()) await this.writeJson(item);
    else await this.write(`${lineFor(item.key)}\t${lineFor(item.value)}\n`);
  }
}

interface Wanted {
  readonly prefix: string;
  readonly limit: number;
}
