import type { PayloadKind } from '../lib/entry.ts';
import { RaftError } from '../lib/errors.ts';
import { encodeRawFrame, type RawFrame } from '../logfmt/frame.ts';
import { EntryValues } from './expression/entry-values.ts';
import type { LogLocation } from './locate.ts';
import type { LogProgress } from './progress.ts';
import { readLog } from './read-log.ts';
import { readableText } from './readable.ts';
import { type RowOptions, selectedItems } from './rows.ts';

/** One entry as a row of a table. A uint64 is a decimal string; null is what the entry does not have. */
interface ExportRow {
  readonly index: string;
  readonly term: string;
  readonly segment: string;
  readonly offset: number;
  readonly size: number;
  readonly kind: PayloadKind;
  readonly session: string | null;
  readonly sequence: string | null;
  readonly op: string | null;
  readonly key: string | null;
  readonly value: string | null;
  readonly text: string | null;
  /** COMMAND in base64. */
  readonly command: string;
}

/** The columns of a table, in order. */
const COLUMNS = [
  ...(['index', 'term', 'segment', 'offset', 'size', 'kind', 'session', 'sequence'] as const),
  ...(['op', 'key', 'value', 'text', 'command'] as const),
] as const satisfies readonly (keyof ExportRow)[];

/** What an export has written, for whoever watches. */
export interface ExportCount {
  entries: number;
  /** Damaged places, which no table can hold. */
  problems: number;
  /** Entries that the original takes for commands, and that are none. */
  foreign: number;
}

export interface ExportOptions extends RowOptions {
  readonly progress?: LogProgress | undefined;
}

/** Text that is written in pieces of about this many characters. */
const PIECE_CHARACTERS = 64 * 1024;

/** The entries of a log as NDJSON or CSV, in pieces of many lines; what was written is counted in `count`. */
export async function* exportTable(
  location: LogLocation,
  format: 'ndjson' | 'csv',
  count: ExportCount,
  { progress, ...options }: ExportOptions = {},
): AsyncGenerator<string, void> {
  let piece = format === 'csv' ? `${COLUMNS.join(',')}\n` : '';
  for await (const found of selectedItems(location, options)) {
    progress?.see(found);
    if (found.item.type === 'problem') {
      if (found.item.problem.kind !== 'zero-tail') count.problems++;
      continue;
    }
    count.entries++;
    const row = rowOf(found.item.frame, found.segment.name);
    piece += format === 'csv' ? csvLine(row) : `${JSON.stringify(row)}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/**
 * The frames of a log up to an index, as a log file of the original: it takes every entry of its log for committed, so
 * nothing else may stand there. Errors: `damaged` where one of them is damaged or missing.
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
    if (last !== 0n && item.frame.index !== last + 1n) throw incomplete(location, last, through);
    progress?.see(found);
    last = item.frame.index;
    count.entries++;
    if (new EntryValues(item.frame).kind !== 'command') count.foreign++;
    yield encodeRawFrame(item.frame);
  }
  if (last < through) throw incomplete(location, last, through);
}

function rowOf(frame: RawFrame, segment: string): ExportRow {
  const values = new EntryValues(frame);
  const { payload } = values;
  const isKv = values.op !== '';
  const inSession = payload.kind === 'session';
  return {
    index: String(frame.index),
    term: String(frame.term),
    segment,
    offset: frame.offset,
    size: frame.command.length,
    kind: payload.kind,
    session: inSession ? values.session : null,
    sequence: inSession ? String(values.sequence) : null,
    op: isKv ? values.op : null,
    key: isKv && values.key !== '' ? values.key : null,
    value: values.op === 'put' || values.op === 'cas' ? values.value : null,
    text: readableText(payload) ?? null,
    command: Buffer.from(frame.command).toString('base64'),
  };
}

/** RFC 4180, with a line feed at the end: null is nothing, and an empty text stands in quotes. */
function csvLine(row: ExportRow): string {
  return `${COLUMNS.map((column) => csvField(row[column])).join(',')}\n`;
}

function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function incomplete(location: LogLocation, last: bigint, through: bigint): RaftError {
  return new RaftError(
    'damaged',
    `${location.path} is whole up to index ${last} only, and entries up to ${through} are to be written.`,
    { suggestions: [`raft log verify ${location.path}`, `raft log repair ${location.path} --from LOG`] },
  );
}
