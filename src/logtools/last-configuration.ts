import type { Configuration } from '../lib/configuration.ts';
import { CONFIGURATION_MARK, configurationIn } from '../lib/entry.ts';
import { RaftError } from '../lib/errors.ts';
import { FrameFold } from '../logfmt/fold.ts';
import { type LogLocation, locateLog, type SegmentFile } from './locate.ts';
import { type FileScanOptions, LogFile } from './log-file.ts';
import { isUnfinishedTail, segmentOptions } from './read-log.ts';

/** Where an entry stands. */
export interface LogPosition {
  readonly term: bigint;
  readonly index: bigint;
}

/** A configuration, and where it stands in its log. Index and term together name one entry in all logs. */
export interface FoundConfiguration extends LogPosition {
  readonly configuration: Configuration;
}

/** Which configurations of a log are meant; all of them unless given. */
export interface ConfigurationsSought {
  /** None that stands after this index: one that is not known to be committed may never have been in force. */
  readonly through?: bigint;
  readonly accepts?: (configuration: Configuration) => boolean;
  /**
   * Nothing that is sought may be hidden: what stands from the beginning of the segment with it up to `through` has to be
   * whole and all there.
   */
  readonly isWhole?: boolean;
}

const MARK = Buffer.from(CONFIGURATION_MARK);
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * The last configuration in the log of a data directory that is sought: without a bound, the one that its node goes by,
 * committed or not. Undefined where the log holds none, because the node goes by that which the cluster was made with.
 * The segments are read from the end, and none before the one that holds it. Errors: those of `locateLog` and `LogFile`;
 * `damaged` where the log has to be whole and is not.
 */
export async function lastConfiguration(
  dataDir: string,
  sought: ConfigurationsSought = {},
): Promise<FoundConfiguration | undefined> {
  const { through, isWhole = false } = sought;
  const location = await locateLog(dataDir);
  // The index that the segment before has to reach; without a bound nobody can say where a log ends.
  let needed = isWhole ? through : undefined;
  for (const segment of location.segments.toReversed()) {
    const { firstIndex = 1n } = segment;
    if (through !== undefined && firstIndex > through) continue;
    const found = await lastIn(location, segment, { ...sought, needed });
    if (found !== undefined) return found;
    if (needed !== undefined) needed = firstIndex - 1n;
  }
  if (needed !== undefined && needed > 0n) throw notWhole(dataDir, needed);
  return undefined;
}

/**
 * All configurations in the log of a data directory that stand after an index, in order, also those behind damage. Only
 * the segments that reach beyond the index are read. Errors: those of `locateLog` and `LogFile`.
 */
export async function configurationsAfter(
  dataDir: string,
  after: bigint,
): Promise<readonly FoundConfiguration[]> {
  const location = await locateLog(dataDir);
  const found: FoundConfiguration[] = [];
  for (const [position, segment] of location.segments.entries()) {
    const next = location.segments[position + 1]?.firstIndex;
    if (next === undefined || next > after + 1n) found.push(...(await allIn(location, segment, after)));
  }
  return found;
}

/** Where the last entry of the log of a data directory stands; undefined where there is none. Errors: as above. */
export async function lastPosition(dataDir: string): Promise<LogPosition | undefined> {
  const location = await locateLog(dataDir);
  for (const segment of location.segments.toReversed()) {
    await using file = await LogFile.open(segment.path);
    const options = segmentOptions(location, segment, continuityOf(segment));
    const { lastKept } = await file.scan(options, { fold: FrameFold.make() });
    if (lastKept !== undefined) return { term: lastKept.term, index: lastKept.index };
  }
  return undefined;
}

async function allIn(
  location: LogLocation,
  segment: SegmentFile,
  after: bigint,
): Promise<readonly FoundConfiguration[]> {
  await using file = await LogFile.open(segment.path);
  if (!(await holdsMark(file))) return [];
  const found: FoundConfiguration[] = [];
  for await (const items of file.items(segmentOptions(location, segment, continuityOf(segment)))) {
    for (const item of items) {
      if (item.type !== 'entry' || item.frame.index <= after) continue;
      const { term, index, command } = item.frame;
      const configuration = configurationIn(command);
      if (configuration !== undefined) found.push({ term, index, configuration });
    }
  }
  return found;
}

async function lastIn(
  location: LogLocation,
  segment: SegmentFile,
  { through, accepts, needed }: ConfigurationsSought & { readonly needed: bigint | undefined },
): Promise<FoundConfiguration | undefined> {
  await using file = await LogFile.open(segment.path);
  const options = segmentOptions(location, segment, continuityOf(segment));
  // Most segments hold none, and their frames need not be taken apart to see that, nor that they are whole.
  if (!(await holdsMark(file)) && (needed === undefined || (await isClean(file, options, needed)))) {
    return undefined;
  }
  let last: FoundConfiguration | undefined;
  let reached: bigint | undefined;
  for await (const items of file.items(options)) {
    for (const item of items) {
      if (needed !== undefined && reached !== undefined && reached >= needed) return last;
      if (item.type === 'problem') {
        if (needed !== undefined) throw notWhole(segment.path, needed);
        continue;
      }
      const { term, index, command } = item.frame;
      if (through !== undefined && index > through) return last;
      reached = index;
      const configuration = configurationIn(command);
      if (configuration !== undefined && (accepts?.(configuration) ?? true)) {
        last = { term, index, configuration };
      }
    }
  }
  if (needed !== undefined && (reached ?? 0n) < needed) throw notWhole(segment.path, needed);
  return last;
}

/** Whether a segment holds all entries up to an index, with nothing wrong anywhere but at its very end. */
async function isClean(file: LogFile, options: FileScanOptions, needed: bigint): Promise<boolean> {
  const { lastKept, problems } = await file.scan(options, { fold: FrameFold.make() });
  return lastKept !== undefined && lastKept.index >= needed && problems.every(isUnfinishedTail);
}

function notWhole(path: string, needed: bigint): RaftError {
  return new RaftError('damaged', `${path} is damaged, or lacks entries, at or before index ${needed}.`, {
    suggestions: [`raft log verify ${path}   # names all damage`],
  });
}

/** Whether the bytes with which configurations begin stand anywhere in a file, in the command of somebody else too. */
async function holdsMark(file: LogFile): Promise<boolean> {
  const { bytes } = await file.version();
  const overlap = MARK.length - 1;
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    const chunk = await file.read(offset, CHUNK_BYTES + overlap);
    if (Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).includes(MARK)) return true;
  }
  return false;
}

/** A segment on its own: those before it are not read, and its name says where it begins. */
function continuityOf({ firstIndex }: SegmentFile): { readonly firstIndex?: bigint } {
  return firstIndex === undefined ? {} : { firstIndex };
}
