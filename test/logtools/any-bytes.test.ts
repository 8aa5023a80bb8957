import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statsLines } from '../../src/cli/log-stats-lines.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { encodeRawFrame } from '../../src/logfmt/frame.ts';
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
import { collect, TempDir } from './temp-dir.ts';

/** Frames of any uint64, marks of the protocol with any body, commands of the key-value machine, zeros, noise. */
const command = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 60 }),
  fc
    .tuple(fc.nat({ max: 5 }), fc.uint8Array({ maxLength: 70 }))
    .map(([kind, body]) => Uint8Array.of(0x89, 0x52, 0x41, 0x46, 0x54, 0x0d, 0x0a, 0x1a, kind, ...body)),
  fc
    .constantFrom('put a/b 1', 'delete a/b', 'put __proto__ x', '{"op":"list"}', '{"op":')
    .map((text) => Buffer.from(text)),
);

const uint64 = fc.oneof(fc.bigInt({ min: 1n, max: 9n }), fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }));

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.record({ index: uint64, term: uint64, command }).map(encodeRawFrame) },
  fc.uint8Array({ maxLength: 60 }),
  fc.nat({ max: 700 }).map((length) => new Uint8Array(length)),
);

/** Entries in their order, so that tools get past the first one, between whatever else there is. */
const run = fc
  .array(command, { maxLength: 8 })
  .map((commands) =>
    concatBytes(commands.map((each, i) => encodeRawFrame({ index: BigInt(i + 1), term: 1n, command: each }))),
  );

const anyBytes = fc
  .tuple(run, fc.array(piece, { maxLength: 8 }))
  .map(([good, rest]) => concatBytes([good, ...rest]));

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
