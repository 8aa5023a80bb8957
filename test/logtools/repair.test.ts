import { chmod, chown, open, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { encodeFrames, encodeRawFrame } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { applyRepair } from '../../src/logtools/repair/apply.ts';
import { lostRows } from '../../src/logtools/repair/report.ts';
import { arbitraryDamage, damaged } from '../logfmt/damages.ts';
import { fixture, fixturePath, plainLog } from '../logfmt/logs.ts';
import { entriesOf } from './entries.ts';
import { apply, commandsOf, donorOf, isGood, NodeDir, planFor, short } from './repairs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

/** Every fixture of a damaged log, and what becomes of it alone and with an undamaged log to take entries from. */
const FIXTURES: readonly (readonly [name: string, alone: string, withOther: string])[] = [
  ['bad-last-frame', 'whole', 'whole'],
  ['bitflip-command', 'cut 202', 'fill 202-202'],
  ['bitflip-size', 'cut 202', 'fill 202-202'],
  ['empty', 'whole', 'whole'],
  ['garbage-tail', 'cut 403', 'cut 403'],
  ['missing-entry', 'cut 202', 'fill 202-202'],
  ['not-a-log', 'refused', 'refused'],
  ['repeated-entry', 'drop', 'drop'],
  ['term-regression', 'cut 400', 'fill 400-400'],
  ['torn-header', 'whole', 'whole'],
  ['torn-in-zeros', 'whole', 'whole'],
  ['torn-sector', 'whole', 'whole'],
  ['torn-tail', 'whole', 'whole'],
  ['two-bitflips', 'cut 101', 'fill 101-101, fill 302-302'],
  ['zero-tail', 'whole', 'whole'],
];

const mixed = () => locateLog(fixturePath('seed-log/mixed.log'));

describe('each damaged log', () => {
  it.each(FIXTURES)('%s: alone %s, with another log %s', async (name, alone, withOther) => {
    const location = await locateLog(fixturePath(`damaged-log/${name}.log`));
    expect(short(await planFor(location))).toBe(alone);
    expect(short(await planFor(location, await mixed()))).toBe(withOther);
  });

  it.each(FIXTURES)('%s: a node starts on it after the repair, where that is safe', async (name, alone) => {
    for (const other of [undefined, await mixed()]) {
      await using dir = await TempDir.make();
      const bytes = fixture(`damaged-log/${name}.log`);
      const node = await NodeDir.make(dir, { 1: bytes });
      const location = await node.locate();
      const plan = await apply(location, other);
      if (alone === 'refused') {
        expect(await node.start()).toBeUndefined();
        continue;
      }
      const kept = (await readdir(join(node.path, 'log'))).find((file) => file.includes('.damaged-'));
      if (plan.verdict === 'whole') expect(kept).toBeUndefined();
      else expect(Buffer.from(bytes).equals(await readFile(join(node.path, 'log', kept ?? '')))).toBe(true);
      expect(await isGood(location)).toBe(true);
      expect(await node.start()).toBeGreaterThanOrEqual(name === 'empty' ? 0 : 100);
      // What stands after the repair is what was written: a beginning of it, or all.
      const written = await commandsOf(await mixed());
      const standing = await commandsOf(location);
      expect(standing).toEqual(written.slice(0, standing.length));
    }
  });
});

const LOG = entriesOf(
  Array.from({ length: 30 }, (_, i) => [1 + Math.floor(i / 10), `put k${i} ${'v'.repeat(60)}`]),
);

function frames(from: number, to: number, entries: readonly Entry[] = LOG): Uint8Array {
  return encodeFrames(entries.slice(from - 1, to));
}

/** What is thrown where the system refuses each write to an open file. */
async function withFailingWrites(systemCode: string, action: () => Promise<unknown>): Promise<unknown> {
  await using handle = await open(fixturePath('seed-log/mixed.log'));
  const refusal = Object.assign(new Error(`${systemCode}: write`), { code: systemCode });
  const writes = vi.spyOn(Object.getPrototypeOf(handle), 'writeFile').mockRejectedValue(refusal);
  try {
    return await action().catch((error: unknown) => error);
  } finally {
    writes.mockRestore();
  }
}

/** Frames with a bit flipped in the command of one entry. */
function flipped(from: number, to: number, index: number): Uint8Array {
  const bytes = frames(from, to);
  const at = frames(from, index).length - 3;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

describe('a repair of a data directory', () => {
  it('makes a node that has lost entries abstain until it is past them, and lists what is lost', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: frames(1, 10), 11: flipped(11, 20, 15), 21: frames(21, 30) });
    const location = await node.locate();
    const plan = await planFor(location);
    const lost = await collect(lostRows(plan));
    expect(lost.map((row) => (row.type === 'entry' ? row.index : row.problem))).toEqual([
      ...['checksum-mismatch', '16', '17', '18', '19', '20'],
      ...['21', '22', '23', '24', '25', '26', '27', '28', '29', '30'],
    ]);
    await apply(location);
    expect(await node.start()).toBe(14);
    expect(await node.abstainThrough()).toBe(30);
    const names = (await readdir(join(node.path, 'log'))).filter((name) => name.includes('damaged'));
    expect(names).toEqual(['00000000000000000011.log.damaged-1', '00000000000000000021.log.damaged-1']);
  });

  it('leaves owner and mode of each file as they were, whoever repairs', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const paths = [join(node.path, segmentName(1)), join(node.path, 'state')];
    for (const path of paths) await chmod(path, 0o640);
    // Only root can give files to another user.
    if (process.getuid?.() === 0) for (const path of paths) await chown(path, 12_345, 23_456);
    const ownership = async (path: string) => {
      const { uid, gid, mode } = await stat(path);
      return { uid, gid, mode: mode.toString(8) };
    };
    const before = await Promise.all(paths.map(ownership));
    await apply(await node.locate());
    expect(await node.abstainThrough()).toBe(30);
    expect(await Promise.all(paths.map(ownership))).toEqual(before);
  });

  it('leaves nothing half-written where it fails, and replaces what a crash has left', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const location = await node.locate();
    const other = await locateLog(await dir.write('other.log', frames(1, 30)));
    const plan = await planFor(location, other);
    const elsewhere = await dir.write('elsewhere', Uint8Array.of(1));
    await symlink(elsewhere, join(node.path, `${segmentName(1)}.mended`));
    // The other log is cut before anything is taken from it.
    await dir.write('other.log', frames(1, 10));
    await using donor = await donorOf(other);
    await expect(applyRepair(plan, donor)).rejects.toMatchObject({ code: 'damaged' });
    expect(await readdir(join(node.path, 'log'))).toEqual(['00000000000000000001.log']);
    expect(await readFile(join(node.path, segmentName(1)))).toEqual(Buffer.from(flipped(1, 30, 15)));
    expect(await readFile(elsewhere)).toEqual(Buffer.of(1));
  });

  it.each([
    ['ENOSPC', 'disk-full', 'Make as much room again'],
    ['EDQUOT', 'disk-full', 'Make as much room again'],
    ['EIO', 'disk-failed', 'Every original is still there'],
  ])('calls %s while it writes %s, and says what to do', async (systemCode, code, advice) => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const location = await node.locate();
    const plan = await planFor(location);
    const abstained = await node.abstainThrough();
    const error = await withFailingWrites(systemCode, () => applyRepair(plan, undefined));
    expect(error).toMatchObject({ code, message: expect.stringContaining(systemCode) });
    expect(error).toHaveProperty('suggestions.0', expect.stringContaining(advice));
    expect(await readdir(join(node.path, 'log'))).toEqual(['00000000000000000001.log']);
    expect(await readFile(join(node.path, segmentName(1)))).toEqual(Buffer.from(flipped(1, 30, 15)));
    expect(await node.abstainThrough()).toBe(abstained);
    // Once there is room, the same repair comes to its end.
    await apply(location);
    expect(await isGood(location)).toBe(true);
  });

  it('loses nothing, and lets the node vote, where another log fills the hole', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(
      dir,
      { 1: frames(1, 10), 11: flipped(11, 20, 15), 21: frames(21, 30) },
      28,
    );
    const other = await locateLog(await dir.write('other.log', frames(5, 30)));
    const location = await node.locate();
    await apply(location, other);
    expect(await node.start()).toBe(30);
    expect(await node.abstainThrough()).toBe(0);
    expect(await commandsOf(location)).toHaveLength(30);
  });

  it('puts entries into the segments to which their indexes belong', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: frames(1, 8), 11: frames(13, 20), 21: frames(21, 30) });
    const other = await locateLog(await dir.write('other.log', frames(1, 30)));
    await apply(await node.locate(), other);
    expect(await node.start()).toBe(30);
    expect(await readFile(join(node.path, segmentName(1)))).toEqual(Buffer.from(frames(1, 10)));
    expect(await readFile(join(node.path, segmentName(11)))).toEqual(Buffer.from(frames(11, 20)));
  });

  it('never cuts what is known to be committed', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) }, 15);
    const plan = await planFor(await node.locate());
    expect(plan).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringMatching(/up to 15 are known .* must not be cut\.$/),
      suggestions: [expect.stringContaining(`raft log repair ${node.path} --from NODE`)],
    });
    // Who has named another node already is not told to do so.
    const other = await locateLog(await dir.write('other.log', frames(1, 10)));
    expect(await planFor(await node.locate(), other)).toMatchObject({ verdict: 'refused', suggestions: [] });
    expect(await node.start()).toBeUndefined();
  });

  it('does not begin before its first file: what stood there is nowhere', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 3: encodeFrames(plainLog(5, 50).slice(2)) });
    await rm(join(node.path, segmentName(1)));
    expect(await node.start()).toBeUndefined();
    expect(await planFor(await node.locate())).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('the files with the entries before 3 are gone'),
    });
  });

  it('takes the end of the log from another node only as far as that knows it to be committed', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: frames(1, 20) }, 24);
    await dir.write(`other/${segmentName(1)}`, frames(1, 30));
    await dir.write('other/commit', encodeCommitHint(logIndex(26)));
    const other = await locateLog(join(dir.path, 'other'));
    expect(short(await planFor(await node.locate(), other))).toBe('fill 21-26');
    await apply(await node.locate(), other);
    expect(await node.start()).toBe(26);
  });

  it('lists what may be lost beyond the end that another node knows to be committed', async () => {
    await using dir = await TempDir.make();
    const damage = new Uint8Array(427).fill(0x5a);
    const node = await NodeDir.make(dir, { 1: concatBytes([frames(1, 4), damage]) });
    await dir.write(`other/${segmentName(1)}`, frames(1, 9));
    await dir.write('other/commit', encodeCommitHint(logIndex(5)));
    const plan = await planFor(await node.locate(), await locateLog(join(dir.path, 'other')));
    expect(short(plan)).toBe('fill 5-5');
    expect(plan.abstainThrough).toBe(21n);
    expect(await collect(lostRows(plan))).toMatchObject([
      { type: 'damage', problem: 'garbage-tail', offset: frames(1, 4).length, length: 427 },
    ]);
    // What is known to be committed may go as far as what may have stood there: then nothing is lost.
    await dir.write(`other/${segmentName(1)}`, frames(1, 30));
    await dir.write('other/commit', encodeCommitHint(logIndex(21)));
    const whole = await planFor(await node.locate(), await locateLog(join(dir.path, 'other')));
    expect([short(whole), await collect(lostRows(whole))]).toEqual(['fill 5-21', []]);
  });

  it('does not take entries from a log that is another one on either side of the hole', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const location = await node.locate();
    const otherTerms = entriesOf(LOG.map((entry, i) => [i < 15 ? entry.term : 9, entry.command]));
    const otherCommand = LOG.map((entry, i) => (i === 13 ? { ...entry, command: Uint8Array.of(1) } : entry));
    for (const [entries, expected] of [
      [otherTerms, 'cut 15'],
      [otherCommand, 'refused'],
      [LOG.slice(0, 15), 'cut 15'],
    ] as const) {
      const other = await locateLog(await dir.write('other.log', encodeFrames(entries)));
      expect(short(await planFor(location, other))).toBe(expected);
    }
  });

  it('leaves out zeros that were filled ahead of a segment that is not the last', async () => {
    await using dir = await TempDir.make();
    const filled = concatBytes([frames(1, 10), new Uint8Array(700)]);
    const node = await NodeDir.make(dir, { 1: filled, 11: frames(11, 20) });
    expect(await node.start()).toBeUndefined();
    expect(short(await apply(await node.locate()))).toBe('drop');
    expect(await node.start()).toBe(20);
    expect(await node.abstainThrough()).toBe(0);
  });

  it('takes no entries from a log in which terms go back', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const goesBack = LOG.map((entry) => (entry.index === 15 ? { ...entry, term: term(1) } : entry));
    const other = await locateLog(await dir.write('other.log', encodeFrames(goesBack)));
    expect(short(await planFor(await node.locate(), other))).toBe('cut 15');
  });

  it('is refused where what is cut may have gone beyond what any leader can bring', async () => {
    await using dir = await TempDir.make();
    const beyond = encodeRawFrame({ index: 2n ** 60n, term: 9n, command: Uint8Array.of(1) });
    const node = await NodeDir.make(dir, { 1: concatBytes([flipped(1, 30, 15), beyond]) });
    expect(await planFor(await node.locate())).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('gone up to index 1152921504606846976'),
    });
  });

  it('is refused where the node has no state in which it could be told to abstain', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 30, 15) });
    const location = await node.locate();
    const plan = await planFor(location);
    await dir.write('node/state', Uint8Array.of(1, 2, 3));
    expect(await planFor(location)).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('state is damaged'),
    });
    await rm(join(node.path, 'state'));
    expect(await planFor(location)).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('state is not there, and no node starts on this log without it'),
    });
    // What was planned before it went changes nothing either.
    await expect(applyRepair(plan, undefined)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('state is not there. Without it no node starts on this log.'),
    });
    expect(await readFile(join(node.path, segmentName(1)))).toEqual(Buffer.from(flipped(1, 30, 15)));
  });

  it('passes over files whose names are no indexes, as a node does', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: frames(1, 20) });
    await dir.write(`node/${segmentName(0)}`, frames(1, 20));
    await dir.write('node/log/99999999999999999999.log', frames(1, 20));
    expect((await node.locate()).segments.map(({ firstIndex }) => firstIndex)).toEqual([1n]);
    expect(await node.start()).toBe(20);
  });

  it('is refused where what is kept would stand in another segment than its name says', async () => {
    await using dir = await TempDir.make();
    const node = await NodeDir.make(dir, { 1: flipped(1, 20, 15), 6: frames(21, 30) });
    const other = await locateLog(await dir.write('other.log', frames(1, 30)));
    expect(await node.start()).toBeUndefined();
    expect(await planFor(await node.locate(), other)).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('00000000000000000006.log, which is named for another one'),
    });
  });
});

describe('any damage', () => {
  it('is repaired into a beginning of the log, or into all of it with another one, or refused', async () => {
    await using dir = await TempDir.make();
    const entries = plainLog(40, 50);
    const other = await locateLog(await dir.write('other.log', encodeFrames(entries)));
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryDamage, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (hits, hasOther) => {
          const path = await dir.write(`${round++}/x.log`, hits.reduce(damaged, encodeFrames(entries)));
          const location = await locateLog(path);
          const plan = await apply(location, hasOther ? other : undefined);
          if (plan.verdict !== 'repairable') return;
          expect(await isGood(location)).toBe(true);
          const standing = await commandsOf(location);
          const written = await commandsOf(other);
          const start = Math.max(0, written.indexOf(standing[0] ?? ''));
          expect(standing).toEqual(written.slice(start, start + standing.length));
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
