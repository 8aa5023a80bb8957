import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { RaftClient } from '../../api/client-types.ts';
import type { WatchEvent } from '../../api/schema.ts';
import type { WatchNotice, WatchTarget } from '../../api/watch.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { serverFlags, timeoutFlags, wholeNumber } from '../../cli/flags.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { usage } from '../../cli/values.ts';
import { withClient } from '../../cli/with-client.ts';
import { assertNever } from '../../lib/assert.ts';
import { INDEX_MAX } from '../../lib/limits.ts';

/** Follows changes of keys. */
export class KvWatch extends BaseCommand {
  static override summary = 'Print the changes of a key, or of many, as they come.';

  static override description =
    prose`One change a line: its index in the log, put or delete, the key, and the value; with --json one
object a line, {"index","type","key","value"}. Each change is printed once and in the order of the log, whichever nodes
die meanwhile. Without --from it begins with what is written after it says that it watches. Nodes keep a bounded number
of past changes: exit code 3 says that those from --from on are not kept any more. On a terminal control characters
and line breaks are shown as dots. Ctrl-C ends it.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting',
    '<%= config.bin %> <%= command.id %> --prefix user/ --json',
    '<%= config.bin %> <%= command.id %> greeting --from 7 --count 1',
  ];

  static override args = {
    key: Args.string({ description: 'The key; all keys unless given.', ignoreStdin: true }),
  };

  static override flags = {
    prefix: Flags.string({
      description: 'Watch all keys that begin with this.',
      helpValue: 'PREFIX',
    }),
    from: wholeNumber({
      min: 1,
      max: INDEX_MAX,
      description: 'Begin with the change of this index, or the first one after it.',
      helpValue: 'INDEX',
    }),
    count: wholeNumber({
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      description: 'End after this many changes.',
      helpValue: 'N',
    }),
    ...serverFlags,
    ...timeoutFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KvWatch);
    const { key } = args;
    const { prefix, from, count = Number.POSITIVE_INFINITY } = flags;
    if (key !== undefined && prefix !== undefined) throw usage('Watch a KEY or a --prefix, not both.');
    const target = key === undefined ? { prefix: prefix ?? '' } : { key };
    await withClient(flags, (client) => this.#watch(client, target, { from, count }));
  }

  async #watch(client: RaftClient, target: WatchTarget, { from, count }: Range): Promise<void> {
    const onNotice = (notice: WatchNotice): void => this.#say(notice, target);
    const watch = client.watch({ ...target, onNotice, ...(from === undefined ? {} : { from }) });
    let left = count;
    for await (const event of watch) {
      await this.#show(event);
      left--;
      if (left === 0) break;
    }
  }

  async #show(event: WatchEvent): Promise<void> {
    const { type, index, key, value } = event;
    if (this.jsonEnabled()) await this.writeJson({ index, type, key, value });
    else await this.write(`${index} ${type} ${lineFor(key)}${value === null ? '' : ` ${lineFor(value)}`}\n`);
  }

  /** Whoever asked for JSON reads the changes by a program; that nothing can come now, he has to learn all the same. */
  #say(notice: WatchNotice, target: WatchTarget): void {
    switch (notice.type) {
      case 'watching':
        if (!this.jsonEnabled())
          this.note(`Watching ${named(target)} from index ${notice.from} on; Ctrl-C ends it.`);
        return;
      case 'waiting':
        this.note(
          `No node serves the watch now: ${lineFor(notice.reason.message, process.stderr)} It goes on trying.`,
        );
        return;
      default:
        assertNever(notice, 'notice');
    }
  }
}

interface Range {
  readonly from: number | undefined;
  readonly count: number;
}

function named({ key, prefix }: WatchTarget): string {
  const shown = lineFor(key ?? prefix ?? '', process.stderr);
  if (key !== undefined) return shown;
  return prefix === '' ? 'all keys' : `all keys that begin with ${shown}`;
}
