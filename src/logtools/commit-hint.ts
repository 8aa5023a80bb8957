import { basename, dirname, join, resolve } from 'node:path';
import { RaftError } from '../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import type { Problem } from '../logfmt/damage.ts';
import { decodeCommitHint } from '../logfmt/records.ts';
import type { ScanResult } from '../logfmt/scan.ts';
import { LOG_DIRECTORY, type LogLocation, roleOf } from './locate.ts';
import { LogFile } from './log-file.ts';

/** Where a data directory keeps the index up to which its log is known to be committed. */
const COMMIT_FILE = 'commit';

/**
 * The index up to which a log is known to be committed: a node does not start where its last segment ends before that.
 * 0 where nothing says so: the log stands in no data directory, or these segments are not its end. A hint that is
 * missing or damaged is 0 to a node too.
 *
 * It is to be read before the log: whatever a hint names is on the disk already, while a running node raises it later.
 * Errors: `not-permitted`, `disk-failed`.
 */
export async function readCommitHint(location: LogLocation): Promise<bigint> {
  const last = location.segments.at(-1);
  if (last?.firstIndex === undefined) return 0n;
  const directory = dirname(resolve(last.path));
  if (basename(directory) !== LOG_DIRECTORY) return 0n;
  const hint = await hintIn(join(dirname(directory), COMMIT_FILE));
  // Asked once the hint was read: a running node may have begun another segment since the log was found, and what the
  // hint names may stand in that.
  return (await roleOf(last)) === 'last' ? hint : 0n;
}

/**
 * Throws `damaged` where a data directory, or the log directory in it, has lost all of its segments: a node that finds none
 * begins an empty log, unless a hint says that there were entries. To be asked where no log was found at `path`.
 * Errors: also `not-permitted`, `disk-failed`.
 */
export async function refuseLostLog(path: string): Promise<void> {
  const directory = resolve(path);
  const dataDirectory = basename(directory) === LOG_DIRECTORY ? dirname(directory) : directory;
  const hint = await hintIn(join(dataDirectory, COMMIT_FILE));
  if (hint === 0n) return;
  throw new RaftError(
    'damaged',
    `All segments of the log in ${dataDirectory} are gone, but entries up to ${hint} are known to be committed: a node ` +
      'refuses to start on it.',
    {
      suggestions: [
        `Put the segments back, if ${LOG_DIRECTORY}/00000000000000000001.log and so on were moved or are on another disk.`,
        'Or replace the node by a new one with a new id and a blank data directory: raft config add',
      ],
    },
  );
}

/** A problem as a node that knows the hint takes it: a torn tail is fatal where committed entries would be cut with it. */
export function judgedByHint(problem: Problem, hint: bigint): Problem {
  const { kind, index, detail } = problem;
  if (kind !== 'torn-tail' || index === undefined || index > hint) return problem;
  const why = `entries up to ${hint} are known to be committed, and must not be cut`;
  return { ...problem, detail: `${detail}; ${why}`, fatal: true };
}

/**
 * The problem of a log whose last segment ends before the hint, though no torn tail says where its end has gone: to the
 * file alone it looks whole. `firstIndex` is that of the entry with which the segment has to begin.
 */
export function missingCommitted(
  result: ScanResult,
  firstIndex: bigint | undefined,
  hint: bigint,
): Problem | undefined {
  const lastIndex = result.lastKept?.index ?? (firstIndex ?? 1n) - 1n;
  if (lastIndex >= hint || result.tornTail !== undefined) return undefined;
  return {
    ...{ kind: 'index-gap', offset: result.keptBytes, length: 0, index: lastIndex + 1n },
    detail: `the log ends with index ${lastIndex}, but entries up to ${hint} are known to be committed`,
    fatal: true,
  };
}

async function hintIn(path: string): Promise<bigint> {
  try {
    await using file = await LogFile.open(path);
    const decoded = decodeCommitHint(await file.read(0, SMALL_BODY_BYTES_MAX));
    return decoded.type === 'value' ? BigInt(decoded.value) : 0n;
  } catch (error) {
    if (error instanceof RaftError && error.code === 'no-such-file') return 0n;
    throw error;
  }
}
