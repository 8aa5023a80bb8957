import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { concatBytes, strictTextOf, utf8 } from '../../src/lib/bytes.ts';
import { ENTRY_MARK, encodePayload } from '../../src/lib/entry.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { previewOf } from '../../src/logtools/preview.ts';
import { dumpLog, inspectLog } from '../../src/logtools/rows.ts';
import { fixture, fixtureLines, fixturePath, plainLog, type SeedLine } from '../logfmt/logs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

describe('dump', () => {
  it.each(['mixed', 'uint64-extremes'])('prints what was written to %s.log', async (name) => {
    const rows = await collect(dumpLog(await locateLog(fixturePath(`seed-log/${name}.log`))));
    const entries = rows.filter((row) => 'index' in row);
    const lines = fixtureLines<SeedLine>(`seed-log/${name}.ndjson`);
    expect(entries).toEqual(
      lines.map((line) => {
        const text = strictTextOf(Buffer.from(line.command, 'base64')) ?? null;
        return { ...line, kind: 'command', checksum: 'ok', text };
      }),
    );
  });

  it('prints damage in its place: rows cover the file from its first byte to its last', async () => {
    const names = [
      'two-bitflips',
      'bitflip-size',
      'garbage-tail',
      'torn-sector',
      'zero-tail',
      'missing-entry',
    ];
    for (const name of names) {
      let end = 0;
      let damages = 0;
      for await (const row of dumpLog(await locateLog(fixturePath(`damaged-log/${name}.log`)))) {
        expect(row.offset).toBe(end);
        end += 'problem' in row ? row.length : 24 + row.size;
        if ('problem' in row) damages++;
      }
      expect(end).toBe(fixture(`damaged-log/${name}.log`).length);
      expect(damages).toBe(name === 'two-bitflips' ? 2 : 1);
    }
  });

  it('names the kinds of entry, and the segment where a directory is dumped', async () => {
    await using dir = await TempDir.make();
    const commands = [
      encodePayload({ kind: 'noop' }),
      encodePayload({ kind: 'command', command: concatBytes([ENTRY_MARK, utf8('user')]) }),
      utf8('put a 1'),
      concatBytes([ENTRY_MARK, Uint8Array.of(200, 1)]),
    ];
    const entries = commands.map((command, i) => ({ index: logIndex(i + 1), term: term(1), command }));
    await dir.write(segmentName(1), encodeFrames(entries));
    const rows = await collect(dumpLog(await locateLog(dir.path)));
    expect(rows).toMatchObject([
      { segment: '00000000000000000001.log', offset: 0, index: '1', kind: 'noop', size: 9 },
      { index: '2', kind: 'command', size: 21 },
      { index: '3', kind: 'command', command: 'cHV0IGEgMQ==' },
      { index: '4', kind: 'unknown' },
    ]);
    expect(Object.keys(rows[0] ?? {})).toEqual([
      ...['segment', 'offset', 'index', 'term', 'size', 'kind', 'checksum', 'command', 'text'],
    ]);
  });

  it('names the session and the sequence of a command in a session, whose own bytes are its preview', async () => {
    await using dir = await TempDir.make();
    const session = sessionIdOfBytes(new Uint8Array(16).fill(0xab));
    const place = { session, sequence: 2 ** 52, acknowledgedBelow: 1, openedAtMs: 0, logTimeMs: 5 };
    const command = encodePayload({ kind: 'session', place, command: utf8('put a 1') });
    const location = await locateLog(
      await dir.write('s.log', encodeFrames([{ index: logIndex(1), term: term(1), command }])),
    );
    const where = { kind: 'session', session: 'ab'.repeat(16), sequence: '4503599627370496', size: 65 };
    const [row] = await collect(dumpLog(location));
    expect(row).toMatchObject({
      ...where,
      command: Buffer.from(command).toString('base64'),
      clientCommand: 'cHV0IGEgMQ==',
    });
    expect(await collect(inspectLog(location))).toMatchObject([{ ...where, preview: 'put a 1' }]);
  });

  it('shows the members of a configuration, as an object and on one line', async () => {
    await using dir = await TempDir.make();
    const members = (...ids: readonly string[]) =>
      ids.map((id) => ({ id: nodeId(id), url: `http://127.0.0.1:76${id}0`, incarnation: null }));
    const configurations = [
      { voters: members('1', '2', '3'), oldVoters: null, learners: [] },
      { voters: members('3', '4', '5'), oldVoters: members('1', '2', '3'), learners: members('6') },
    ];
    const entries = configurations.map((configuration, i) => ({
      index: logIndex(i + 1),
      term: term(1),
      command: encodePayload({ kind: 'configuration', configuration }),
    }));
    const location = await locateLog(await dir.write('c.log', encodeFrames(entries)));
    const texts = ['voters 1,2,3', 'voters 1,2,3 + 3,4,5 learners 6'];
    expect(await collect(dumpLog(location))).toMatchObject(
      configurations.map((configuration, i) => ({ kind: 'configuration', configuration, text: texts[i] })),
    );
    const words = ['3 voters: 1,2,3', '3 + 3 voters, 1 learner: 1,2,3 + 3,4,5; 6'];
    expect(await collect(inspectLog(location))).toMatchObject(words.map((preview) => ({ preview })));
  });

  it('stops reading when the reader stops', async () => {
    for await (const row of dumpLog(await locateLog(fixturePath('seed-log/mixed.log')))) {
      expect(row.offset).toBe(0);
      break;
    }
  });
});

