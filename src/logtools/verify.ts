import { availableParallelism } from 'node:os';
import { SCAN_THREADS_BYTES_MIN, SCAN_THREADS_MAX } from '../lib/limits.ts';
import type { Problem, ProblemKind } from '../logfmt/damage.ts';
import { FrameFold } from '../logfmt/fold.ts';
import type { Position } from '../logfmt/frame.ts';
import type { ScanResult } from '../logfmt/scan.ts';
import { judgedByHint, missingCommitted } from './commit-hint.ts';
import type { LogLocation, SegmentFile } from './locate.ts';
import { type FileScanOptions, LogFile, type ScanHelp } from './log-file.ts';
import { logBytes, type OnProgress } from './progress.ts';
import {
  type Continuity,
  continuityAfter,
  hintFor,
  isUnfinishedTail,
  type ReadOptions,
  segmentOptions,
  type Writer,
} from './read-log.ts';
import type { ScanThreads } from './scan-threads.ts';

/** The verdict on one file, as `raft log verify --json` prints it: every uint64 is a decimal string. */
export interface VerifyReport {
  readonly file: string;
  readonly bytes: number;
  /** Good frames, also those after damage. */
  readonly entries: number;
  readonly first: VerifyPosition | null;
  readonly last: VerifyPosition | null;
  readonly problems: readonly VerifyProblem[];
  /** Problems beyond the `PROBLEMS_KEPT_MAX` that are listed. */
  readonly problemsLeftOut: number;
  /** No problem is fatal: a node starts on it. */
  readonly ok: boolean;
}

interface VerifyPosition {
  readonly index: string;
  readonly term: string;
}

export interface VerifyProblem {
  readonly kind: ProblemKind;
  readonly offset: number;
  readonly length: number;
  readonly index: string | null;
  readonly detail: string;
  readonly fatal: boolean;
}

/** How a log is to be checked. */
export interface VerifyOptions extends ReadOptions {
  /** So many threads go through the log; 1 is this one alone. Unless given, one for each core goes through a long one. */
  readonly threads?: number;
  /** A thread that goes through a file already, of this log or not. */
  readonly headStart?: ScanThreads | undefined;
  /** Called now and then with the bytes that are done, of how many. */
  readonly onProgress?: OnProgress;
}

/** A file that a node writes to is looked at again this often where it changed while it was read. */
const RACES_MAX = 5;

/**
 * Checks a log, one report for each file in order. The order of entries is checked across files too; the log of a data
 * directory has to begin with index 1, and to reach what is known to be committed. `ok` of all decides (65 or 0).
 */
export async function* verifyLog(
  location: LogLocation,
  options: VerifyOptions = {},
): AsyncGenerator<VerifyReport, void> {
  const writer = options.writer ?? 'none';
  const totalBytes = await logBytes(location);
  await using threads = await threadsFor(totalBytes, options);
  const fold = FrameFold.make();
  let continuity: Continuity = {};
  let bytesBefore = 0;
  const onBytes = (doneBytes: number) => options.onProgress?.(bytesBefore + doneBytes, totalBytes);
  for (const segment of location.segments) {
    const hint = await hintFor(location, segment);
    const scanOptions = segmentOptions(location, segment, continuity);
    const result = await scanSettled(segment, { scanOptions, writer, help: { fold, threads, onBytes } });
    bytesBefore += result.bytes;
    const whole = location.kind === 'directory' ? resultByName(result, scanOptions, segment) : result;
    yield report(segment, resultByHint(whole, scanOptions, hint), writer);
    continuity = continuityAfter(continuity, result);
  }
}

/** Unless somebody asks for threads, a short log has none: they take longer to start than they save. */
async function threadsFor(
  totalBytes: number,
  { threads: asked, headStart }: VerifyOptions,
): Promise<ScanThreads | undefined> {
  const count = asked ?? (totalBytes >= SCAN_THREADS_BYTES_MIN ? defaultThreads() : 1);
  if (count <= 1) {
    await headStart?.[Symbol.asyncDispose]();
    return undefined;
  }
  if (headStart !== undefined) {
    headStart.grow(count - 1);
    return headStart;
  }
  const { ScanThreads } = await import('./scan-threads.ts');
  return new ScanThreads(count - 1);
}

/** How many threads go through a long log unless told otherwise, the one that scans it included. */
function defaultThreads(): number {
  return Math.min(availableParallelism(), SCAN_THREADS_MAX);
}

/**
 * Scans a file; where a node may write it, a problem may only be a write that was seen half done, so the file is read again
 * as long as it changed meanwhile, within a limit.
 */
async function scanSettled(
  segment: SegmentFile,
  {
    scanOptions,
    writer,
    help,
  }: { readonly scanOptions: FileScanOptions; readonly writer: Writer; readonly help: ScanHelp },
): Promise<ScanResult> {
  await using file = await LogFile.open(segment.path);
  for (let races = 0; ; races++) {
    const before = await file.version();
    const result = await file.scan(scanOptions, help);
    if (writer === 'none' || !result.fatal || races === RACES_MAX) return result;
    const after = await file.version();
    if (after.bytes === before.bytes && after.modifiedMs === before.modifiedMs) return result;
  }
}

/**
 * What was found, as a node takes it that goes by the names of the files. Where the entries of a file begin elsewhere too,
 * the scan has said so already.
 */
function resultByName(
  result: ScanResult,
  { firstIndex }: FileScanOptions,
  { name, firstIndex: named }: SegmentFile,
): ScanResult {
  const isKnown = firstIndex === undefined || named === firstIndex;
  if (isKnown || (result.first !== undefined && result.first.index !== firstIndex)) return result;
  const problem: Problem = {
    ...{ kind: 'index-gap', offset: 0, length: 0, index: firstIndex },
    detail: `index ${firstIndex} has to stand here, and ${name} is named for another one`,
    fatal: true,
  };
  return { ...result, problems: [problem, ...result.problems], fatal: true };
}

/** What was found, as a node that knows the hint takes it. */
function resultByHint(result: ScanResult, { firstIndex }: FileScanOptions, hint: bigint): ScanResult {
  const judged = result.problems.map((problem) => judgedByHint(problem, hint));
  const missing = missingCommitted(result, firstIndex, hint);
  const problems = missing === undefined ? judged : [...judged, missing];
  return { ...result, problems, fatal: result.fatal || problems.some((problem) => problem.fatal) };
}

function report(segment: SegmentFile, result: ScanResult, writer: Writer): VerifyReport {
  const problems = result.problems.filter((problem) => writer !== 'running' || !isUnfinishedTail(problem));
  return {
    file: segment.path,
    bytes: result.bytes,
    entries: result.entries,
    first: positionJson(result.first),
    last: positionJson(result.last),
    problems: problems.map(problemJson),
    problemsLeftOut: result.problemsLeftOut,
    ok: !result.fatal,
  };
}

function positionJson(position: Position | undefined): VerifyPosition | null {
  return position === undefined ? null : { index: position.index.toString(), term: position.term.toString() };
}

function problemJson(problem: Problem): VerifyProblem {
  const { kind, offset, length, index, detail, fatal } = problem;
  return { kind, offset, length, index: index?.toString() ?? null, detail, fatal };
}
