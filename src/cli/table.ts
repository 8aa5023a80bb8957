import Table, { type TableConstructorOptions } from 'cli-table3';
import { lineFor } from './terminal.ts';

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

const FRAMED: TableConstructorOptions = { style: { head: [], border: [], compact: true } };

/** Two spaces between columns, and nothing else. */
const FRAMELESS: TableConstructorOptions = {
  style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  chars: {
    ...{ top: '', 'top-left': '', 'top-mid': '', 'top-right': '' },
    ...{ bottom: '', 'bottom-left': '', 'bottom-mid': '', 'bottom-right': '' },
    ...{ mid: '', 'mid-mid': '', left: '', 'left-mid': '', right: '', 'right-mid': '', middle: '  ' },
  },
};

/**
 * A table without colours, with a frame: it looks the same in a pipe, but for names that a terminal is not to obey. On a
 * terminal of fewer than its columns, which would break each line of it, the frame is left out.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminalColumns: number | undefined = process.stdout.columns,
): string {
  const framed = rendered(columns, rows, FRAMED);
  const [edge = ''] = framed.split('\n');
  if (terminalColumns === undefined || edge.length <= terminalColumns) return framed;
  const lines = rendered(columns, rows, FRAMELESS).split('\n');
  return lines.map((line) => line.trimEnd()).join('\n');
}

function rendered(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableConstructorOptions,
): string {
  const table = new Table({
    ...options,
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? 'left'),
  });
  for (const row of rows) table.push(row.map((cell) => lineFor(cell)));
  return table.toString();
}
