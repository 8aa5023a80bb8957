import type { Problem } from '../logfmt/damage.ts';
import type { ScanResult } from '../logfmt/scan.ts';
import { judgedByHint, missingCommitted, readCommitHint } from './commit-hint.ts';
import type { LogLocation, SegmentFile } from './locate.ts';
import { type FileScanOptions, LogFile, type LogItem } from './log-file.ts';

/** An item of a log of one or more segments. */
export interface SegmentItem {
  readonly segment: SegmentFile;
  readonly item: LogItem;
}

/** What the segments so far say about the next one. */
export type Continuity = Pick<FileScanOptions, 'firstIndex' | 'previousTerm'>;

/**
 * Whether a node writes the log at this moment: its unfinished tail is no problem where one is `running`. Where that is
 * `unknown`, the tail is told as one, and what is seen half done is looked at again.
 */
export type Writer = 'none' | 'running' | 'unknown';

/** How a log is to be read. */
export interface ReadOptions {
  /** `none` unless given. */
  readonly writer?: Writer;
}

/**
 * All items of a log in order, entries and damage in their places, in bounded memory. The order of entries is checked
 * across segments too, and the end of a data directory's log by what is known to be committed.
 */
export async function* readLog(
  location: LogLocation,
  options: ReadOptions = {},
): AsyncGenerator<SegmentItem, void> {
  let continuity: Continuity = {};
  for (const segment of location.segments) {
    // A hint that cannot be read hinders nobody who only looks; whoever gives a verdict needs it.
    const hint = await hintFor(location, segment).catch(() => 0n);
    await using file = await LogFile.open(segment.path);
    const scanOptions = segmentOptions(location, segment, continuity);
    const chunks = file.items(scanOptions);
    let step = await chunks.next();
    while (!step.done) {
      for (const found of step.value) {
        const item = itemByHint(found, hint);
        if (options.writer !== 'running' || !isUnfinished(item)) yield { segment, item };
      }
      step = await chunks.next();
    }
    const missing = missingCommitted(step.value, scanOptions.firstIndex, hint);
    if (missing !== undefined) yield { segment, item: { type: 'problem', problem: missing } };
    continuity = continuityAfter(continuity, step.value);
  }
}

/** How far one segment of a log has to reach: only the last one has to reach the commit hint. To be asked before a scan. */
export async function hintFor(location: LogLocation, segment: SegmentFile): Promise<bigint> {
  return segment === location.segments.at(-1) ? await readCommitHint(location) : 0n;
}

/**
 * How one segment of a log is to be scanned. What the segments before it say weighs more than its own name. Nothing
 * removes segments from the front of a log yet, so the first of a data directory has to begin with index 1.
 */
export function segmentOptions(
  location: LogLocation,
  segment: SegmentFile,
  before: Continuity,
): FileScanOptions {
  const isLast = segment === location.segments.at(-1);
  const firstIndex = location.kind === 'directory' && location.isPart !== true ? 1n : segment.firstIndex;
  return {
    segment: isLast ? location.end : 'earlier',
    ...(firstIndex === undefined ? {} : { firstIndex }),
    ...before,
  };
}

/** What the next segment has to continue, after one was scanned. */
export function continuityAfter(before: Continuity, result: ScanResult): Continuity {
  if (result.last === undefined) return before;
  return { firstIndex: result.last.index + 1n, previousTerm: result.last.term };
}

/** Whether a problem is what the tail of a log looks like while a node writes it. */
export function isUnfinishedTail(problem: Problem): boolean {
  return !problem.fatal && (problem.kind === 'torn-tail' || problem.kind === 'zero-tail');
}

function itemByHint(item: LogItem, hint: bigint): LogItem {
  return item.type === 'problem' ? { ...item, problem: judgedByHint(item.problem, hint) } : item;
}

function isUnfinished(item: LogItem): boolean {
  return item.type === 'problem' && isUnfinishedTail(item.problem);
}