describe('inspect', () => {
  it('shows entries and damage row by row', async () => {
    const rows = await collect(inspectLog(await locateLog(fixturePath('damaged-log/bitflip-command.log'))));
    expect(rows.length).toBe(402);
    expect(rows[1]).toEqual({
      type: 'entry',
      segment: 'bitflip-command.log',
      offset: 192,
      index: '2',
      term: '1',
      kind: 'command',
      size: 9,
      checksum: 'ok',
      preview: 'SET k18 2',
    });
    expect(rows[201]).toMatchObject({
      type: 'damage',
      offset: 18_120,
      problem: 'checksum-mismatch',
      fatal: true,
    });
  });

  it('shows no unfinished tail of a running node', async () => {
    await using dir = await TempDir.make();
    const bytes = concatBytes([encodeFrames(plainLog(3, 76)), new Uint8Array(600)]);
    const location = await locateLog(await dir.write('node.log', bytes));
    expect((await collect(inspectLog(location))).map((row) => row.type)).toEqual([
      'entry',
      'entry',
      'entry',
      'damage',
    ]);
    expect((await collect(inspectLog(location, { writer: 'running' }))).length).toBe(3);
  });

  it.each([
    ['text', utf8('put k v'), 'put k v'],
    ['text of any script', utf8('значение ☃'), 'значение ☃'],
    ['control characters, as dots', utf8('a\u001b[31m\n\u0000b\u007f\u202ec'), 'a.[31m..b..c'],
    ['bytes that are no text', Uint8Array.of(0xff, 0x00, 0x10), '0xff0010'],
    ['a long text, cut', utf8('x'.repeat(100)), `${'x'.repeat(59)}…`],
    ['a long text of wide characters, cut between them', utf8('☃'.repeat(100)), `${'☃'.repeat(59)}…`],
    ['a long text of 4-byte characters', utf8('🙂'.repeat(100)), `${'🙂'.repeat(59)}…`],
    ['a text of just the length', utf8('y'.repeat(60)), 'y'.repeat(60)],
    ['long bytes, cut', new Uint8Array(1000).fill(0xfe), `0x${'fe'.repeat(60).slice(0, 57)}…`],
    ['nothing', new Uint8Array(0), ''],
  ])('previews %s', (_name, command, preview) => {
    expect(previewOf(command)).toBe(preview);
  });
});
