import { join } from 'node:path';
import { RaftError } from '../../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import { type Decoded, decodeState, type StateRecord } from '../../logfmt/records.ts';
import { LogFile } from '../log-file.ts';

/** The file in a data directory that says from which votes a node abstains. */
export function stateFile(dataDirectory: string): string {
  return join(dataDirectory, 'state');
}

/** Reads it; what is wrong with it is said as the end of a sentence that begins with its name. */
export async function readState(path: string): Promise<Decoded<StateRecord>> {
  try {
    await using file = await LogFile.open(path);
    const decoded = decodeState(await file.read(0, SMALL_BODY_BYTES_MAX));
    return decoded.type === 'value' ? decoded : { ...decoded, detail: `is damaged: ${decoded.detail}` };
  } catch (error) {
    if (!(error instanceof RaftError && error.code === 'no-such-file')) throw error;
    return { type: 'damaged', detail: 'is not there' };
  }
}
