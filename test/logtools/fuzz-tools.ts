import { parquetMetadata } from 'hyparquet';
import { findLog } from '../../src/cli/find-log.ts';
import { diffEntryLines, diffSummaryLines } from '../../src/cli/log-diff-lines.ts';
import { inspectLine, verifyLines } from '../../src/cli/log-lines.ts';
import { planLines } from '../../src/cli/log-repair-lines.ts';
import { statsLines } from '../../src/cli/log-stats-lines.ts';
import { assert } from '../../src/lib/assert.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { RaftError, type RaftErrorCode } from '../../src/lib/errors.ts';
import { bisectLog, compileWhen } from '../../src/logtools/bisect.ts';
import { type DiffEntry, diffLogs } from '../../src/logtools/diff.ts';
import type { DiffLog } from '../../src/logtools/diff-cursor.ts';
import { type ExportCount, exportOriginal, exportTable } from '../../src/logtools/export.ts';
import { exportParquet } from '../../src/logtools/export-parquet.ts';
import { LogProgress } from '../../src/logtools/progress.ts';
import { applyRepair } from '../../src/logtools/repair/apply.ts';
import { Donor } from '../../src/logtools/repair/donor.ts';
import { planRepair, type RepairPlan } from '../../src/logtools/repair/plan.ts';
import { lostRows, planReport, repairedLocation } from '../../src/logtools/repair/report.ts';
import { surveyLog } from '../../src/logtools/repair/survey.ts';
import { Replay, replayLog } from '../../src/logtools/replay.ts';
import { dumpLog, inspectLog } from '../../src/logtools/rows.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { statsOf } from '../../src/logtools/stats.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { checkOneHistory, goodFrames } from './one-history.ts';
import { collect } from './temp-dir.ts';

/** With what a tool may answer whatever stands in a log. */
const ANSWERS: readonly RaftErrorCode[] = ['damaged', 'unsupported'];

const SELECTION = await Selection.of({ where: 'key != "" || size > 3', grep: '.' });
const WHEN = await compileWhen('size(state) > 1');

/** Two logs on disk, and what is known of the first. */
export interface LogPair {
  readonly first: string;
  readonly second: string;
  readonly isNamedTruly: boolean;
}

/** Does everything with two logs that the log commands do, and compares what they say of the same. The first is repaired. */
export async function tryAllTools({ first, second, isNamedTruly }: LogPair): Promise<void> {
  const [log, other] = [await find(first), await find(second)];
  // A directory without a segment is no log, or has lost it.
  if (log === undefined || other === undefined) return;
  const { entries, isWhole } = await lookAt(log);
  await exportAs(log, entries);
  await answered(() => compare(log, other));
  await answered(() => collect(replayLog(log.location, new Replay(), log)));
  await answered(() => bisectLog(log.location, WHEN, log));
  for (const donor of [undefined, other]) await answered(() => planFor(log, donor));
  const [before, donor] = [await goodFrames(log.location), await goodFrames(other.location)];
  await answered(async () => {
    const plan = await repair(log, other);
    assert(!isWhole || plan.verdict === 'whole', `verify finds it whole, and a repair ${plan.verdict}`);
    if (plan.verdict !== 'repairable') return;
    if (isNamedTruly) await checkRepaired(log);
    const after = await goodFrames(await repairedLocation(log.location));
    checkOneHistory(plan, { before, donor, after });
  });
}

async function find(path: string): Promise<DiffLog | undefined> {
  try {
    return { name: path, ...(await findLog(path, undefined, () => {})) };
  } catch (error) {
    if (error instanceof RaftError && ['no-such-file', 'damaged'].includes(error.code)) return undefined;
    throw error;
  }
}

async function answered(use: () => Promise<unknown>): Promise<void> {
  try {
    await use();
  } catch (error) {
    if (!(error instanceof RaftError && ANSWERS.includes(error.code))) throw error;
  }
}

/** Reads the log by every tool that only shows it, and says how many entries it has, and whether a node starts on it. */
async function lookAt({
  location,
  writer,
}: DiffLog): Promise<{ readonly entries: number; readonly isWhole: boolean }> {
  let entries = 0;
  let isWhole = true;
  for (const report of await collect(verifyLog(location, { writer }))) {
    verifyLines(report);
    entries += report.entries;
    isWhole &&= report.ok;
  }
  const progress = await LogProgress.of(location, () => {});
  const options = { writer, progress };
  const rows = await collect(inspectLog(location, options));
  for (const row of rows) inspectLine(row);
  const stats = await statsOf(location, options);
  statsLines(stats);
  const dumped = JSON.stringify(await collect(dumpLog(location, options)));
  assert(dumped.length >= 2 * rows.length, 'a dump has a line for each row');
  await collect(inspectLog(location, { ...options, selection: SELECTION }));
  const shown = rows.filter(({ type }) => type === 'entry').length;
  assert(shown === entries && stats.entries === entries, `verify ${entries}, inspect ${shown} entries`);
  return { entries, isWhole };
}

/** Every format has the same entries. */
async function exportAs({ location, writer }: DiffLog, entries: number): Promise<void> {
  const counts = [noCount(), noCount(), noCount()] as const;
  const options = { writer };
  const ndjson = (await collect(exportTable(location, 'ndjson', counts[0], options))).join('');
  for (const line of ndjson.split('\n').slice(0, -1)) JSON.parse(line);
  await collect(exportTable(location, 'csv', counts[1], { ...options, selection: SELECTION }));
  const { buffer } = concatBytes(await collect(exportParquet(location, counts[2], options)));
  assert(buffer instanceof ArrayBuffer, 'bytes of their own');
  const { num_rows } = parquetMetadata(buffer);
  assert(counts[0].entries === entries && Number(num_rows) === entries, `${num_rows} of ${entries} rows`);
  await answered(() => collect(exportOriginal(location, 5n, noCount())));
}

async function compare(log: DiffLog, other: DiffLog): Promise<void> {
  const comparison = diffLogs([log, other], { voters: 3 });
  let step: IteratorResult<DiffEntry, unknown> = await comparison.next();
  for (; step.done !== true; step = await comparison.next()) diffEntryLines(step.value);
  diffSummaryLines(await diffOf([other, log]));
}

async function diffOf(logs: readonly DiffLog[]) {
  const comparison = diffLogs(logs);
  for (;;) {
    const { done, value } = await comparison.next();
    if (done === true) return value;
  }
}

async function planFor({ location }: DiffLog, other: DiffLog | undefined): Promise<RepairPlan> {
  await using donor = other === undefined ? undefined : await Donor.open(other);
  const plan = await planRepair(await surveyLog(location), donor);
  planLines(planReport(plan), true);
  await collect(lostRows(plan));
  return plan;
}

async function repair(log: DiffLog, other: DiffLog): Promise<RepairPlan> {
  const plan = await planFor(log, other);
  await using donor = await Donor.open(other);
  await applyRepair(plan, donor);
  return plan;
}

/** What was repaired is good, and is whole to the next plan. */
async function checkRepaired(log: DiffLog): Promise<void> {
  const location = await repairedLocation(log.location);
  const reports = await collect(verifyLog(location));
  assert(
    reports.every(({ ok }) => ok),
    `it is still damaged: ${JSON.stringify(reports)}`,
  );
  assert((await planFor({ ...log, location }, undefined)).verdict === 'whole', 'it can be repaired again');
}

function noCount(): ExportCount {
  return { entries: 0, problems: 0, foreign: 0 };
}
