import { readdirSync } from 'node:fs';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/lib/assert.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { EXPORT_GROUP_BYTES_MAX, EXPORT_GROUP_ROWS_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { type ExportCount, exportOriginal, exportTable } from '../../src/logtools/export.ts';
import { exportParquet } from '../../src/logtools/export-parquet.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { fixture, fixturePath, plainLog } from '../logfmt/logs.ts';
import { entriesOf, NOOP, sessionOf } from './entries.ts';
import { collect, TempDir } from './temp-dir.ts';

const LOG = encodeFrames(
  entriesOf([
    [1, NOOP],
    [1, '{"op":"put","key":"a,b","value":"say \\"hi\\"\\nthere"}'],
    [2, { session: 3, sequence: 4, text: 'put empty ' }],
    [2, Uint8Array.of(0xff)],
  ]),
);

const noCount = (): ExportCount => ({ entries: 0, problems: 0, foreign: 0 });

async function table(format: 'ndjson' | 'csv', bytes = LOG, where?: string): Promise<string> {
  await using dir = await TempDir.make();
  const location = await locateLog(await dir.write('x.log', bytes));
  const selection = await Selection.of({ where });
  return (await collect(exportTable(location, format, noCount(), { selection }))).join('');
}

describe('an export as a table', () => {
  it('has one row for each entry, and null for what it does not have', async () => {
    const rows = (await table('ndjson'))
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(rows).toMatchObject([
      { index: '1', term: '1', kind: 'noop', size: 9, session: null, op: null, text: null },
      { index: '2', kind: 'command', op: 'put', key: 'a,b', value: 'say "hi"\nthere' },
      { index: '3', kind: 'session', session: sessionOf(3), sequence: '4', key: 'empty', value: '' },
      { index: '4', op: null, text: null, command: '/w==' },
    ]);
  });

  it('says what a cas expects: a value, an empty one, or that the key is absent', async () => {
    const cas = (expect: string | null) => JSON.stringify({ op: 'cas', key: 'k', expect, value: 'v' });
    const log = encodeFrames(entriesOf([cas('old'), cas(''), cas(null), 'put k v'].map((text) => [1, text])));
    const rows = (await table('ndjson', log)).trimEnd().split('\n');
    const lines = (await table('csv', log)).trimEnd().split('\n');
    await using dir = await TempDir.make();
    const inParquet = await parquet(await dir.write('x.log', log));

    expect(rows.map((row) => JSON.parse(row).expect)).toEqual(['old', '', null, null]);
    expect(inParquet.rows.map(({ expect }) => expect)).toEqual(['old', '', null, null]);
    expect(lines.map((line) => line.split(',').at(-1))).toEqual(['expect', 'old', '""', '', '']);
    expect(rows.map((row) => JSON.parse(row).op)).toEqual(['cas', 'cas', 'cas', 'put']);
  });

  it('as CSV has a heading, and quotes where they are needed', async () => {
    const csv = await table('csv', LOG, 'index < 4');
    expect(csv).toBe(
      [
        'index,term,segment,offset,size,kind,session,sequence,op,key,value,text,command,expect',
        '1,1,x.log,0,9,noop,,,,,,,iVJBRlQNChoB,',
        '2,1,x.log,33,52,command,,,put,"a,b","say ""hi""\nthere","{""op"":""put"",""key"":""a,b"",""value"":""say \\""hi\\""\\nthere""}",eyJvcCI6InB1dCIsImtleSI6ImEsYiIsInZhbHVlIjoic2F5IFwiaGlcIlxudGhlcmUifQ==,',
        `3,2,x.log,109,68,session,${sessionOf(3)},4,put,empty,"",put empty ,iVJBRlQNChoDAQMDAwMDAwMDAwMDAwMDAwMEAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAHB1dCBlbXB0eSA=,`,
        '',
      ].join('\n'),
    );
  });

  it('leaves damage out and counts it', async () => {
    const count = noCount();
    const location = await locateLog(fixturePath('damaged-log/two-bitflips.log'));
    const lines = (await collect(exportTable(location, 'ndjson', count))).join('').trimEnd().split('\n');
    expect(lines.length).toBe(400);
    expect(count).toEqual({ entries: 400, problems: 2, foreign: 0 });
  });
});

/** A log as Parquet, read back; with the number of its row groups. */
async function parquet(path: string): Promise<{
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly groups: number;
  readonly count: ExportCount;
}> {
  const count = noCount();
  const { buffer } = concatBytes(await collect(exportParquet(await locateLog(path), count)));
  assert(buffer instanceof ArrayBuffer, 'bytes of their own');
  const metadata = parquetMetadata(buffer);
  // Without this the library takes COMMAND for text.
  const rows = await parquetReadObjects({ file: buffer, metadata, utf8: false });
  return { rows, groups: metadata.row_groups.length, count };
}

/** A row of a Parquet file in the form of NDJSON. */
function asJson(row: Readonly<Record<string, unknown>>): unknown {
  const { command, offset, sequence } = row;
  assert(command instanceof Uint8Array, 'a command is bytes');
  return {
    ...row,
    index: String(row.index),
    term: String(row.term),
    offset: Number(offset),
    sequence: sequence === null ? null : String(sequence),
    command: Buffer.from(command).toString('base64'),
  };
}

async function ndjson(path: string): Promise<readonly unknown[]> {
  const pieces = await collect(exportTable(await locateLog(path), 'ndjson', noCount()));
  return pieces
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

describe('an export as Parquet', () => {
  const fixtures = ['seed-log', 'damaged-log'].flatMap((folder) =>
    readdirSync(fixturePath(folder))
      .filter((name) => name.endsWith('.log'))
      .map((name) => `${folder}/${name}`),
  );

  it.each(fixtures)('has the rows of the NDJSON: %s', async (name) => {
    const path = fixturePath(name);
    const { rows } = await parquet(path);
    expect(rows.map(asJson)).toEqual(await ndjson(path));
  });

  it('rounds no uint64, and says in its schema what each column is', async () => {
    const { rows } = await parquet(fixturePath('seed-log/uint64-extremes.log'));
    expect(rows.at(-1)).toMatchObject({ index: 2n ** 64n - 2n, term: 2n ** 64n - 1n });

    const location = await locateLog(fixturePath('damaged-log/empty.log'));
    const { buffer } = concatBytes(await collect(exportParquet(location, noCount())));
    assert(buffer instanceof ArrayBuffer, 'bytes of their own');
    const { schema, num_rows } = parquetMetadata(buffer);
    const optional = ['session', 'sequence', 'op', 'key', 'value', 'text', 'expect'];
    expect(num_rows).toBe(0n);
    expect(
      schema.slice(1).map(({ name, type, converted_type, repetition_type }) => {
        expect(repetition_type, name).toBe(optional.includes(name) ? 'OPTIONAL' : 'REQUIRED');
        return [name, type, converted_type].join(' ').trimEnd();
      }),
    ).toEqual([
      ...['index INT64 UINT_64', 'term INT64 UINT_64', 'segment BYTE_ARRAY UTF8', 'offset INT64'],
      ...['size INT32', 'kind BYTE_ARRAY UTF8', 'session BYTE_ARRAY UTF8', 'sequence INT64'],
      ...['op BYTE_ARRAY UTF8', 'key BYTE_ARRAY UTF8', 'value BYTE_ARRAY UTF8', 'text BYTE_ARRAY UTF8'],
      ...['command BYTE_ARRAY', 'expect BYTE_ARRAY UTF8'],
    ]);
  });

  it('has a row group for each so many rows, or so many bytes of commands', async () => {
    await using dir = await TempDir.make();
    const small = plainLog(2 * EXPORT_GROUP_ROWS_MAX + 1, 20);
    const large = plainLog(7, EXPORT_GROUP_BYTES_MAX / 2);
    const mixed = entriesOf(
      Array.from({ length: 20_000 }, (_, i) => [
        1 + Math.floor(i / 1000),
        i % 3 === 0
          ? NOOP
          : i % 3 === 1
            ? `put ключ/${i % 50} ${i}`
            : { session: 1, sequence: i, text: '\u0000' },
      ]),
    );
    for (const [entries, groupsExpected] of [
      [small, 3],
      [large, 4],
      [mixed, Math.ceil(20_000 / EXPORT_GROUP_ROWS_MAX)],
    ] as const) {
      const path = await dir.write('x.log', encodeFrames(entries));
      const { rows, groups, count } = await parquet(path);
      expect(groups).toBe(groupsExpected);
      expect(count).toEqual({ entries: entries.length, problems: 0, foreign: 0 });
      expect(rows.map(asJson)).toEqual(await ndjson(path));
    }
  });
});

describe('an export for the original', () => {
  it('is the frames as they are, up to what is committed', async () => {
    const location = await locateLog(fixturePath('seed-log/mixed.log'));
    const count = noCount();
    const bytes = concatBytes(await collect(exportOriginal(location, 402n, count)));
    expect(Buffer.from(bytes).equals(fixture('seed-log/mixed.log'))).toBe(true);
    const part = concatBytes(await collect(exportOriginal(location, 3n, noCount())));
    expect(Buffer.from(bytes.subarray(0, part.length)).equals(part)).toBe(true);
    expect(count).toEqual({ entries: 402, problems: 0, foreign: 0 });
  });

  it('counts entries that are no plain commands', async () => {
    await using dir = await TempDir.make();
    const location = await locateLog(await dir.write('x.log', LOG));
    const count = noCount();
    await collect(exportOriginal(location, 4n, count));
    expect(count).toMatchObject({ entries: 4, foreign: 2 });
  });

  it('is refused where one of them is damaged or not there', async () => {
    const damaged = await locateLog(fixturePath('damaged-log/missing-entry.log'));
    await expect(collect(exportOriginal(damaged, 300n, noCount()))).rejects.toMatchObject({
      code: 'damaged',
    });
    const short = await locateLog(fixturePath('seed-log/mixed.log'));
    await expect(collect(exportOriginal(short, 403n, noCount()))).rejects.toMatchObject({ code: 'damaged' });
  });

  it('is refused where the log begins later than with index 1', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('tail.log', encodeFrames(plainLog(110, 20).slice(99)));
    await expect(collect(exportOriginal(await locateLog(path), 105n, noCount()))).rejects.toMatchObject({
      code: 'damaged',
      message: `${path} does not begin with a good entry of index 1, and entries up to 105 are to be written.`,
    });
  });
});
