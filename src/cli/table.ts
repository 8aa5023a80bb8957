import Table from 'cli-table3';
import { lineFor } from './terminal.ts';

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** A table with a frame, without colours: it looks the same in a pipe, but for names that a terminal is not to obey. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => lineFor(cell)));
  return table.toString();
}
