import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statsLines } from '../../src/cli/log-stats-lines.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { bisectLog, compileWhen } from '../../src/logtools/bisect.ts';
import { diffLogs } from '../../src/logtools/diff.ts';
import { exportOriginal, exportTable } from '../../src/logtools/export.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { applyRepair } from '../../src/logtools/repair/apply.ts';
import { planRepair } from '../../src/logtools/repair/plan.ts';
import { lostRows } from '../../src/logtools/repair/report.ts';
import { surveyLog } from '../../src/logtools/repair/survey.ts';
import { Replay, replayLog } from '../../src/logtools/replay.ts';
import { inspectLog } from '../../src/logtools/rows.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { statsOf } from '../../src/logtools/stats.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { anyBytes } from './any-bytes.ts';
import { collect, TempDir } from './temp-dir.ts';

/** Everything that the tools can do with two files, but what is said to fail: that is a `RaftError`. */
async function useAll(location: LogLocation, other: LogLocation): Promise<void> {
  const selection = await Selection.of({ where: 'key != "" || size > 3', grep: '.' });
  const when = await compileWhen('size(state) > 1');
  const count = () => ({ entries: 0, problems: 0, foreign: 0 });
  const log = (name: string, at: LogLocation) => ({ name, location: at, writer: 'none' as const });
  const uses: readonly (() => Promise<unknown>)[] = [
    () => collect(verifyLog(location)),
    () => collect(inspectLog(location, { selection })),
    async () => statsLines(await statsOf(location)),
    () => collect(diffLogs([log('a', location), log('b', other)])),
    () => collect(replayLog(location, new Replay())),
    () => bisectLog(location, when),
    () => collect(exportTable(location, 'csv', count())),
    () => collect(exportOriginal(location, 5n, count())),
    async () => {
      const plan = await planRepair(await surveyLog(location), undefined);
      await collect(lostRows(plan));
      await applyRepair(plan, undefined);
    },
  ];
  for (const use of uses) {
    try {
      await use();
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      expect(['damaged', 'unsupported']).toContain(error.code);
    }
  }
}

describe('a file of any bytes at all', () => {
  it('breaks none of the tools', async () => {
    await using dir = await TempDir.make();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(anyBytes, anyBytes, async (bytes, otherBytes) => {
        const path = await dir.write(`${round++}/a.log`, bytes);
        const other = await dir.write(`${round}/b.log`, otherBytes);
        await useAll(await locateLog(path), await locateLog(other));
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 200) },
    );
  }, 600_000);
});
