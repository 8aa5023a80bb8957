import Table from 'cli-table3';

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** A table with a frame, without colours: it looks the same in a pipe. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
