import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { REPAIR_STEPS_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { lostRows } from '../../src/logtools/repair/report.ts';
import { entriesOf } from './entries.ts';
import { apply, commandsOf, NodeDir, planFor, short } from './repairs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

/** Entries of a term from one index to another, whose commands say both. */
function run(term: number, from: number, to: number): readonly Entry[] {
  return entriesOf(
    Array.from({ length: to - from + 1 }, (_, i) => [term, `put k${from + i} ${term}`]),
    from,
  );
}

function joined(...runs: readonly (readonly Entry[])[]): Uint8Array {
  return encodeFrames(runs.flat());
}

describe('a log that holds two histories', () => {
  it('is cut where they part, whichever is the longer one', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: joined(run(1, 1, 10), run(2, 8, 12)) });
    const plan = await apply(await node.locate());
    expect(short(plan)).toBe('cut 8');
    expect(plan.abstainThrough).toBe(12n);
    expect(await node.start()).toBe(7);
    expect(await node.abstainThrough()).toBe(12);
  });

  it('is cut there too where nothing follows behind both', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: joined(run(1, 1, 20), run(3, 18, 19)) });
    const location = await node.locate();
    const plan = await planFor(location);
    expect(short(plan)).toBe('cut 18');
    expect(plan.abstainThrough).toBeGreaterThanOrEqual(20n);
    const lost = await collect(lostRows(plan));
    expect(lost.flatMap((row) => (row.type === 'entry' ? [`${row.index} ${row.term}`] : []))).toEqual([
      '18 1',
      '19 1',
      '20 1',
      '18 3',
      '19 3',
    ]);
  });

  it('is cut there too where only the commands are others, which Raft cannot bring about', async () => {
    await using dir = await TempDir.make();
    const others = run(1, 8, 10).map((entry) => ({ ...entry, command: utf8(`other ${entry.index}`) }));
    const path = await dir.write('x.log', joined(run(1, 1, 10), others, run(1, 11, 12)));
    expect(short(await planFor(await locateLog(path)))).toBe('cut 8');
    const same = await dir.write('same.log', joined(run(1, 1, 10), run(1, 8, 10), run(1, 11, 12)));
    expect(short(await planFor(await locateLog(same)))).toBe('drop, drop, drop');
  });

  it('is refused where entries are known to be committed, of which it holds two', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: joined(run(1, 1, 10), run(2, 8, 12)) }, 8);
    expect(await planFor(await node.locate())).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('up to index 7, but entries up to 8 are known'),
    });
  });

  it('is filled from where they part, by a log that holds the entries before and behind', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(
      dir,
      { 1: joined(run(1, 1, 10)), 11: joined(run(2, 8, 12), run(5, 9, 9), run(6, 13, 14)) },
      14,
    );
    const history = [run(1, 1, 7), run(2, 8, 12), run(6, 13, 14)];
    const other = await locateLog(await dir.write('other.log', joined(...history)));
    expect(short(await apply(await node.locate(), other))).toBe('fill 8-12');
    expect(await node.start()).toBe(14);
    expect(await commandsOf(await node.locate())).toEqual(await commandsOf(other));
  });

  it('is cut at each place at which they part, and not where an entry only stands twice', async () => {
    await using dir = await TempDir.make();
    const again = [run(1, 1, 5), run(1, 3, 4), run(1, 6, 9), run(2, 8, 10)];
    const path = await dir.write('x.log', joined(...again, run(2, 11, 14), run(3, 13, 15)));
    const other = await locateLog(
      await dir.write('other.log', joined(run(1, 1, 7), run(2, 8, 12), run(3, 13, 15))),
    );
    expect(short(await planFor(await locateLog(path)))).toBe('drop, drop, cut 8');
    expect(short(await planFor(await locateLog(path), other))).toBe('drop, drop, fill 8-9, fill 13-14');
  });

  it('is cut before an entry that follows neither of them for sure', async () => {
    await using dir = await TempDir.make();
    const older = await dir.write('older.log', joined(run(2, 1, 10), run(1, 11, 11), run(3, 11, 12)));
    expect(short(await planFor(await locateLog(older)))).toBe('cut 10');
    const between = await dir.write('between.log', joined(run(2, 1, 10), run(1, 11, 11), run(2, 11, 12)));
    expect(short(await planFor(await locateLog(between)))).toBe('drop');
    const gap = await dir.write('gap.log', joined(run(1, 1, 5), run(1, 9, 9), run(2, 7, 7), run(1, 10, 10)));
    expect(short(await planFor(await locateLog(gap)))).toBe('cut 6');
  });
});

describe('a log in which many entries come again', () => {
  it('is not repaired, whatever their terms are', async () => {
    await using dir = await TempDir.make();
    const terms = entriesOf(Array.from({ length: REPAIR_STEPS_MAX }, (_, i) => [i + 1, `put k ${i}`]));
    const stale = Array.from({ length: REPAIR_STEPS_MAX }, () => run(2, 1, 1)).flat();
    const path = await dir.write(
      'x.log',
      joined(terms, stale, run(REPAIR_STEPS_MAX, REPAIR_STEPS_MAX + 1, REPAIR_STEPS_MAX + 2)),
    );
    expect(await planFor(await locateLog(path))).toMatchObject({
      verdict: 'refused',
      refusal: 'There are too many damaged places in it.',
    });
  });
});

describe('another log that holds two histories', () => {
  it('gives no entries where they part between the two sides of a hole', async () => {
    await using dir = await TempDir.make();
    const victim = await dir.write('victim.log', joined(run(1, 1, 7), run(2, 11, 12)));
    const forked = await dir.write('forked.log', joined(run(1, 1, 10), run(2, 8, 12)));
    expect(short(await planFor(await locateLog(victim), await locateLog(forked)))).toBe('cut 8');
    const behind = await dir.write('behind.log', joined(run(1, 1, 7), run(2, 8, 14), run(3, 13, 15)));
    expect(short(await planFor(await locateLog(victim), await locateLog(behind)))).toBe('fill 8-10');
    const twice = await dir.write(
      'twice.log',
      joined(run(1, 1, 7), run(2, 8, 9), run(1, 4, 5), run(2, 10, 12)),
    );
    expect(short(await planFor(await locateLog(victim), await locateLog(twice)))).toBe('fill 8-10');
  });

  it('gives no entries at the end either, since which are committed is not known', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: joined(run(1, 1, 7)) }, 8);
    await dir.write(`other/${segmentName(1)}`, joined(run(1, 1, 10), run(2, 8, 12)));
    await dir.write('other/commit', encodeCommitHint(logIndex(9)));
    const other = await locateLog(`${dir.path}/other`);
    expect(await planFor(await node.locate(), other)).toMatchObject({ verdict: 'refused' });
  });
});
