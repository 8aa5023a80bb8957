import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { SCAN_THREADS_BYTES_MIN } from '../lib/limits.ts';
import type { ScanThreads } from '../logtools/scan-threads.ts';

/** What `giveHeadStart` has begun and nobody has taken yet. It is given before there is any command that could hold it. */
let given: ScanThreads | undefined;

/**
 * Has a thread begin with the long log that the arguments of `raft log verify` name, while the program itself is loaded:
 * that takes a quarter of the time in which a GB is checked. Whatever hinders it is left for the command to report.
 */
export async function giveHeadStart(args: readonly string[]): Promise<void> {
  const path = args.find(isLongFile);
  if (path === undefined || threadsAsked(args) === '1' || availableParallelism() === 1) return;
  const { ScanThreads } = await import('../logtools/scan-threads.ts');
  try {
    given = ScanThreads.withHeadStart(path);
  } catch {
    // The command cannot open the file either, and says so.
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

function threadsAsked(args: readonly string[]): string | undefined {
  const joined = args.find((arg) => arg.startsWith('--threads='));
  return joined?.slice('--threads='.length) ?? args[args.indexOf('--threads') + 1];
}
