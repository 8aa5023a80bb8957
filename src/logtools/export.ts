import { RaftError } from '../lib/errors.ts';
import { encodeRawFrame } from '../logfmt/frame.ts';
import { EXPORT_COLUMNS, type ExportRow, exportRow } from './export-row.ts';
import { EntryValues } from './expression/entry-values.ts';
import type { LogLocation } from './locate.ts';
import type { LogProgress } from './progress.ts';
import { readLog } from './read-log.ts';
import { type RowOptions, selectedItems } from './rows.ts';

/** What an export has written, for whoever watches. */
export interface ExportCount {
  entries: number;
  /** Damaged places, which no table can hold. */
  problems: number;
  /** Entries that the original takes for commands, and that are none. */
  foreign: number;
}

/** A row as CSV and NDJSON have it. */
type TextFields = Readonly<Record<keyof ExportRow, string | number | null>>;

/** Text that is written in pieces of about this many characters. */
const PIECE_CHARACTERS = 64 * 1024;

/** The rows of a log; damage, which has none, is counted. */
export async function* exportRows(
  location: LogLocation,
  count: ExportCount,
  options: RowOptions = {},
): AsyncGenerator<ExportRow, void> {
  for await (const { segment, item } of selectedItems(location, options)) {
    if (item.type === 'problem') {
      if (item.problem.kind !== 'zero-tail') count.problems++;
      continue;
    }
    count.entries++;
    yield exportRow(item.frame, segment.name);
  }
}

/** The entries of a log as NDJSON or CSV, in pieces of many lines; what was written is counted in `count`. */
export async function* exportTable(
  location: LogLocation,
  format: 'ndjson' | 'csv',
  count: ExportCount,
  options: RowOptions = {},
): AsyncGenerator<string, void> {
  let piece = format === 'csv' ? `${EXPORT_COLUMNS.join(',')}\n` : '';
  for await (const row of exportRows(location, count, options)) {
    const fields = textFields(row);
    piece += format === 'csv' ? csvLine(fields) : `${JSON.stringify(fields)}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/**
 * The frames of a log from index 1 up to another one, as a log file of the original: it takes every entry of its log for
 * committed, so nothing else may stand there. Errors: `damaged` where one of them is damaged or missing.
 */
export async function* exportOriginal(
  location: LogLocation,
  through: bigint,
  count: ExportCount,
  progress?: LogProgress,
): AsyncGenerator<Uint8Array, void> {
  let last = 0n;
  for await (const found of readLog(location)) {
    if (last >= through) return;
    const { item } = found;
    if (item.type === 'problem') {
      if (!item.problem.fatal) continue;
      throw incomplete(location, last, through);
    }
    if (item.frame.index !== last + 1n) throw incomplete(location, last, through);
    progress?.see(found);
    last = item.frame.index;
    count.entries++;
    if (new EntryValues(item.frame).kind !== 'command') count.foreign++;
    yield encodeRawFrame(item.frame);
  }
  if (last < through) throw incomplete(location, last, through);
}

/** As text knows them: a uint64 is a decimal string, so that no reader rounds it, and COMMAND is in base64. */
function textFields(row: ExportRow): TextFields {
  return {
    ...row,
    index: String(row.index),
    term: String(row.term),
    sequence: row.sequence === null ? null : String(row.sequence),
    command: Buffer.from(row.command).toString('base64'),
  };
}

/** RFC 4180, with a line feed at the end: null is nothing, and an empty text stands in quotes. */
function csvLine(fields: TextFields): string {
  return `${EXPORT_COLUMNS.map((column) => csvField(fields[column])).join(',')}\n`;
}

function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function incomplete(location: LogLocation, last: bigint, through: bigint): RaftError {
  const what =
    last === 0n ? 'does not begin with a good entry of index 1' : `is whole up to index ${last} only`;
  return new RaftError(
    'damaged',
    `${location.path} ${what}, and entries up to ${through} are to be written.`,
    { suggestions: [`raft log verify ${location.path}`, `raft log repair ${location.path} --from LOG`] },
  );
}
