import type { Configuration } from '../lib/configuration.ts';
import { CONFIGURATION_MARK, configurationIn } from '../lib/entry.ts';
import { type LogLocation, locateLog, type SegmentFile } from './locate.ts';
import { LogFile } from './log-file.ts';
import { segmentOptions } from './read-log.ts';

/** A configuration, and where it stands in its log. */
export interface FoundConfiguration {
  readonly index: bigint;
  readonly configuration: Configuration;
}

/** Which configurations of a log are meant; all of them unless given. */
export interface ConfigurationsSought {
  /** None that stands after this index: one that is not known to be committed may never have been in force. */
  readonly through?: bigint;
  readonly accepts?: (configuration: Configuration) => boolean;
}

const MARK = Buffer.from(CONFIGURATION_MARK);
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * The last configuration in the log of a data directory that is sought: without a bound, the one that its node goes by,
 * committed or not. Undefined where the log holds none, because the node goes by that which the cluster was made with.
 * The segments are read from the end, and none before the one that holds it. Errors: those of `locateLog` and `LogFile`.
 */
export async function lastConfiguration(
  dataDir: string,
  sought: ConfigurationsSought = {},
): Promise<FoundConfiguration | undefined> {
  const location = await locateLog(dataDir);
  for (const segment of location.segments.toReversed()) {
    if (sought.through !== undefined && (segment.firstIndex ?? 0n) > sought.through) continue;
    const found = await lastIn(location, segment, sought);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lastIn(
  location: LogLocation,
  segment: SegmentFile,
  { through, accepts }: ConfigurationsSought,
): Promise<FoundConfiguration | undefined> {
  await using file = await LogFile.open(segment.path);
  // Most segments hold none, and their frames need not be taken apart to see that.
  if (!(await holdsMark(file))) return undefined;
  let last: FoundConfiguration | undefined;
  for await (const items of file.items(segmentOptions(location, segment, continuityOf(segment)))) {
    for (const item of items) {
      if (item.type !== 'entry') continue;
      const { index, command } = item.frame;
      if (through !== undefined && index > through) return last;
      const configuration = configurationIn(command);
      if (configuration !== undefined && (accepts?.(configuration) ?? true)) last = { index, configuration };
    }
  }
  return last;
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
