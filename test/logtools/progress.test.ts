import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { diffLogs } from '../../src/logtools/diff.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { LogProgress } from '../../src/logtools/progress.ts';
import { applyRepair } from '../../src/logtools/repair/apply.ts';
import { planRepair } from '../../src/logtools/repair/plan.ts';
import { surveyLog } from '../../src/logtools/repair/survey.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { statsOf } from '../../src/logtools/stats.ts';
import { plainLog } from '../logfmt/logs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

const MIB = 1024 * 1024;

/** A log of 6 MiB in two segments, which needs no repair but for zeros in the first where they are wanted. */
async function longLog(dir: TempDir, zeros = 0): Promise<LogLocation> {
  const entries = plainLog(60, 100 * 1024);
  await dir.write(segmentName(1), Buffer.concat([encodeFrames(entries.slice(0, 30)), Buffer.alloc(zeros)]));
  await dir.write(segmentName(31), encodeFrames(entries.slice(30)));
  return await locateLog(dir.path);
}

/** What somebody was told, in MiB; it only rises, and ends near the total. */
class Told {
  readonly steps: number[] = [];
  readonly tell = (done: number, total: number): void => {
    expect(done).toBeGreaterThan(this.#last);
    this.#last = done;
    this.#total = total;
    this.steps.push(Math.round(done / MIB));
  };
  #last = 0;
  #total = 0;

  get totalMib(): number {
    return Math.round(this.#total / MIB);
  }
}

describe('how far a log is read', () => {
  it('is told for each MiB, also where nothing of it is chosen', async () => {
    await using dir = await TempDir.make();
    const location = await longLog(dir);
    const told = new Told();
    const progress = await LogProgress.of(location, told.tell);
    const selection = await Selection.of({ where: 'term == 99' });

    expect(await statsOf(location, { progress, selection })).toMatchObject({ entries: 0 });

    expect(told.steps).toEqual([1, 2, 3, 4, 5]);
    expect(told.totalMib).toBe(6);
  });

  it('is told of several logs as of one', async () => {
    await using dir = await TempDir.make();
    const location = await longLog(dir);
    const told = new Told();
    const progress = await LogProgress.ofAll([location, location], told.tell);
    const logs = ['a', 'b'].map((name, at) => ({
      ...{ name, location, writer: 'none' as const, progress: progress[at] },
    }));

    await collect(diffLogs(logs));

    expect(told.steps).toHaveLength(10);
    expect([told.steps.at(-1), told.totalMib]).toEqual([11, 12]);
  });

  it('is told of a repair, when it is planned and when it is done', async () => {
    await using dir = await TempDir.make();
    const location = await longLog(dir, 100);
    const read = new Told();
    const survey = await surveyLog(location, await LogProgress.of(location, read.tell));
    const written = new Told();

    await applyRepair(await planRepair(survey, undefined), undefined, written.tell);

    expect(read.steps).toEqual([1, 2, 3, 4, 5]);
    expect(written.steps).toEqual([1, 2, 3, 6]);
    expect(written.totalMib).toBe(6);
  });
});
