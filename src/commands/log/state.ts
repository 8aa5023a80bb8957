import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { indexFlag } from '../../cli/log-selection.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import { counted } from '../../lib/counted.ts';
import { previewOf } from '../../logtools/preview.ts';
import { LogProgress } from '../../logtools/progress.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import { committedThrough, Replay, replayLog } from '../../logtools/replay.ts';

/** Shows the key-value state after an entry. */
export class LogState extends BaseCommand {
  static override summary = 'Show the key-value state after an entry, by applying the log up to it.';

  static override description =
    prose`Applies the log to the key-value machine from its first entry on, with sessions as a node
does, so that a command that came twice counts once. With --json first {"type":"state",…}, then one object for each key.
What is beyond the entries that are known to be committed may yet be taken back: "committedThrough" says how far they go.
Reads only, also while a node writes the log.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log --at 1000',
    '<%= config.bin %> <%= command.id %> node1.log --prefix user/ --json',
  ];

  static override args = logArgument;

  static override flags = {
    at: indexFlag('Show the state after the entry of this index; after the last one unless given.'),
    prefix: Flags.string({ description: 'Show only keys that begin so.', helpValue: 'PREFIX' }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogState);
    const { at, prefix = '' } = flags;
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    await refuseNoLog(location);
    const committed = await committedThrough(location);
    const bar = new ProgressBar('Applying');
    const progress = await LogProgress.of(location, (done, total) => bar.update(done, total));
    const replay = new Replay();
    let index = 0n;
    let term = 0n;
    try {
      for await (const { frame } of replayLog(location, replay, { at, writer, progress }))
        ({ index, term } = frame);
    } finally {
      bar.clear();
    }
    if (at !== undefined && index < at)
      throw usage(`The log ends with index ${index}, and --at asks for ${at}.`);
    const keys = replay.values.size;
    const shown = keysWith(prefix, replay);
    const document = { type: 'state', index, term, keys, committedThrough: committed };
    this.printResult(document, () => stateLine({ index, term, keys, prefix, shown }));
    for (const [key, item] of replay.items()) {
      if (!key.startsWith(prefix)) continue;
      if (this.jsonEnabled()) await this.writeJson({ type: 'item', key, ...item });
      else await this.write(`${oneLine(key)} = ${oneLine(item.value)}  (index ${item.index})\n`);
    }
  }
}

/** How many keys begin so. */
function keysWith(prefix: string, { values }: Replay): number {
  let count = 0;
  for (const key of values.keys()) if (key.startsWith(prefix)) count++;
  return count;
}

/** The state in a line. */
interface StateSummary {
  readonly index: bigint;
  readonly term: bigint;
  readonly keys: number;
  readonly prefix: string;
  /** How many of the keys begin with the prefix. */
  readonly shown: number;
}

function stateLine({ index, term, keys, prefix, shown }: StateSummary): string {
  if (index === 0n) return 'Before the first entry there are no keys.';
  const after = `After index ${index} (term ${term})`;
  if (keys === 0) return `${after} there are no keys.`;
  if (prefix !== '') {
    const begin = `${shown} of ${counted(keys, 'key')} ${shown === 1 ? 'begins' : 'begin'}`;
    return `${after} ${begin} with "${oneLine(prefix)}"${shown === 0 ? '.' : ':'}`;
  }
  return `${after} there ${keys === 1 ? 'is' : 'are'} ${counted(keys, 'key')}:`;
}

/** A text on one line, whatever is in it. */
function oneLine(text: string): string {
  return previewOf(Buffer.from(text), 200);
}
