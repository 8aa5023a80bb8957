import { join } from 'node:path';
import { asRaftError } from '../lib/errors.ts';
import { INDEX_MAX, SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import { decodeState } from '../logfmt/records.ts';
import { dataDirectoryOf, type LogLocation } from './locate.ts';
import { LogFile } from './log-file.ts';

/** Where a data directory says from which votes its node abstains. */
const STATE_FILE = 'state';

/** No log goes further. */
const EVERYWHERE = BigInt(INDEX_MAX);

/**
 * Up to here a node may have held entries that were cut from its log, and have acknowledged them (docs/FORMAT.md:
 * `abstainThrough`); 0 where no file says so. Where the file is damaged or cannot be read, any entry may have been cut.
 */
export async function readAbstention(location: LogLocation): Promise<bigint> {
  const directory = dataDirectoryOf(location);
  if (directory === undefined) return 0n;
  try {
    await using file = await LogFile.open(join(directory, STATE_FILE));
    const decoded = decodeState(await file.read(0, SMALL_BODY_BYTES_MAX));
    return decoded.type === 'value' ? BigInt(decoded.value.abstainThrough) : EVERYWHERE;
  } catch (error) {
    const { code } = asRaftError(error);
    if (code === 'no-such-file') return 0n;
    if (code === 'not-permitted' || code === 'disk-failed') return EVERYWHERE;
    throw error;
  }
}
