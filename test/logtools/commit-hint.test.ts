import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { refuseLostLog } from '../../src/logtools/commit-hint.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { inspectLog } from '../../src/logtools/rows.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import type { Disk } from '../../src/raft/ports.ts';
import { NodeDisk } from '../../src/raft/storage/node-disk.ts';
import { plainLog } from '../logfmt/logs.ts';
import { open, withTenEntries } from '../storage/directories.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

/** Frames of entries `from` to `to`, 100 bytes each. */
function hundreds(from: number, to: number): Uint8Array {
  return encodeFrames(plainLog(to, 76).slice(from - 1));
}

async function verify(path: string, writer: 'none' | 'running' = 'none') {
  return collect(verifyLog(await locateLog(path), { writer }));
}

/** Whether a node starts on what is on the disk; where it does not, because it refuses. */
async function starts(disk: Disk): Promise<boolean> {
  try {
    const { store } = await open(disk);
    await store.close();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'damaged' });
    return false;
  }
}

describe('a log in a data directory whose commit hint is known', () => {
  it('may not have a torn tail that the hint covers', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(segmentName(1), hundreds(1, 5).subarray(0, 450));
    await dir.write('commit', encodeCommitHint(logIndex(5)));
    for (const named of [dir.path, join(dir.path, 'log'), path]) {
      expect(await verify(named)).toMatchObject([
        {
          ok: false,
          entries: 4,
          problems: [
            {
              ...{ kind: 'torn-tail', offset: 400, length: 50, index: '5', fatal: true },
              detail: expect.stringMatching(/cut short.*; entries up to 5 are known to be committed/),
            },
          ],
        },
      ]);
    }
    await dir.write('commit', encodeCommitHint(logIndex(4)));
    expect(await verify(dir.path)).toMatchObject([{ ok: true, problems: [{ fatal: false }] }]);
  });

  it('may not simply be shorter than the hint, be it filled ahead or empty', async () => {
    await using dir = await TempDir.make();
    await dir.write('commit', encodeCommitHint(logIndex(9)));
    const gap = { kind: 'index-gap', length: 0, fatal: true };
    await dir.write(segmentName(1), hundreds(1, 5));
    expect(await verify(dir.path)).toMatchObject([
      {
        ok: false,
        problems: [
          {
            ...{ ...gap, offset: 500, index: '6' },
            detail: 'the log ends with index 5, but entries up to 9 are known to be committed',
          },
        ],
      },
    ]);
    await dir.write(segmentName(1), concatBytes([hundreds(1, 5), new Uint8Array(512)]));
    expect(await verify(dir.path)).toMatchObject([
      {
        ok: false,
        problems: [
          { kind: 'zero-tail', fatal: false },
          { ...gap, offset: 500, index: '6' },
        ],
      },
    ]);
    await dir.write(segmentName(1), new Uint8Array(0));
    expect(await verify(dir.path)).toMatchObject([
      { ok: false, problems: [{ ...gap, offset: 0, index: '1' }] },
    ]);
  });

  it('has to reach the hint with its last segment alone', async () => {
    await using dir = await TempDir.make();
    const first = await dir.write(segmentName(1), hundreds(1, 5));
    await dir.write(segmentName(6), hundreds(6, 8));
    await dir.write('commit', encodeCommitHint(logIndex(8)));
    expect(await verify(dir.path)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await verify(first)).toMatchObject([{ ok: true, problems: [] }]);
    await dir.write('commit', encodeCommitHint(logIndex(9)));
    expect(await verify(dir.path)).toMatchObject([{ ok: true }, { ok: false }]);
    expect(await verify(first)).toMatchObject([{ ok: true, problems: [] }]);
  });

  it('is judged by the file alone where the hint is missing or damaged', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5).subarray(0, 450));
    expect(await verify(dir.path)).toMatchObject([{ ok: true }]);
    const hint = encodeCommitHint(logIndex(9));
    for (const damaged of [hint.subarray(0, 19), concatBytes([hint, hint]), new Uint8Array(20)]) {
      await dir.write('commit', damaged);
      expect(await verify(dir.path)).toMatchObject([{ ok: true }]);
    }
  });

  it('is judged by no hint that stands beside a file on its own', async () => {
    await using dir = await TempDir.make();
    const torn = hundreds(1, 5).subarray(0, 450);
    await dir.write('commit', encodeCommitHint(logIndex(5)));
    expect(await verify(await dir.write('copy.log', torn))).toMatchObject([{ ok: true }]);
    expect(await verify(await dir.write('log/copy.log', torn))).toMatchObject([{ ok: true }]);
  });

  it('gets no verdict where the hint cannot be read, and is shown all the same', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5));
    await mkdir(join(dir.path, 'commit'));
    await expect(verify(dir.path)).rejects.toMatchObject({ code: 'disk-failed' });
    expect(await collect(inspectLog(await locateLog(dir.path)))).toHaveLength(5);
  });

  it('is gone where there is no segment any more, unless nothing was ever committed', async () => {
    await using dir = await TempDir.make();
    await mkdir(join(dir.path, 'log'));
    await dir.write('commit', encodeCommitHint(logIndex(9)));
    for (const named of [dir.path, join(dir.path, 'log')]) {
      await expect(refuseLostLog(named)).rejects.toMatchObject({
        code: 'damaged',
        message: expect.stringContaining('entries up to 9 are known to be committed'),
      });
    }
    await dir.write('commit', encodeCommitHint(logIndex(0)));
    await refuseLostLog(dir.path);
    await refuseLostLog(join(dir.path, 'absent'));
    await refuseLostLog(join(dir.path, 'commit', 'inside'));
  });

  it('is shown by inspect with the same weight', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5).subarray(0, 450));
    await dir.write('commit', encodeCommitHint(logIndex(5)));
    const rows = async () => (await collect(inspectLog(await locateLog(dir.path)))).slice(4);
    expect(await rows()).toMatchObject([{ type: 'damage', problem: 'torn-tail', fatal: true }]);
    await truncate(join(dir.path, segmentName(1)), 400);
    expect(await rows()).toMatchObject([{ type: 'damage', problem: 'index-gap', offset: 400, fatal: true }]);
  });

  it('is damaged where it begins after index 1, as to a node; a file of it alone is not', async () => {
    await using dir = await TempDir.make();
    const disk = await NodeDisk.create(dir.path);
    await withTenEntries(disk);
    const bytes = await readFile(join(dir.path, segmentName(1)));
    await rm(join(dir.path, segmentName(1)));
    const path = await dir.write(segmentName(6), bytes.subarray(5 * 74));
    for (const named of [dir.path, join(dir.path, 'log')]) {
      expect(await verify(named)).toMatchObject([
        {
          ok: false,
          problems: [
            {
              ...{ kind: 'index-gap', offset: 0, length: 0, index: '6', fatal: true },
              detail: 'index 6 follows 0: 1 to 5 are missing',
            },
          ],
        },
      ]);
    }
    expect(await starts(disk)).toBe(false);
    expect(await verify(path)).toMatchObject([{ ok: true, entries: 5, problems: [] }]);
  });

  it('is damaged exactly where a node refuses to start on it', async () => {
    const verdicts = new Map<string, number>();
    for (const hint of [0, 9, 10, 11]) {
      for (const bytesCut of [0, 1, 40, 74, 75, 148]) {
        await using dir = await TempDir.make();
        const disk = await NodeDisk.create(dir.path);
        await withTenEntries(disk);
        const path = join(dir.path, segmentName(1));
        await truncate(path, 10 * 74 - bytesCut);
        if (bytesCut === 74) await appendFile(path, new Uint8Array(4096));
        await writeFile(join(dir.path, 'commit'), encodeCommitHint(logIndex(hint)));
        const [report] = await verify(dir.path);
        const started = await starts(disk);
        expect({ hint, bytesCut, ok: report?.ok }).toEqual({ hint, bytesCut, ok: started });
        verdicts.set(String(started), (verdicts.get(String(started)) ?? 0) + 1);
      }
    }
    expect(verdicts.get('true')).toBeGreaterThan(5);
    expect(verdicts.get('false')).toBeGreaterThan(5);
  });
});

describe('the log of a node that runs', () => {
  it('may go on in a segment that was begun after the log was found', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5));
    const found = await locateLog(dir.path);
    await dir.write(segmentName(6), hundreds(6, 8));
    await dir.write('commit', encodeCommitHint(logIndex(8)));
    expect(await collect(verifyLog(found, { writer: 'running' }))).toMatchObject([
      { ok: true, problems: [] },
    ]);
  });

  it('may have an unfinished tail behind the hint, and has lost entries where it ends before it', async () => {
    await using dir = await TempDir.make();
    await dir.write(segmentName(1), hundreds(1, 5).subarray(0, 450));
    await dir.write('commit', encodeCommitHint(logIndex(4)));
    expect(await verify(dir.path, 'running')).toMatchObject([{ ok: true, problems: [] }]);
    await dir.write('commit', encodeCommitHint(logIndex(5)));
    expect(await verify(dir.path, 'running')).toMatchObject([
      { ok: false, problems: [{ kind: 'torn-tail', fatal: true }] },
    ]);
  });
});
