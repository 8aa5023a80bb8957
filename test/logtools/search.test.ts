import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import type { LogIndex } from '../../src/logtools/log-index.ts';
import { LogIndexer } from '../../src/logtools/log-indexer.ts';
import { findRow } from '../../src/logtools/search.ts';
import { entriesOf, NOOP } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

const { signal } = new AbortController();

/** Two segments, and a frame longer than what is read at once in the first. */
async function searched(dir: TempDir): Promise<LogIndex> {
  const entries = entriesOf(
    Array.from({ length: 6_000 }, (_, i) => [
      1,
      i === 40 ? `${'x'.repeat(1_500_000)}needle` : `put key${i} v`,
    ]),
  );
  await dir.write(segmentName(1), encodeFrames(entries.slice(0, 5_000)));
  await dir.write(segmentName(5_001), encodeFrames(entries.slice(5_000)));
  const indexer = new LogIndexer(await locateLog(dir.path));
  await indexer.update();
  return indexer.index;
}

describe('a search in a log', () => {
  it('finds the next match and the previous one, across segments', async () => {
    await using dir = await TempDir.make();
    const log = await searched(dir);
    const find = (pattern: string, direction: 'forward' | 'backward', fromRow: number) =>
      findRow(log, { pattern, direction, fromRow }, { signal });
    expect(await find('key5500 ', 'forward', 0)).toBe(5_500);
    expect(await find('key39 ', 'backward', 5_999)).toBe(39);
    expect(await find('key\\d9 ', 'forward', 39)).toBe(49);
    expect(await find('key\\d9 ', 'backward', 39)).toBe(29);
    expect(await find('key0 ', 'forward', 0)).toBeUndefined();
    expect(await find('key5999 ', 'backward', 5_999)).toBeUndefined();
    // The text of a long entry is looked at as far as the limit.
    expect(await find('^xxx', 'forward', 0)).toBe(40);
    expect(await find('needle', 'forward', 0)).toBeUndefined();
  });

  it('finds what the list shows too: words, and what entries of the protocol are called', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf([
      [1, NOOP],
      [1, 'put a 1'],
      [1, { session: 7, sequence: 1, text: '{"op":"put","key":"b","value":"2"}' }],
      [1, { voters: ['1', '2', '3'] }],
      [1, Uint8Array.of(0xff, 0)],
      [1, 'say put "b" = "2"'],
      [1, { session: 7, sequence: 2, text: '{"op":"put","key":"b","value":"2"}' }],
      [2, NOOP],
    ]);
    await dir.write(segmentName(1), encodeFrames(entries));
    const indexer = new LogIndexer(await locateLog(dir.path));
    await indexer.update();
    const log = indexer.index;
    /** The rows that match one after the other, in a direction. */
    const all = async (pattern: string, direction: 'forward' | 'backward') => {
      const rows: number[] = [];
      let fromRow: number | undefined = direction === 'forward' ? -1 : log.rowCount;
      while (fromRow !== undefined) {
        fromRow = await findRow(log, { pattern, direction, fromRow }, { signal });
        if (fromRow !== undefined) rows.push(fromRow);
      }
      return rows;
    };
    const both = async (pattern: string) => {
      const rows = await all(pattern, 'forward');
      expect(await all(pattern, 'backward')).toEqual(rows.toReversed());
      return rows;
    };
    expect(await both('put "b" = "2"')).toEqual([2, 5, 6]);
    expect(await both('^put "b"')).toEqual([2, 6]);
    expect(await both('"op":"put"')).toEqual([2, 6]);
    expect(await both('^put "a" = "1"$|^put a 1$')).toEqual([1]);
    expect(await both('no-op')).toEqual([0, 7]);
    expect(await both('^noop$')).toEqual([0, 7]);
    expect(await both('^configuration$')).toEqual([3]);
    expect(await both('3 voters: 1,2,3')).toEqual([3]);
    expect(await both('voters 1,2,3')).toEqual([3]);
    expect(await both('^0xff00$')).toEqual([4]);
    expect(await both('session|command')).toEqual([]);
  });

  it('ends where the signal comes', async () => {
    await using dir = await TempDir.make();
    const log = await searched(dir);
    const ending = new AbortController();
    const request = { pattern: 'nowhere', direction: 'forward', fromRow: -1 } as const;
    let steps = 0;
    const found = await findRow(log, request, {
      signal: ending.signal,
      onProgress: () => {
        steps++;
        ending.abort();
      },
    });
    expect(found).toBeUndefined();
    expect(steps).toBe(1);
  });

  it('refuses what is no expression, and one that would take longer than anybody lives', async () => {
    await using dir = await TempDir.make();
    const log = await searched(dir);
    const find = (pattern: string) => findRow(log, { pattern, direction: 'forward', fromRow: 0 }, { signal });
    await expect(find('(')).rejects.toMatchObject({ code: 'usage' });
    await expect(find('(x+)+y')).rejects.toMatchObject({ message: expect.stringContaining('too long') });
  });
});
