import { appendFile, readdir, rename, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/lib/bytes.ts';
import { isFilledAhead } from '../../src/logfmt/damage.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import type { IndexedRow, LogIndex } from '../../src/logtools/log-index.ts';
import { type IndexNews, keepIndexed, LogIndexer } from '../../src/logtools/log-indexer.ts';
import { readLog, type SegmentItem } from '../../src/logtools/read-log.ts';
import { selectedItems } from '../../src/logtools/rows.ts';
import { MatchCount, Selection } from '../../src/logtools/selection.ts';
import { arbitraryDamage, damaged } from '../logfmt/damages.ts';
import { arbitraryLog, fixturePath, plainLog } from '../logfmt/logs.ts';
import { entriesOf, NOOP } from './entries.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

/** An item of a log as the index should have it. */
function rowOf({ segment, item }: SegmentItem): IndexedRow {
  if (item.type === 'entry') {
    const { offset, index, term } = item.frame;
    return { type: 'entry', segment, offset, index, term };
  }
  const { offset, length, kind, detail, fatal } = item.problem;
  return { type: 'damage', segment, offset, length, kind, detail, fatal };
}

function rowsOf(index: LogIndex): IndexedRow[] {
  return Array.from({ length: index.rowCount }, (_, row) => index.rowAt(row));
}

async function indexOf(location: LogLocation): Promise<LogIndex> {
  const indexer = new LogIndexer(location);
  await indexer.update();
  return indexer.index;
}

async function expectAsReadLog(location: LogLocation): Promise<void> {
  const rows = (await collect(readLog(location))).map(rowOf);
  const index = await indexOf(location);
  expect(rowsOf(index)).toEqual(rows);
  expectLookups(index, rows);
}

/** Every lookup, from every row, against a plain search. */
function expectLookups(index: LogIndex, rows: readonly IndexedRow[]): void {
  const damages = rows.flatMap((row, i) => (row.type === 'damage' && !isFilledAhead(row) ? [i] : []));
  const changes = rows.flatMap((row, i) => {
    const before = rows.slice(0, i).findLast(({ type }) => type === 'entry');
    return row.type === 'entry' && (before?.type !== 'entry' || before.term !== row.term) ? [i] : [];
  });
  const step = Math.max(1, Math.floor(rows.length / 12));
  for (let i = 0; i < rows.length; i += step) {
    expect(index.nextDamage(i)).toBe(damages.find((row) => row > i));
    expect(index.previousDamage(i)).toBe(damages.findLast((row) => row < i));
    expect(index.nextTermChange(i)).toBe(changes.find((row) => row > i));
    expect(index.previousTermChange(i)).toBe(changes.findLast((row) => row < i));
    const row = rows[i];
    if (row?.type !== 'entry') continue;
    const first = rows.findIndex((other) => other.type === 'entry' && other.index === row.index);
    expect(index.rowOfIndex(row.index)).toEqual({ row: first, isExact: true });
    expect(index.rowOfOffset(row.offset, i)).toBe(i);
    expect(index.rowOfOffset(row.offset + 1, i)).toBe(i);
  }
  expect(index.damageCount).toBe(damages.length);
  expect(index.extent.offset).toBe(Math.max(0, ...rows.map(({ offset }) => offset)));
  const last = rows.findLast((row) => row.type === 'entry');
  expect(index.extent.index).toBeGreaterThanOrEqual(last?.index ?? 0n);
  expect(index.extent.term).toBe(last?.term ?? 0n);
  expect(index.entryCount).toBe(rows.filter(({ type }) => type === 'entry').length);
}

describe('the index of a log', () => {
  it('has the rows that readLog gives, of every fixture', async () => {
    for (const folder of ['seed-log', 'damaged-log']) {
      const names = (await readdir(fixturePath(folder))).filter((name) => name.endsWith('.log'));
      expect(names.length).toBeGreaterThan(2);
      for (const name of names) await expectAsReadLog(await locateLog(fixturePath(`${folder}/${name}`)));
    }
  });

  it('has the rows that readLog gives, of logs of two segments that are damaged at random', async () => {
    await using dir = await TempDir.make();
    const cases = fc.tuple(arbitraryLog(), arbitraryLog(), fc.array(arbitraryDamage, { maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(cases, async ([first, second, damages]) => {
        await dir.write(segmentName(1), encodeFrames(first));
        await dir.write(segmentName(2), damages.reduce(damaged, encodeFrames(second)));
        await expectAsReadLog(await locateLog(dir.path));
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  it('finds the damage that stands in place of an index, the next entry above it, and the last', async () => {
    const missing = await indexOf(await locateLog(fixturePath('damaged-log/bitflip-command.log')));
    const damage = missing.nextDamage(-1) ?? -1;
    const before = missing.rowAt(damage - 1);
    const lost = before.type === 'entry' ? before.index + 1n : 0n;
    expect(missing.rowOfIndex(lost)).toEqual({ row: damage, isExact: false });
    expect(missing.rowOfIndex(lost + 1n)).toEqual({ row: damage + 1, isExact: true });
    expect(missing.rowOfIndex(0n)).toEqual({ row: 0, isExact: false });
    expect(missing.rowOfIndex(2n ** 64n - 1n)).toEqual({ row: missing.rowCount - 1, isExact: false });
  });

  it('of an empty log has no rows, and finds none', async () => {
    const index = await indexOf(await locateLog(fixturePath('damaged-log/empty.log')));
    expect(index.rowCount).toBe(0);
    expect(index.rowOfIndex(1n)).toBeUndefined();
    expect(index.rowOfOffset(0, 0)).toBeUndefined();
    expect(index.nextDamage(0)).toBeUndefined();
    expect(index.previousTermChange(0)).toBeUndefined();
  });

  it('has the entries alone that were chosen, and all damage between them', async () => {
    const location = await locateLog(fixturePath('damaged-log/two-bitflips.log'));
    const selection = await Selection.of({ from: 20n, to: 300n, grep: '7' });
    const indexer = new LogIndexer(location, { selection });
    await indexer.update();
    const matches = new MatchCount();
    const rows = (await collect(selectedItems(location, { selection, matches }))).map(rowOf);
    expect(rows.length).toBeGreaterThan(3);
    expect(rowsOf(indexer.index)).toEqual(rows);
    expect(indexer.index.entryCount).toBe(matches.shown);
    // The entry that ends the range was read too.
    expect(indexer.index.readCount).toBe(matches.read - 1);
  });
});

describe('an index that is brought up to date', () => {
  const entries = entriesOf(Array.from({ length: 40 }, (_, i) => [1 + Math.floor(i / 15), `put k${i} v`]));

  it('takes in what was appended, byte by byte, as if it had been there from the start', async () => {
    await using dir = await TempDir.make();
    const bytes = encodeFrames(entries);
    const path = await dir.write(segmentName(1), bytes.subarray(0, 700));
    const location = await locateLog(dir.path);
    const indexer = new LogIndexer(location);
    await indexer.update();
    for (let end = 700; end < 800; end++) {
      await appendFile(path, bytes.subarray(end, end + 1));
      await indexer.update();
      expect(rowsOf(indexer.index)).toEqual((await collect(readLog(location))).map(rowOf));
    }
  });

  it('hides what a running node has not finished yet', async () => {
    await using dir = await TempDir.make();
    const bytes = concatBytes([encodeFrames(entries), new Uint8Array(500)]);
    await dir.write(segmentName(1), bytes);
    const indexer = new LogIndexer(await locateLog(dir.path), { writer: 'running' });
    await indexer.update();
    expect(indexer.index.rowCount).toBe(40);
    expect(indexer.index.damageCount).toBe(0);
  });

  it('goes on in the next segment, and hears that the last one is complete', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), encodeFrames(entries.slice(0, 20)));
    const indexer = new LogIndexer(await locateLog(dir.path));
    await indexer.update();
    expect(indexer.index.rowCount).toBe(20);
    await dir.write(segmentName(21), encodeFrames(entries.slice(20)));
    await indexer.update();
    expect(rowsOf(indexer.index)).toEqual(
      (await collect(readLog(await locateLog(dir.path))))
        .map(rowOf)
        .map((row) => expect.objectContaining(row)),
    );
  });

  it('forgets what a new leader cut, and takes in what came in its place', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(segmentName(1), encodeFrames(entries));
    const location = await locateLog(dir.path);
    const indexer = new LogIndexer(location);
    await indexer.update();
    const kept = encodeFrames(entries.slice(0, 25));
    const others = entriesOf(
      [
        [9, NOOP],
        [9, 'put other v'],
        [9, 'put third v'],
      ],
      26,
    );
    await truncate(path, kept.length);
    await appendFile(path, encodeFrames(others));
    await indexer.update();
    expect(rowsOf(indexer.index)).toEqual((await collect(readLog(location))).map(rowOf));
    expect(indexer.index.rowCount).toBe(28);
  });

  it('has rows of a segment in which none was wanted before', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), encodeFrames(entries.slice(0, 20)));
    const selection = await Selection.of({ grep: 'k1 |k25' });
    const indexer = new LogIndexer(await locateLog(dir.path), { selection });
    const path = await dir.write(segmentName(21), encodeFrames(entries.slice(20, 23)));
    await indexer.update();
    await appendFile(path, encodeFrames(entries.slice(23)));
    await indexer.update();
    expect(rowsOf(indexer.index).map(({ segment }) => `log/${segment.name}`)).toEqual(
      [1, 21].map(segmentName),
    );
  });

  it.each(['k1', 'k3', 'k', 'other', 'nothing'])(
    'counts the entries that were not asked for, of a log that grows and is cut: %s',
    async (grep) => {
      await using dir = await TempDir.make();
      const [first, second] = [entries.slice(0, 20), entries.slice(20)];
      await dir.write(segmentName(1), encodeFrames(first));
      const location = await locateLog(dir.path);
      const selection = await Selection.of({ grep });
      const indexer = new LogIndexer(location, { selection });
      const expectCounted = async () => {
        await indexer.update();
        const matches = new MatchCount();
        const now = await locateLog(dir.path);
        const rows = (await collect(selectedItems(now, { selection, matches }))).map(rowOf);
        expect(rowsOf(indexer.index)).toEqual(rows.map((row) => expect.objectContaining(row)));
        expect(indexer.index).toMatchObject({ entryCount: matches.shown, readCount: matches.read });
      };
      await expectCounted();
      const path = await dir.write(segmentName(21), encodeFrames(second.slice(0, 10)));
      await expectCounted();
      await appendFile(path, encodeFrames(second.slice(10)));
      await expectCounted();
      await truncate(path, encodeFrames(second.slice(0, 5)).length);
      await appendFile(
        path,
        encodeFrames(
          entriesOf(
            [
              [9, NOOP],
              [9, 'put other v'],
              [9, 'put k9 v'],
            ],
            26,
          ),
        ),
      );
      await expectCounted();
      await appendFile(
        path,
        encodeFrames(
          entriesOf(
            [
              [9, 'put other w'],
              [9, 'put k1 v'],
            ],
            29,
          ),
        ),
      );
      await expectCounted();
    },
  );

  it('begins anew where the whole log was replaced', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(segmentName(1), encodeFrames(entries));
    const indexer = new LogIndexer(await locateLog(dir.path));
    await indexer.update();
    await writeFile(`${path}.new`, encodeFrames(entriesOf([[7, 'put a 1']])));
    await rename(`${path}.new`, path);
    await indexer.update();
    expect(rowsOf(indexer.index)).toMatchObject([{ type: 'entry', index: 1n, term: 7n }]);
  });
});

describe('who keeps an index up to date', () => {
  it('hears what has come, that the file is gone, and ends with the signal', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('one.log', encodeFrames(plainLog(10, 20)));
    const indexer = new LogIndexer(await locateLog(path));
    const ending = new AbortController();
    const heard: IndexNews['type'][] = [];
    for await (const news of keepIndexed(indexer, { signal: ending.signal, pollMs: 1 })) {
      if (news.type !== 'progress' && heard.at(-1) !== news.type) heard.push(news.type);
      if (news.type === 'current' && indexer.index.rowCount === 10) await rename(path, `${path}.away`);
      if (news.type === 'failed') {
        expect(news.error.code).toBe('no-such-file');
        ending.abort();
      }
    }
    expect(heard).toEqual(['current', 'failed']);
  });
});
