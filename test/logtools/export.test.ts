import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { type ExportCount, exportOriginal, exportTable } from '../../src/logtools/export.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { fixture, fixturePath } from '../logfmt/logs.ts';
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

  it('as CSV has a heading, and quotes where they are needed', async () => {
    const csv = await table('csv', LOG, 'index < 4');
    expect(csv).toBe(
      [
        'index,term,segment,offset,size,kind,session,sequence,op,key,value,text,command',
        '1,1,x.log,0,9,noop,,,,,,,iVJBRlQNChoB',
        '2,1,x.log,33,52,command,,,put,"a,b","say ""hi""\nthere","{""op"":""put"",""key"":""a,b"",""value"":""say \\""hi\\""\\nthere""}",eyJvcCI6InB1dCIsImtleSI6ImEsYiIsInZhbHVlIjoic2F5IFwiaGlcIlxudGhlcmUifQ==',
        `3,2,x.log,109,68,session,${sessionOf(3)},4,put,empty,"",put empty ,iVJBRlQNChoDAQMDAwMDAwMDAwMDAwMDAwMEAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAHB1dCBlbXB0eSA=`,
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
});
