import type { ByteWriter, ColumnSource, ParquetWriter, SchemaElement } from 'hyparquet-writer';
import { EXPORT_GROUP_BYTES_MAX, EXPORT_GROUP_ROWS_MAX } from '../lib/limits.ts';
import { type ExportCount, exportRows } from './export.ts';
import { EXPORT_COLUMNS, type ExportRow } from './export-row.ts';
import type { LogLocation } from './locate.ts';
import type { RowOptions } from './rows.ts';

/** How a column stands in the file, its name and its values aside. */
interface ColumnForm {
  readonly element: Omit<SchemaElement, 'name'>;
  readonly source: Pick<ColumnSource, 'encoding' | 'statistics'>;
}

const REQUIRED = { repetition_type: 'REQUIRED' } as const;
const OPTIONAL = { repetition_type: 'OPTIONAL' } as const;
// Without the newer logical type beside it: the library writes the width of that one as another type than the format says.
const UINT64 = { type: 'INT64', converted_type: 'UINT_64' } as const;
const INT64 = { type: 'INT64' } as const;
const INT32 = { type: 'INT32' } as const;
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
const BYTES = { type: 'BYTE_ARRAY' } as const;

/** A page of a column is about this long: the writer needs some times as much while it makes one. */
const PAGE_BYTES = 128 * 1024;

/** What rises by nearly the same from row to row takes nearly no room as differences. */
const RISING = { encoding: 'DELTA_BINARY_PACKED', statistics: true } as const;
/** With the smallest and the largest value of each row group, so that readers pass over groups. */
const COUNTED = { statistics: true } as const;
/** Of texts there is none: all of them would have to be kept until the end of the file. */
const PLAIN_TEXT = { statistics: false } as const;

const FORMS: Readonly<Record<keyof ExportRow, ColumnForm>> = {
  index: { element: { ...UINT64, ...REQUIRED }, source: RISING },
  term: { element: { ...UINT64, ...REQUIRED }, source: COUNTED },
  segment: { element: { ...TEXT, ...REQUIRED }, source: PLAIN_TEXT },
  offset: { element: { ...INT64, ...REQUIRED }, source: RISING },
  size: { element: { ...INT32, ...REQUIRED }, source: COUNTED },
  kind: { element: { ...TEXT, ...REQUIRED }, source: PLAIN_TEXT },
  session: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
  sequence: { element: { ...INT64, ...OPTIONAL }, source: COUNTED },
  op: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
  key: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
  value: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
  text: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
  command: { element: { ...BYTES, ...REQUIRED }, source: PLAIN_TEXT },
  expect: { element: { ...TEXT, ...OPTIONAL }, source: PLAIN_TEXT },
};

const SCHEMA: SchemaElement[] = [
  { name: 'log', num_children: EXPORT_COLUMNS.length },
  ...EXPORT_COLUMNS.map((name) => ({ name, ...FORMS[name].element })),
];

/**
 * The entries of a log as a Parquet file, in pieces: a row group each, and the footer. Memory holds one row group (at most
 * `EXPORT_GROUP_ROWS_MAX` rows, and `EXPORT_GROUP_BYTES_MAX` of commands or a single one), and for the footer two or three
 * kilobytes for each that was written.
 */
export async function* exportParquet(
  location: LogLocation,
  count: ExportCount,
  options: RowOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const sink = new ByteWriter();
  const parquet = new ParquetWriter({ writer: sink, schema: SCHEMA, createdBy: 'raft-toolkit' });
  let group = new RowGroup();
  for await (const row of exportRows(location, count, options)) {
    group.add(row);
    if (!group.isFull) continue;
    await parquet.write(group.source());
    yield taken(sink);
    group = new RowGroup();
  }
  if (group.rows > 0) await parquet.write(group.source());
  await parquet.finish();
  yield taken(sink);
}

/** Rows on their way into the file, by columns. */
class RowGroup {
  readonly #columns = EXPORT_COLUMNS.map((name) => ({ name, data: [] as unknown[] }));
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  get isFull(): boolean {
    return this.#rows >= EXPORT_GROUP_ROWS_MAX || this.#bytes >= EXPORT_GROUP_BYTES_MAX;
  }

  add(row: ExportRow): void {
    for (const { name, data } of this.#columns) data.push(parquetValue(row, name));
    this.#rows++;
    this.#bytes += row.size;
  }

  /** What the writer takes: all of it is one group. */
  source(): Parameters<ParquetWriter['write']>[0] {
    const columnData = this.#columns.map(({ name, data }) => ({
      ...{ name, data, offsetIndex: false },
      ...FORMS[name].source,
    }));
    return { columnData, rowGroupSize: this.#rows, pageSize: PAGE_BYTES };
  }
}

/**
 * A value as the writer takes it. What tends to be different in each row is bytes of the pool that small buffers share: the
 * writer would make an array buffer of each text, and a view of COMMAND would hold the whole chunk that was read.
 */
function parquetValue(row: ExportRow, name: keyof ExportRow): unknown {
  switch (name) {
    case 'offset':
      return BigInt(row.offset);
    case 'command':
      return Buffer.from(row.command);
    case 'key':
    case 'value':
    case 'text':
    case 'expect':
      return row[name] === null ? null : Buffer.from(row[name]);
    default:
      return row[name];
  }
}

/** Takes what was written, and lets the writer begin its buffer anew. */
function taken(sink: ByteWriter): Uint8Array {
  const piece = sink.getBytes().slice();
  sink.index = 0;
  return piece;
}
