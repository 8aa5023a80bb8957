import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { indexFlag, selectionFlags, selectionOf } from '../../cli/log-selection.ts';
import { NewFile } from '../../cli/new-file.ts';
import { prose } from '../../cli/prose.ts';
import { signalExitCode } from '../../cli/signals.ts';
import { linesFor } from '../../cli/terminal.ts';
import { usage } from '../../cli/values.ts';
import { assertNever } from '../../lib/assert.ts';
import { counted } from '../../lib/counted.ts';
import { readCommitHint } from '../../logtools/commit-hint.ts';
import { type ExportCount, exportOriginal, exportTable } from '../../logtools/export.ts';
import { exportParquet } from '../../logtools/export-parquet.ts';
import type { LogLocation } from '../../logtools/locate.ts';
import { LogProgress } from '../../logtools/progress.ts';
import { refuseNoLog } from '../../logtools/refuse-no-log.ts';
import type { RowOptions } from '../../logtools/rows.ts';

const FORMATS = ['ndjson', 'csv', 'parquet', 'original'] as const;

type Format = (typeof FORMATS)[number];

/** What is to be written. */
interface Request {
  readonly format: Format;
  readonly location: LogLocation;
  /** What `--committed` says. */
  readonly committed: bigint | undefined;
}

/** Writes a log in a form that other programs read. */
export class LogExport extends BaseCommand {
  static override summary = 'Write a log as NDJSON, CSV or Parquet, or as a log file of the original.';

  static override description =
    prose`NDJSON, CSV and Parquet have one row for each entry, with the columns index, term, segment,
offset, size, kind, session, sequence, op, key, value, text, command (base64; in Parquet bytes) and expect (of a cas); damage is left out
and counted on standard error. The file of --output gets its name once it is whole. The format original has the frames as they are, up to what is known to be committed, since that program takes
every entry of its log for committed; --committed says how far, where no data directory says it. Reads only, also while
a node writes the log. --json concerns failures alone.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log --output log.ndjson',
    `<%= config.bin %> <%= command.id %> node1.log --format csv --where 'op == "put"'`,
    '<%= config.bin %> <%= command.id %> node1 --format parquet --output log.parquet',
    '<%= config.bin %> <%= command.id %> node1 --format original --output original.log',
  ];

  static override args = logArgument;

  static override flags = {
    format: Flags.option({
      description: 'What to write.',
      options: FORMATS,
      default: 'ndjson' as const,
    })(),
    output: Flags.string({
      char: 'o',
      description: 'Write to this new file, in place of standard output.',
      helpValue: 'FILE',
    }),
    committed: indexFlag('With --format original: entries up to this index are committed.'),
    ...selectionFlags,
    ...dirFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LogExport);
    const { format, output, committed } = flags;
    const selection = await selectionOf(flags);
    if (format === 'original' && selection.isNarrowed)
      throw usage(
        'The format original has every entry: no others can be chosen with it than by --committed.',
      );
    if (format !== 'original' && committed !== undefined)
      throw usage('--committed goes with --format original alone; --to INDEX ends the others.');
    const isToTerminal = output === undefined && process.stdout.isTTY;
    if (isToTerminal && (format === 'original' || format === 'parquet'))
      throw usage(`The format ${format} is bytes: name a file for it.`, [
        `raft log export LOG --format ${format} --output FILE`,
      ]);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text), this.id);
    await refuseNoLog(location);
    const bar = new ProgressBar('Exporting');
    // Rows and a bar on one terminal would run into each other, and the rows show how far it is.
    const progress = await LogProgress.of(location, (done, total) => {
      if (!isToTerminal) bar.update(done, total);
    });
    const count: ExportCount = { entries: 0, problems: 0, foreign: 0 };
    const pieces = await piecesOf({ format, location, committed }, count, { writer, selection, progress });
    try {
      await this.#write(pieces, output);
    } finally {
      bar.clear();
    }
    this.#noteCount(location, count);
  }

  async #write(pieces: AsyncIterable<string | Uint8Array>, path: string | undefined): Promise<void> {
    if (path === undefined) {
      // Texts of the table come from the log; what is bytes is not written to a terminal at all.
      for await (const piece of pieces) await this.write(typeof piece === 'string' ? linesFor(piece) : piece);
      return;
    }
    const file = new NewFile(path);
    this.takeSignals((signal) => {
      file.abandon();
      process.exit(signalExitCode(signal));
    });
    await file.writeAll(pieces);
  }

  #noteCount({ path }: LogLocation, { problems, foreign }: ExportCount): void {
    if (problems > 0) this.note(`${damagedPlaces(problems)} not in it: raft log verify ${path} names all.`);
    if (foreign > 0) {
      this.note(
        `${foreignEntries(foreign)} (no-ops, configurations, commands in sessions): the original takes such bytes for commands.`,
      );
    }
  }
}

function damagedPlaces(count: number): string {
  return `${counted(count, 'damaged place')} ${count === 1 ? 'is' : 'are'}`;
}

function foreignEntries(count: number): string {
  return count === 1
    ? '1 of its entries is no plain command'
    : `${count} of its entries are no plain commands`;
}

async function piecesOf(
  { format, location, committed }: Request,
  count: ExportCount,
  options: RowOptions,
): Promise<AsyncIterable<string | Uint8Array>> {
  switch (format) {
    case 'ndjson':
    case 'csv':
      return exportTable(location, format, count, options);
    case 'parquet':
      return exportParquet(location, count, options);
    case 'original':
      return exportOriginal(location, await committedOf(location, committed), count, options.progress);
    default:
      return assertNever(format, 'format');
  }
}

async function committedOf(location: LogLocation, given: bigint | undefined): Promise<bigint> {
  const known = given ?? (await readCommitHint(location));
  if (known > 0n) return known;
  throw usage(`Nothing says how far ${location.path} is committed.`, [
    'Name a data directory, whose commit file says it.',
    'Or say it: --committed INDEX',
    'raft status   # shows it while the cluster runs',
  ]);
}
