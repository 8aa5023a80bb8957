import { describe, expect, it } from 'vitest';
import { diffEntryLines, diffSummaryLines } from '../../src/cli/log-diff-lines.ts';
import { logIndex } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { TERM_RUNS_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { type DiffEntry, type DiffOptions, type DiffSummary, diffLogs } from '../../src/logtools/diff.ts';
import type { DiffLog } from '../../src/logtools/diff-cursor.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

/** A log as text: `1 1 2` are three entries of these terms. What each holds says its index and term. */
function log(terms: string, first = 1): Uint8Array {
  const entries = terms
    .split(' ')
    .filter((word) => word !== '')
    .map((word, i): readonly [number, Content] => [Number(word), `put k ${first + i}.${word}`]);
  return encodeFrames(entriesOf(entries, first));
}

interface Found {
  readonly entries: readonly DiffEntry[];
  readonly summary: DiffSummary;
}

/** Compares logs that are called a, b, c and so on. */
async function compare(files: readonly Uint8Array[], options: DiffOptions = {}): Promise<Found> {
  await using dir = await TempDir.make();
  const logs: DiffLog[] = [];
  for (const [i, bytes] of files.entries()) {
    const name = 'abcdefg'.charAt(i);
    logs.push({ name, location: await locateLog(await dir.write(name, bytes)), writer: 'none' });
  }
  return await collectDiff(logs, options);
}

async function collectDiff(logs: readonly DiffLog[], options: DiffOptions = {}): Promise<Found> {
  const entries: DiffEntry[] = [];
  const comparison = diffLogs(logs, options);
  let step = await comparison.next();
  for (; step.done !== true; step = await comparison.next()) entries.push(step.value);
  return { entries, summary: step.value };
}

/** The ranges in short. */
function ranges({ summary }: Found): readonly string[] {
  return summary.ranges.map(
    ({ from, to, term, logs, standing }) => `${from}-${to} t${term} ${logs.join('')} ${standing}`,
  );
}

describe('a comparison of logs', () => {
  it('of the same log finds nothing, and may be committed to its end', async () => {
    const found = await compare([log('1 1 2'), log('1 1 2'), log('1 1 2')]);
    expect(found.entries).toEqual([]);
    expect(found.summary).toMatchObject({
      ...{ partAt: null, agreeThrough: '3', committedAtMost: '3', conflicts: 0, ranges: [] },
      logs: [{ log: 'a', first: '1', last: '3', entries: 3, problems: 0, committedThrough: '0' }, {}, {}],
    });
    expect(diffSummaryLines(found.summary)).toContain('The logs hold the same.');
  });

  it('of files that are no logs, or of damaged ones, does not say that they agree', async () => {
    const noLogs = await compare([Buffer.from('# A text\n'), Buffer.from('{"name":"another text"}\n')]);
    expect(diffSummaryLines(noLogs.summary)).toContain('None of the logs holds an entry.');
    expect(diffSummaryLines(noLogs.summary)).toContain('no entries, 1 damaged place\n');
    const damaged = Uint8Array.from(log('1 1 2'));
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
    const found = await compare([damaged, damaged]);
    expect(diffSummaryLines(found.summary)).toContain('Where they can be read, the logs hold the same.');
  });

  it('finds where they part, and tells what may be committed from what can be lost (figure 7)', async () => {
    const logs = [
      log('1 1 1 4 4 5 5 6 6 6'),
      log('1 1 1 4 4 5 5 6 6'),
      log('1 1 1 4'),
      log('1 1 1 4 4 5 5 6 6 6 6'),
      log('1 1 1 4 4 5 5 6 6 6 7 7'),
      log('1 1 1 4 4 4 4'),
      log('1 1 1 2 2 2 3 3 3 3 3'),
    ];
    const found = await compare(logs, { voters: logs.length });
    expect(found.summary).toMatchObject({ partAt: '4', agreeThrough: '3', committedAtMost: '9' });
    expect(ranges(found)).toEqual([
      '4-4 t4 abcdef majority',
      '4-6 t2 g minority',
      '5-5 t4 abdef majority',
      '6-7 t5 abde majority',
      '6-7 t4 f minority',
      '7-11 t3 g minority',
      '8-9 t6 abde majority',
      '10-10 t6 ade minority',
      '11-11 t6 d minority',
      '11-12 t7 e minority',
    ]);
    expect(found.entries[0]).toMatchObject({ index: '4', ended: [], unknown: [], isConflict: false });
    expect(found.entries.at(-1)).toMatchObject({ index: '12', ended: ['a', 'b', 'c', 'd', 'f', 'g'] });
  });

  it('takes the end of a shorter log for where they part', async () => {
    const found = await compare([log('1 1'), log('1 1 1'), log('1 1 1')]);
    expect(found.summary).toMatchObject({ partAt: '3', agreeThrough: '2' });
    expect(ranges(found)).toEqual(['3-3 t1 bc majority']);
  });

  it('does not take a log that begins later for one that parts', async () => {
    const found = await compare([log('1 1 2 2'), log('2 2', 3), log('1 2 2', 2)]);
    expect(found.summary).toMatchObject({ partAt: null, agreeThrough: '4' });
    const apart = await compare([log('1 1 2 2 3'), log('2 2', 3), log('1 2 2 4', 2)]);
    expect(apart.summary).toMatchObject({ partAt: '5', agreeThrough: '4' });
  });

  it('counts logs that are not given, or damaged there, as ones that might hold an entry', async () => {
    const two = [log('1 1 2'), log('1 1')];
    expect(ranges(await compare(two, { voters: 3 }))).toEqual(['3-3 t2 a possible']);
    expect(ranges(await compare(two, { voters: 5 }))).toEqual(['3-3 t2 a possible']);
    expect(ranges(await compare(two, { voters: 2 }))).toEqual(['3-3 t2 a minority']);
    const damaged = log('1 1 2 2');
    damaged[(damaged.length / 4) * 2 + 30] = 0;
    const found = await compare([log('1 1 2 2'), log('1 1'), damaged], { voters: 3 });
    expect(ranges(found)).toEqual(['3-3 t2 a possible', '4-4 t2 ac majority']);
    expect(found.entries[0]).toMatchObject({ ended: ['b'], unknown: ['c'] });
  });

  it('believes what a node knows to be committed, and lets no other version stand beside it', async () => {
    await using dir = await TempDir.make();
    await dir.write(`one/${segmentName(1)}`, log('1 1 2'));
    await dir.write('one/commit', encodeCommitHint(logIndex(3)));
    await dir.write(`two/${segmentName(1)}`, log('1 1 3 3'));
    const logs: DiffLog[] = [];
    for (const name of ['one', 'two']) {
      logs.push({ name, location: await locateLog(`${dir.path}/${name}`), writer: 'none' });
    }
    const found = await collectDiff(logs, { voters: 5 });
    expect(found.summary.ranges).toMatchObject([
      { from: '3', term: '2', standing: 'committed' },
      { from: '3', to: '3', term: '3', standing: 'minority' },
      { from: '4', to: '4', term: '3', standing: 'possible' },
    ]);
    expect(found.summary.logs[0]).toMatchObject({ committedThrough: '3' });
  });

  it('reports different bytes of one index and term, which Raft cannot bring about', async () => {
    const other = encodeFrames(
      entriesOf([
        [1, 'put k 1.1'],
        [1, NOOP],
      ]),
    );
    const found = await compare([log('1 1'), other]);
    expect(found.summary).toMatchObject({ conflicts: 1, partAt: '2' });
    expect(found.entries[0]).toMatchObject({ isConflict: true });
    expect(diffSummaryLines(found.summary)).toContain('different bytes of one term');
  });

  it('knows nothing more of a log from where an index comes again with another term', async () => {
    const forked = concatBytes([log('1 1 1 1'), log('2 2 2', 3)]);
    const found = await compare([forked, log('1 1 1 1 2')]);
    expect(ranges(found)).toEqual([]);
    expect(found.summary).toMatchObject({ partAt: null, logs: [{ last: '4', problems: 1 }, { last: '5' }] });
    const parted = await compare([forked, log('1 1 1 1 2'), log('1 1 1 1')]);
    expect(parted.entries).toMatchObject([{ index: '5', unknown: ['a'], ended: ['c'] }]);
    const twice = concatBytes([log('1 1 2'), log('1 1'), log('2', 3), log('2', 4)]);
    expect((await compare([twice, log('1 1 2 2')])).summary).toMatchObject({ agreeThrough: '4' });
  });

  it('takes an entry that comes again from before what it remembers for one of another history', async () => {
    const terms = Array.from({ length: 2 * TERM_RUNS_MAX + 1 }, (_, i) => i + 1).join(' ');
    const known = concatBytes([log(terms), log(String(TERM_RUNS_MAX + 1), TERM_RUNS_MAX + 1)]);
    const forgotten = concatBytes([log(terms), log('1')]);
    const next = log(String(2 * TERM_RUNS_MAX + 1), 2 * TERM_RUNS_MAX + 2);
    const found = await compare([concatBytes([known, next]), concatBytes([forgotten, next])]);
    const last = String(2 * TERM_RUNS_MAX + 2);
    expect(found.summary.logs).toMatchObject([{ last }, { last: String(2 * TERM_RUNS_MAX + 1) }]);
  });

  it('has entries that people can read', async () => {
    const { entries } = await compare([log('1 1'), log('1 2'), log('1')], { voters: 3 });
    expect(entries.map(diffEntryLines)).toEqual([
      [
        'index 2',
        '  term 1  a: command put k 2.1  (on no majority, so it is not committed and can be lost)',
        '  term 2  b: command put k 2.2  (on no majority, so it is not committed and can be lost)',
        '  not there  c',
      ].join('\n'),
    ]);
  });
});
