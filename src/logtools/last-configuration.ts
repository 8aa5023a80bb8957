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

const MARK = Buffer.from(CONFIGURATION_MARK);
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * The last configuration in the log of a data directory, committed or not: the one that its node goes by. Undefined where
 * the log holds none, because the node goes by that which the cluster was made with. Errors: those of `locateLog` and
 * `LogFile`.
 */
export async function lastConfiguration(dataDir: string): Promise<FoundConfiguration | undefined> {
  const location = await locateLog(dataDir);
  for (const segment of location.segments.toReversed()) {
    const found = await lastIn(location, segment);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lastIn(location: LogLocation, segment: SegmentFile): Promise<FoundConfiguration | undefined> {
  await using file = await LogFile.open(segment.path);
  // Most segments hold none, and their frames need not be taken apart to see that.
  if (!(await holdsMark(file))) return undefined;
  let last: FoundConfiguration | undefined;
  for await (const items of file.items(segmentOptions(location, segment, continuityOf(segment)))) {
    for (const item of items) {
      const configuration = item.type === 'entry' ? configurationIn(item.frame.command) : undefined;
      if (item.type === 'entry' && configuration !== undefined)
        last = { index: item.frame.index, configuration };
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
