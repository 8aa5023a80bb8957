import type { PayloadKind } from '../lib/entry.ts';
import { DiffComparison } from './diff-comparison.ts';
import { DiffCursor, type DiffLog } from './diff-cursor.ts';
import type { Standing, VotersFrom } from './diff-voters.ts';

/** One version of the entry at an index. */
export interface DiffVersion {
  readonly term: string;
  readonly kind: PayloadKind;
  readonly size: number;
  readonly preview: string;
  /** The logs that hold it, by the names that they were given with. */
  readonly logs: readonly string[];
  readonly standing: Standing;
  /** So many voters more would have to hold it; null where it is not known how many vote. */
  readonly needed: number | null;
}

/** An index from where the logs part on, and what they hold there. */
export interface DiffEntry {
  readonly type: 'entry';
  readonly index: string;
  readonly versions: readonly DiffVersion[];
  /** Logs that end before. */
  readonly ended: readonly string[];
  /** Logs that begin later, or are damaged here. */
  readonly unknown: readonly string[];
  /**
   * Two logs hold different bytes of the same index and term, or two entries that their nodes know to be committed: no run
   * of Raft can bring that about.
   */
  readonly isConflict: boolean;
}

/** How many vote, and what says so. */
export interface DiffVoters {
  readonly voters: number;
  /** How many voters C_old has, in a joint configuration; else null. */
  readonly oldVoters: number | null;
  readonly votersFrom: VotersFrom;
  /** The logs of nodes that are known not to vote. */
  readonly notCounted: readonly string[];
}

/** Entries one after the other of one term, in the same logs, over which the same voters decide. */
export interface DiffRange extends DiffVoters {
  readonly from: string;
  readonly to: string;
  readonly term: string;
  readonly logs: readonly string[];
  readonly standing: Standing;
  /** So many voters more would have to hold them; null where it is not known how many vote. */
  readonly needed: number | null;
}

/** One of the logs. */
export interface DiffLogSummary {
  readonly log: string;
  /** The node whose log it is; null where nobody knows. */
  readonly id: string | null;
  readonly clusterId: string | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly entries: number;
  readonly problems: number;
  /** Behind its last entry stands what cannot be read, and may have been more of them. */
  readonly endsInDamage: boolean;
  /** From here on the log holds two histories, and what the node held is not known; null where it holds one. */
  readonly twoHistoriesFrom: string | null;
  /** Up to here it is known to be committed; "0" where nothing says so. */
  readonly committedThrough: string;
}

/** What a comparison found, as `raft log diff --json` prints it. Every uint64 is a decimal string. */
export interface DiffSummary extends DiffVoters {
  readonly type: 'summary';
  readonly logs: readonly DiffLogSummary[];
  /** The logs are of different clusters: what may be committed is not judged. */
  readonly areStrangers: boolean;
  /** How many voters the last configuration has, or the initial one, whatever was given; null where it is not known. */
  readonly configuredVoters: number | null;
  /** The number of voters was given, and entries are judged by it where a joint configuration asks the old voters too. */
  readonly dropsOldVoters: boolean;
  /** The ids of voters whose log is not here; none where it is not known of every log whose it is. */
  readonly missing: readonly string[];
  /** The first index at which not all logs that reach it hold the same; null where there is none. */
  readonly partAt: string | null;
  /** The last index before that at which all logs hold the same; null where there is none. */
  readonly agreeThrough: string | null;
  /** Indexes before that at which not all logs could be compared: one begins later, or is damaged there. */
  readonly notCompared: number;
  /** What stands where from `partAt` on, the first `DIFF_RANGES_MAX` of it. */
  readonly ranges: readonly DiffRange[];
  readonly rangesLeftOut: number;
  /** The last index of which an entry may be committed; null where there is none. */
  readonly committedAtMost: string | null;
  /** Indexes of such conflicts (`isConflict`); a log that is good in itself is damaged then, or a stranger. */
  readonly conflicts: number;
}

export interface DiffOptions {
  /** How many nodes vote, whatever the logs say; at least as many as there are logs. */
  readonly voters?: number | undefined;
  /** Nobody asks for the entries: none is yielded. */
  readonly isSummaryOnly?: boolean | undefined;
}

/**
 * Compares logs of one cluster side by side, in bounded memory: yields what they hold at each index from where they part on,
 * and returns the summary. That a log holds two histories is seen only behind the first of them, when entries of it have
 * been judged. So where entries are to be yielded all logs are looked through for that first; for a summary alone they are
 * compared anew where it is found.
 */
export async function* diffLogs(
  logs: readonly DiffLog[],
  options: DiffOptions = {},
): AsyncGenerator<DiffEntry, DiffSummary> {
  let forks: Forks = options.isSummaryOnly === true ? new Map() : await forksIn(logs);
  for (;;) {
    const { summary, found } = yield* compare(logs, forks, options);
    if (found.size === 0 || options.isSummaryOnly !== true) return summary;
    forks = new Map([...forks, ...found]);
  }
}

/** Whether no entry could be read in all of the logs, though there is something in them. Logs that are empty are the same. */
export function isNothingCompared({ logs, partAt, agreeThrough }: DiffSummary): boolean {
  const areEmpty = logs.every(({ first, problems }) => first === null && problems === 0);
  return partAt === null && agreeThrough === null && !areEmpty;
}

/** From which index on logs hold two histories. */
type Forks = ReadonlyMap<DiffLog, bigint>;

async function forksIn(logs: readonly DiffLog[]): Promise<Forks> {
  const forks = new Map<DiffLog, bigint>();
  for (const log of logs) {
    const cursor = await DiffCursor.open({ ...log, progress: undefined });
    try {
      while (cursor.current !== undefined) await cursor.advance();
    } finally {
      await cursor.close();
    }
    if (cursor.forkSeenFrom !== undefined) forks.set(log, cursor.forkSeenFrom);
  }
  return forks;
}

/** Compares logs of which so many are known to hold two histories, and finds those of which it was not known. */
async function* compare(
  logs: readonly DiffLog[],
  forks: Forks,
  { voters, isSummaryOnly }: DiffOptions,
): AsyncGenerator<DiffEntry, { readonly summary: DiffSummary; readonly found: Forks }> {
  const cursors: DiffCursor[] = [];
  try {
    for (const log of logs) cursors.push(await DiffCursor.open(log, forks.get(log)));
    const comparison = new DiffComparison(cursors, voters);
    for (let index = lowest(cursors); index !== undefined; index = lowest(cursors)) {
      const entry = comparison.look(index);
      if (entry !== undefined && isSummaryOnly !== true) yield entry;
      for (const cursor of cursors) if (cursor.current?.index === index) await cursor.advance();
    }
    return { summary: comparison.summary(), found: newForks(cursors, forks) };
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** Those that begin before where they were known to. */
function newForks(cursors: readonly DiffCursor[], forks: Forks): Forks {
  const found = new Map<DiffLog, bigint>();
  for (const { log, forkSeenFrom } of cursors) {
    const known = forks.get(log);
    if (forkSeenFrom !== undefined && (known === undefined || forkSeenFrom < known))
      found.set(log, forkSeenFrom);
  }
  return found;
}

function lowest(cursors: readonly DiffCursor[]): bigint | undefined {
  let index: bigint | undefined;
  for (const { current } of cursors) {
    if (current !== undefined && (index === undefined || current.index < index)) index = current.index;
  }
  return index;
}
