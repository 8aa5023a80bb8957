import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import type { LogIndex } from '../../src/logtools/log-index.ts';
import { LogIndexer } from '../../src/logtools/log-indexer.ts';
import { findRow } from '../../src/logtools/search.ts';
import { entriesOf } from './entries.ts';
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
