import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { inspectHeading, inspectLine } from '../../cli/log-lines.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { prose } from '../../cli/prose.ts';
import { lineFor } from '../../cli/terminal.ts';
import { RaftError } from '../../lib/errors.ts';
import { type BisectResult, bisectLog, compileWhen } from '../../logtools/bisect.ts';
import { LogProgress } from '../../logtools/progress.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import type { ReplayedChange } from '../../logtools/replay.ts';

/** Finds the entry that made a condition true. */
export class LogBisect extends BaseCommand {
  static override summary = 'Find the first entry that makes a condition over the key-value state true.';

  static override description =
    prose`Applies the log from its first entry on, with sessions as a node does, and shows the first
entry after which the condition holds and before which it does not. The condition is in the Common Expression Language
(CEL), over state, a map from keys to values, and over index, term, kind, op, key and value of the entry; a key that is
not there makes it false. Ends with 3 where no entry makes it true. Reads only, also while a node writes the log.`;

  static override examples = [
    `<%= config.bin %> <%= command.id %> node1.log --when 'state["greeting"] == "hello"'`,
    `<%= config.bin %> <%= command.id %> node1.log --when '!("user/ann" in state)'`,
    `<%= config.bin %> <%= command.id %> node1.log --when 'size(state) > 1000' --json`,
  ];

  static override args = logArgument;

  static override flags = {
    when: Flags.string({
      description: 'The condition.',
      helpValue: 'CONDITION',
      required: true,
    }),
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogBisect);
    const when = await compileWhen(flags.when);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text));
    await refuseNoLog(location);
    const bar = new ProgressBar('Applying');
    const progress = await LogProgress.of(location, (done, total) => bar.update(done, total));
    let result: BisectResult;
    try {
      result = await bisectLog(location, when, { writer, progress });
    } finally {
      bar.clear();
    }
    if (result.type === 'none') throw notFound(result);
    const { row, change, keys } = result;
    this.printResult({ ...row, change, keys }, () =>
      [inspectHeading(), inspectLine(row), ...(change === null ? [] : [changeLine(change)])].join('\n'),
    );
  }
}

function changeLine({ key, before, after }: ReplayedChange): string {
  return lineFor(`${JSON.stringify(key)}: ${valueText(before)} became ${valueText(after)}`);
}

function valueText(value: string | null): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}

function notFound({ lastIndex, holdsThroughout }: Extract<BisectResult, { type: 'none' }>): RaftError {
  if (lastIndex === 0n) return new RaftError('answered-no', 'The log has no entry that could make it true.');
  const why = holdsThroughout
    ? 'it holds before the first entry already, and ever after'
    : 'it never comes true';
  return new RaftError('answered-no', `No entry up to index ${lastIndex} makes it true: ${why}.`);
}
