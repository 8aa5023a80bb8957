import { type FileHandle, open } from 'node:fs/promises';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { findLog, logArgument } from '../../cli/find-log.ts';
import { dirFlags } from '../../cli/flags.ts';
import { ProgressBar } from '../../cli/log-progress.ts';
import { indexFlag, selectionFlags, selectionOf } from '../../cli/log-selection.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import { RaftError } from '../../lib/errors.ts';
import { readCommitHint } from '../../logtools/commit-hint.ts';
import { type ExportCount, exportOriginal, exportTable } from '../../logtools/export.ts';
import type { LogLocation } from '../../logtools/locate.ts';
import { LogProgress } from '../../logtools/progress.ts';

const FORMATS = ['ndjson', 'csv', 'original'] as const;

/** Writes a log in a form that other programs read. */
export class LogExport extends BaseCommand {
  static override summary = 'Write a log as NDJSON or CSV, or as a log file of the original.';

  static override description =
    prose`NDJSON and CSV have one row for each entry, with the columns index, term, segment, offset,
size, kind, session, sequence, op, key, value, text and command (base64); damage is left out and counted on standard
error. The format original has the frames as they are, up to what is known to be committed, since that program takes
every entry of its log for committed; --committed says how far, where no data directory says it. Reads only, also while
a node writes the log. --json concerns failures alone.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1.log --output log.ndjson',
    `<%= config.bin %> <%= command.id %> node1.log --format csv --where 'op == "put"'`,
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
    const selection = await selectionOf(flags);
    const isOriginal = flags.format === 'original';
    if (isOriginal && selection.isNarrowed)
      throw usage(
        'The format original has every entry: no others can be chosen with it than by --committed.',
      );
    if (isOriginal && flags.output === undefined && process.stdout.isTTY)
      throw usage('The format original is bytes: name a file for it.', [
        'raft log export LOG --format original --output FILE',
      ]);
    const { location, writer } = await findLog(args.log, flags.dir, (text) => this.note(text));
    const bar = new ProgressBar('Exporting');
    const progress = await LogProgress.of(location, (done, total) => bar.update(done, total));
    const count: ExportCount = { entries: 0, problems: 0, foreign: 0 };
    const pieces =
      flags.format === 'original'
        ? exportOriginal(location, await committedOf(location, flags.committed), count, progress)
        : exportTable(location, flags.format, count, { writer, selection, progress });
    try {
      await this.#write(pieces, flags.output);
    } finally {
      bar.clear();
    }
    this.#noteCount(location, count);
  }

  async #write(pieces: AsyncIterable<string | Uint8Array>, path: string | undefined): Promise<void> {
    if (path === undefined) {
      for await (const piece of pieces) await this.write(piece);
      return;
    }
    const file = await createFile(path);
    try {
      for await (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #noteCount({ path }: LogLocation, { problems, foreign }: ExportCount): void {
    if (problems > 0)
      this.note(`${problems} damaged places are not in it: raft log verify ${path} names them.`);
    if (foreign > 0) {
      this.note(
        `${foreign} of its entries are no plain commands (no-ops, configurations, commands in sessions): the original takes their bytes for commands.`,
      );
    }
  }
}

async function committedOf(location: LogLocation, given: bigint | undefined): Promise<bigint> {
  const known = given ?? (await readCommitHint(location));
  if (known > 0n) return known;
  throw usage(`Nothing says how far ${location.path} is committed.`, [
    'Name a data directory, whose commit file says it.',
    'Or say it: --committed INDEX (raft status shows it while the cluster runs)',
  ]);
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RaftError('cannot-create', `${path} cannot be made: ${reason}.`, {
      suggestions: ['Name a file that does not exist yet.'],
      cause: error,
    });
  }
}
