import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { Replay, replayLog } from '../../src/logtools/replay.ts';
import { inspectLog } from '../../src/logtools/rows.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { fixturePath, plainLog } from '../logfmt/logs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

const expected: Readonly<
  Record<string, { readonly kind: string | null; readonly offset?: number; readonly fatal: boolean }>
> = JSON.parse(readFileSync(fixturePath('damaged-log/expected.json'), 'utf8'));

/** Frames of entries `from` to `to`, 100 bytes each. */
function hundreds(from: number, to: number): Uint8Array {
  return encodeFrames(plainLog(to, 76).slice(from - 1));
}

describe('verify', () => {
  it('reports a good file in the shape that scripts rely on, uint64 as text', async () => {
    const path = fixturePath('seed-log/mixed.log');
    expect(await collect(verifyLog(await locateLog(path)))).toEqual([
      {
        file: path,
        bytes: 101_793,
        entries: 402,
        first: { index: '1', term: '1' },
        last: { index: '402', term: '32' },
        problems: [],
        problemsLeftOut: 0,
        ok: true,
      },
    ]);
  });

  it('keeps uint64 exact', async () => {
    const [report] = await collect(verifyLog(await locateLog(fixturePath('seed-log/uint64-extremes.log'))));
    expect(report?.last).toEqual({ index: '18446744073709551614', term: '18446744073709551615' });
    expect(report?.problems[1]).toMatchObject({ kind: 'index-gap', index: '9007199254740993' });
  });

  it.each(Object.entries(expected))('gives %s.log its verdict', async (name, verdict) => {
    const [report] = await collect(verifyLog(await locateLog(fixturePath(`damaged-log/${name}.log`))));
    expect(report?.problems[0]?.kind ?? null).toBe(verdict.kind);
    if (verdict.offset !== undefined) expect(report?.problems[0]?.offset).toBe(verdict.offset);
    expect(report?.ok).toBe(!verdict.fatal);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('gives an object for each segment of a data directory, in order', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(6), concatBytes([hundreds(6, 8), new Uint8Array(512)]));
    await dir.write(segmentName(1), hundreds(1, 5));
    const reports = await collect(verifyLog(await locateLog(dir.path)));
    expect(reports).toMatchObject([
      { file: join(dir.path, segmentName(1)), entries: 5, first: { index: '1' }, problems: [], ok: true },
      { file: join(dir.path, segmentName(6)), entries: 3, last: { index: '8' }, ok: true },
    ]);
    expect(reports[1]?.problems).toMatchObject([
      { kind: 'zero-tail', offset: 300, length: 512, index: null },
    ]);
  });

  it('finds entries that are missing between two segments', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5));
    await dir.write(segmentName(9), hundreds(9, 12));
    const [, second] = await collect(verifyLog(await locateLog(dir.path)));
    expect(second).toMatchObject({ ok: false, problems: [{ kind: 'index-gap', offset: 0, index: '9' }] });
  });

  it('takes an unfinished tail for damage in every segment but the last', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5).subarray(0, 450));
    await dir.write(segmentName(6), hundreds(6, 7).subarray(0, 150));
    const [first, second] = await collect(verifyLog(await locateLog(dir.path)));
    expect(first).toMatchObject({ ok: false, problems: [{ kind: 'torn-tail', fatal: true }] });
    expect(second?.problems).toMatchObject([{ kind: 'index-gap' }, { kind: 'torn-tail', fatal: false }]);
  });

  it('judges a segment that is named by its path by its place among those beside it', async () => {
    await using dir = await TempDir.make();
    const torn = hundreds(1, 5).subarray(0, 450);
    const first = await dir.write(segmentName(1), torn);
    const last = await dir.write(segmentName(6), hundreds(6, 7).subarray(0, 150));
    const copy = await dir.write('log/copy.log', torn);
    const verdict = async (path: string) => (await collect(verifyLog(await locateLog(path))))[0];
    expect(await verdict(first)).toMatchObject({ ok: false, problems: [{ kind: 'torn-tail', fatal: true }] });
    expect(await verdict(last)).toMatchObject({ ok: true, problems: [{ kind: 'torn-tail', fatal: false }] });
    // Its name gives it no place in the log that it stands beside.
    expect(await verdict(copy)).toMatchObject({ ok: true, problems: [{ kind: 'torn-tail', fatal: false }] });
  });

  it('takes the unfinished tail of a running node for no problem, and damage for one', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(
      segmentName(1),
      concatBytes([hundreds(1, 3).subarray(0, 270), new Uint8Array(900)]),
    );
    const unfinished = await collect(verifyLog(await locateLog(path), { writer: 'running' }));
    expect(unfinished).toMatchObject([{ entries: 2, problems: [], ok: true }]);
    const damaged = hundreds(1, 3);
    damaged[150] = 0;
    await dir.write(segmentName(1), damaged);
    const reports = await collect(verifyLog(await locateLog(path), { writer: 'running' }));
    expect(reports).toMatchObject([{ entries: 2, problems: [{ kind: 'checksum-mismatch' }], ok: false }]);
  });
});

