import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { SCAN_THREADS_BYTES_MIN } from '../lib/limits.ts';
import type { ScanThreads } from '../logtools/scan-threads.ts';

/** What `giveHeadStart` has begun and nobody has taken yet. It is given before there is any command that could hold it. */
let given: ScanThreads | undefined;

/**
 * Has a thread begin with the long log that the arguments of `raft log verify` name, while the program itself is loaded:
 * that takes nearly half of the time in which two threads check a GB. Whatever hinders it is left for the command to report.
 */
export async function giveHeadStart(args: readonly string[]): Promise<void> {
  const path = args.find(isLongFile);
  if (path === undefined || threadsAsked(args) === 1 || availableParallelism() === 1) return;
  try {
    const { ScanThreads } = await import('../logtools/scan-threads.ts');
    given = ScanThreads.withHeadStart(path);
  } catch {
    // The command fails in the same way, and says so.
  }
}

/** The thread that has a head start, if there is one, for whoever is going to end it. */
export function takeHeadStart(): ScanThreads | undefined {
  const taken = given;
  given = undefined;
  return taken;
}

function isLongFile(arg: string): boolean {
  if (arg.startsWith('-')) return false;
  try {
    const stat = statSync(arg, { throwIfNoEntry: false });
    return stat?.isFile() === true && stat.size >= SCAN_THREADS_BYTES_MIN;
  } catch {
    return false;
  }
}

/** NaN where nothing is said of it. */
function threadsAsked(args: readonly string[]): number {
  const [joined] = args.flatMap((arg) => /^--threads=(.*)$/.exec(arg)?.[1] ?? []);
  const flag = args.indexOf('--threads');
  return Number(joined ?? (flag === -1 ? Number.NaN : args[flag + 1]));
}
