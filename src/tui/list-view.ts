import { counted } from '../lib/counted.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { isFilledAhead } from '../logfmt/damage.ts';
import type { Extent, IndexedDamage, IndexedRow, LogLookup } from '../logtools/log-index.ts';
import type { RowContent } from '../logtools/row-content.ts';
import type { InspectorState } from './inspector-state.ts';
import { EMPTY_LINE, type Line, type Span, type Style, span } from './line.ts';

/** What the list shows of rows besides what the index knows, as far as it was read. */
export type Contents = ReadonlyMap<number, RowContent>;

interface Column {
  readonly title: string;
  readonly widthMin: number;
  readonly align: 'left' | 'right';
  readonly style: Style;
  readonly text: (row: IndexedRow, content: RowContent | undefined) => string;
  /** The longest text that a log of this extent should have here, so that columns stay where they are while rows move. */
  readonly longest?: (extent: Extent) => string;
}

const OFFSET: Column = {
  ...{ title: 'offset', widthMin: 8, align: 'right', style: 'dim' },
  text: (row) => String(row.offset),
  longest: ({ offset }) => String(offset),
};
const INDEX: Column = {
  ...{ title: 'index', widthMin: 6, align: 'right', style: 'index' },
  text: (row) => (row.type === 'entry' ? String(row.index) : ''),
  longest: ({ index }) => String(index),
};
const TERM: Column = {
  ...{ title: 'term', widthMin: 4, align: 'right', style: 'term' },
  text: (row) => (row.type === 'entry' ? String(row.term) : ''),
  longest: ({ term }) => String(term),
};
const KIND: Column = {
  ...{ title: 'kind', widthMin: 'configuration'.length, align: 'left', style: 'kind' },
  text: (_, content) => (content?.type === 'entry' ? content.kind : ''),
};
const KIND_SHORT: Column = {
  ...KIND,
  widthMin: 'session'.length,
  text: (row, content) => KIND.text(row, content).replace('configuration', 'config'),
};
const SIZE: Column = {
  ...{ title: 'size', widthMin: 6, align: 'right', style: 'plain' },
  text: (_, content) => (content?.type === 'entry' ? String(content.size) : ''),
  // A command is not longer than the segment in which it stands, nor than a command may be.
  longest: ({ offset }) => String(Math.min(offset, FRAME_COMMAND_BYTES_MAX)),
};
const CHECKSUM: Column = {
  ...{ title: 'checksum', widthMin: 8, align: 'left', style: 'good' },
  text: (_, content) => (content?.type === 'entry' ? `${hex(content.crc)} ok` : ''),
};
const CHECKSUM_SHORT: Column = {
  ...CHECKSUM,
  title: 'sum',
  widthMin: 3,
  text: (_, content) => checksumWord(content),
};

/** The columns for which there is room. The command takes the rest. */
function columnsFor(columns: number): readonly Column[] {
  if (columns >= 110) return [OFFSET, INDEX, TERM, KIND, SIZE, CHECKSUM];
  if (columns >= 100) return [OFFSET, INDEX, TERM, KIND, SIZE, CHECKSUM_SHORT];
  // Every entry that is no damage has a good checksum: that is the first to go.
  if (columns >= 60) return [OFFSET, INDEX, TERM, KIND_SHORT, SIZE];
  return [INDEX, TERM, KIND_SHORT];
}

const GAP = '  ';
/** The column of the row that one is at: seen without colour too. */
const MARKER_COLUMNS = 1;

/** The heading of the list and its rows, without the bar at the side. */
export function listLines(
  state: InspectorState,
  log: LogLookup,
  contents: Contents,
  rows: number,
): readonly Line[] {
  const shown = Array.from({ length: rows }, (_, i) => state.top + i).map((number) =>
    number < log.rowCount
      ? { number, row: log.rowAt(number), content: currentContent(log, contents, number) }
      : undefined,
  );
  const columns = columnsFor(state.size.columns);
  const { extent } = log;
  const widths = columns.map((column) => {
    const texts = shown.map((each) =>
      each?.row.type === 'entry' ? column.text(each.row, each.content) : '',
    );
    const longest = column.longest?.(extent) ?? '';
    return Math.max(column.widthMin, column.title.length, ...[longest, ...texts].map(({ length }) => length));
  });
  const heading = columns.map((column, i) =>
    span(padded(column.title, column, widths[i] ?? 0) + GAP, 'heading'),
  );
  const lines = shown.map((each): Line => {
    if (each === undefined) return EMPTY_LINE;
    const { number, row, content } = each;
    const isCursor = number === state.cursor;
    const marker = span(isCursor ? '>' : number === state.mark ? "'" : ' ', isCursor ? 'bold' : 'plain');
    const cells =
      row.type === 'damage'
        ? damageCells(row, widths, columns)
        : columns.map((column, i) =>
            span(padded(column.text(row, content), column, widths[i] ?? 0) + GAP, column.style),
          );
    const preview = row.type === 'entry' ? [previewSpan(content)] : [];
    return [marker, ...[...cells, ...preview].map((cell) => (isCursor ? selected(cell) : cell))];
  });
  return [[span(' '.repeat(MARKER_COLUMNS)), ...heading, span('command', 'heading')], ...lines];
}

/** Damage in one line. What every crash leaves does not cry out. */
export function damageSpan(damage: IndexedDamage): Span {
  const { kind, detail, length, fatal } = damage;
  const weight = fatal ? 'a node refuses to start on it' : 'a node goes on after it';
  const words = `${kind}: ${detail} (${counted(length, 'byte')}; ${weight})`;
  return isFilledAhead(damage) ? span(words, 'dim') : span(`!! ${words}`, fatal ? 'fatal' : 'note');
}

/** Eight hexadecimal digits. */
export function hex(value: number, digits = 8): string {
  return value.toString(16).padStart(digits, '0');
}

/** What was read of a row, unless the row has become another one meanwhile. */
function currentContent(log: LogLookup, contents: Contents, number: number): RowContent | undefined {
  const content = contents.get(number);
  const row = log.rowAt(number);
  return content !== undefined && isSameRow(content.row, row) ? content : undefined;
}

export function isSameRow(a: IndexedRow, b: IndexedRow): boolean {
  if (a.offset !== b.offset || a.segment.path !== b.segment.path || a.type !== b.type) return false;
  return a.type !== 'entry' || b.type !== 'entry' || (a.index === b.index && a.term === b.term);
}

function damageCells(
  row: IndexedDamage,
  widths: readonly number[],
  columns: readonly Column[],
): readonly Span[] {
  const offset =
    columns[0] === OFFSET ? [span(padded(String(row.offset), OFFSET, widths[0] ?? 0) + GAP, 'dim')] : [];
  return [...offset, damageSpan(row)];
}

function previewSpan(content: RowContent | undefined): Span {
  if (content === undefined) return span('');
  if (content.type === 'changed') return span('(something else stands here by now)', 'note');
  return span(content.preview);
}

function checksumWord(content: RowContent | undefined): string {
  return content?.type === 'entry' ? 'ok' : '';
}

function selected(cell: Span): Span {
  return cell.style === 'fatal' || cell.style === 'note' ? cell : { ...cell, style: 'selected' };
}

function padded(text: string, { align }: Column, width: number): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}