describe('a data directory whose first segment is not there', () => {
  it('is damaged, as a node refuses it', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(4), hundreds(4, 6));
    await dir.write(segmentName(7), hundreds(7, 9));
    const location = await locateLog(dir.path);
    const reports = await collect(verifyLog(location));
    expect(reports).toMatchObject([
      { ok: false, problems: [{ kind: 'index-gap', offset: 0, index: '4', fatal: true }] },
      { ok: true, problems: [] },
    ]);
    await expect(collect(replayLog(location, new Replay()))).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('is damaged too where a later one is named for an index that does not follow, empty or not', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 3));
    await dir.write(segmentName(5), hundreds(4, 6));
    await dir.write(segmentName(9), Buffer.alloc(0));
    const problem = { kind: 'index-gap', offset: 0, length: 0, fatal: true };
    expect(await collect(verifyLog(await locateLog(dir.path)))).toMatchObject([
      { ok: true, problems: [] },
      { ok: false, entries: 3, problems: [{ ...problem, index: '4' }] },
      { ok: false, entries: 0, problems: [{ ...problem, index: '7' }] },
    ]);
  });

  it('is no matter where only later entries are asked for', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 3));
    await dir.write(segmentName(4), hundreds(4, 6));
    const selection = await Selection.of({ from: 4n });
    const rows = await collect(inspectLog(await locateLog(dir.path), { selection }));
    expect(rows.map(({ type }) => type)).toEqual(['entry', 'entry', 'entry']);
  });
});

describe('verify with threads', () => {
  it('leaves to the scan what its threads cannot do, and says how far it is', async () => {
    const path = fixturePath('damaged-log/two-bitflips.log');
    const location = await locateLog(path);
    const told: number[] = [];
    const onProgress = (doneBytes: number, totalBytes: number) => void told.push(doneBytes / totalBytes);
    // From sources a thread has nothing to run, and is gone at once.
    const reports = await collect(verifyLog(location, { threads: 2, onProgress }));
    expect(reports).toEqual(await collect(verifyLog(location, { threads: 1 })));
    expect(told.at(-1)).toBe(1);
    expect(told.toSorted((a, b) => a - b)).toEqual(told);
  });
});

describe('finding a log', () => {
  it('takes a file, a data directory and its log directory', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(segmentName(7), hundreds(7, 8));
    const segment = { path, name: '00000000000000000007.log', firstIndex: 7n };
    expect(await locateLog(path)).toEqual({ kind: 'file', path, segments: [segment], end: 'last' });
    expect(await locateLog(dir.path)).toEqual({
      ...{ kind: 'directory', path: dir.path },
      ...{ segments: [segment], end: 'last' },
    });
    expect((await locateLog(join(dir.path, 'log'))).segments).toEqual([segment]);
  });

  it('says what to do where there is none', async () => {
    await using dir = await TempDir.make();
    await expect(locateLog(join(dir.path, 'absent.log'))).rejects.toMatchObject({
      code: 'no-such-file',
      suggestions: [expect.stringContaining('Name a log file')],
    });
    await expect(locateLog(dir.path)).rejects.toMatchObject({ code: 'no-such-file' });
    await mkdir(join(dir.path, 'log'));
    await expect(locateLog(dir.path)).rejects.toMatchObject({ code: 'no-such-file' });
    await dir.write('file', hundreds(1, 1));
    await expect(locateLog(join(dir.path, 'file', 'inside'))).rejects.toMatchObject({ code: 'no-such-file' });
  });
});
