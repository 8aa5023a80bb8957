import { describe, expect, it } from 'vitest';
import { encodeFrames, rawFrameAt } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import type { LogItem } from '../../src/logtools/log-file.ts';
import { dumpLog } from '../../src/logtools/rows.ts';
import { type ItemSource, Selection, type SelectionRequest, Selector } from '../../src/logtools/selection.ts';
import { entriesOf, NOOP, sessionOf } from './entries.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

const LOG = entriesOf([
  [1, NOOP],
  [1, 'put user/ann 31'],
  [1, '{"op":"cas","key":"user/bob","expect":null,"value":"27"}'],
  [2, NOOP],
  [2, { session: 7, sequence: 3, text: 'delete user/ann' }],
  [2, { voters: ['1', '2', '3'] }],
  [3, Uint8Array.of(0xff, 0xfe)],
  [3, 'get user/ann'],
]);

/** The indexes of the entries that a request chooses from the log. */
async function chosen(request: SelectionRequest): Promise<string> {
  await using dir = await TempDir.make();
  const location = await locateLog(await dir.write('log', encodeFrames(LOG)));
  const rows = await collect(dumpLog(location, { selection: await Selection.of(request) }));
  return rows.map((row) => ('index' in row ? row.index : row.problem)).join(' ');
}

describe('a selection', () => {
  it.each<[string, SelectionRequest, string]>([
    ['everything', {}, '1 2 3 4 5 6 7 8'],
    ['a range', { from: 3n, to: 5n }, '3 4 5'],
    ['a term', { term: 2n }, '4 5 6'],
    ['a kind', { kinds: ['noop'] }, '1 4'],
    ['several kinds', { kinds: ['session', 'configuration'] }, '5 6'],
    ['a text', { grep: 'ann$' }, '5 8'],
    ['the members in a text', { grep: 'voters .*3' }, '6'],
    ['the words for a command', { grep: '^cas "user/bob" = "27" if it does not exist$' }, '3'],
    ['the words for what is in a session', { grep: '^delete "user' }, '5'],
    ['what a no-op is called', { grep: '^(noop|no-op)$' }, '1 4'],
    ['the words for a configuration', { grep: '^3 voters: 1,2,3$' }, '6'],
    ['the bytes of what is no text', { grep: '^0xfffe$' }, '7'],
    ['a word in a text, not a kind of entry', { grep: 'session|command' }, ''],
    ['all of it together', { from: 2n, term: 1n, grep: 'user' }, '2 3'],
    ['an operation', { where: 'op == "put" || op == "delete"' }, '2 5'],
    ['a key', { where: 'key.startsWith("user/") && key != "user/ann"' }, '3'],
    ['a value', { where: 'value == "31"' }, '2'],
    ['a size', { where: 'size == 2' }, '7'],
    ['an index and a term', { where: 'index >= 4 && term < 3' }, '4 5 6'],
    ['an offset', { where: 'offset == 0' }, '1'],
    ['a session', { where: `session == "${sessionOf(7)}" && sequence == 3` }, '5'],
    ['a kind by condition', { where: 'kind in ["noop", "configuration"]' }, '1 4 6'],
    ['a text by condition', { where: 'text.matches("^get")' }, '8'],
    ['nothing', { where: 'false' }, ''],
  ])('chooses %s', async (_what, request, indexes) => {
    expect(await chosen(request)).toBe(indexes);
  });

  it('refuses an empty range and what is no regular expression', async () => {
    await expect(Selection.of({ from: 9n, to: 3n })).rejects.toMatchObject({ code: 'usage' });
    await expect(Selection.of({ grep: '(' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--grep needs a regular expression'),
    });
  });

  it('begins with the segment in which its range begins', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), encodeFrames(LOG.slice(0, 3)));
    await dir.write(segmentName(4), encodeFrames(LOG.slice(3, 6)));
    await dir.write(segmentName(7), encodeFrames(LOG.slice(6)));
    const location = await locateLog(dir.path);
    const names = async (request: SelectionRequest) =>
      (await Selection.of(request)).segmentsOf(location).segments.map(({ firstIndex }) => firstIndex);
    expect(await names({})).toEqual([1n, 4n, 7n]);
    expect(await names({ from: 3n })).toEqual([1n, 4n, 7n]);
    expect(await names({ from: 4n })).toEqual([4n, 7n]);
    expect(await names({ from: 100n })).toEqual([7n]);
  });
});

const bytes = encodeFrames(LOG);
const entry = (index: bigint): LogItem => ({ type: 'entry', frame: { ...rawFrameAt(bytes, 0, 0), index } });
const problem: LogItem = {
  type: 'problem',
  problem: { kind: 'torn-tail', offset: 0, length: 0, detail: '', fatal: false },
};

/** What a selector shows of items that come one after the other, up to the one that is over. */
async function shown(request: SelectionRequest, items: readonly LogItem[], source: ItemSource = 'standing') {
  const selector = new Selector(await Selection.of(request), source);
  const seen: string[] = [];
  for (const item of items) {
    const { isShown, isOver } = selector.see(item);
    if (isShown) seen.push(item.type === 'entry' ? String(item.frame.index) : 'damage');
    if (isOver) return `${seen.join(' ')}.`;
  }
  return seen.join(' ');
}

describe('a range of indexes', () => {
  const items = [entry(1n), entry(2n), problem, entry(2n ** 64n - 1n), entry(3n)];

  it('shows damage with the entry before it, and ends at the first entry beyond', async () => {
    expect(await shown({}, items)).toBe('1 2 damage 18446744073709551615 3');
    expect(await shown({ from: 2n, to: 2n }, items)).toBe('2 damage.');
    expect(await shown({ to: 1n }, items)).toBe('1.');
    expect(await shown({ from: 3n }, items)).toBe('18446744073709551615 3');
  });

  it('shows damage also where no entry is chosen', async () => {
    expect(await shown({ where: 'false' }, items)).toBe('damage');
  });

  it('of a log that is followed ends with its last entry, and does not wait for the next one', async () => {
    expect(await shown({ from: 2n, to: 3n }, [entry(1n), entry(2n), entry(3n)], 'followed')).toBe('2 3.');
  });

  it('of a log that is followed ends also where its last entry is missing and a later one comes', async () => {
    expect(await shown({ from: 2n, to: 3n }, [entry(1n), entry(2n), entry(4n)], 'followed')).toBe('2.');
    expect(await shown({ from: 2n, to: 3n }, [entry(7n)], 'followed')).toBe('.');
  });

  it('of a log that is followed ends also where its last entry is not chosen', async () => {
    expect(await shown({ to: 2n, kinds: ['session'] }, [entry(1n), entry(2n)], 'followed')).toBe('.');
  });
});
