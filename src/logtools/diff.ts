import { decodePayload, type PayloadKind } from '../lib/entry.ts';
import { DIFF_RANGES_MAX } from '../lib/limits.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { DiffCursor, type DiffLog } from './diff-cursor.ts';
import { previewOfPayload } from './rows.ts';

/**
 * What an entry's place in the logs says of it. `committed`: a node knows it to be. `majority`: it stands on a majority of
 * the voters, so it may be committed. `possible`: it would, with logs that are not here or damaged there. `minority`: it is
 * not committed, and can still be lost.
 */
export type Standing = 'committed' | 'majority' | 'possible' | 'minority';

/** One version of the entry at an index. */
export interface DiffVersion {
  readonly term: string;
  readonly kind: PayloadKind;
  readonly size: number;
  readonly preview: string;
  /** The logs that hold it, by the names that they were given with. */
  readonly logs: readonly string[];
  readonly standing: Standing;
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
  /** Two logs hold different bytes of the same index and term, which no run of Raft can bring about. */
  readonly isConflict: boolean;
}

/** Entries one after the other of one term, in the same logs. */
export interface DiffRange {
  readonly from: string;
  readonly to: string;
  readonly term: string;
  readonly logs: readonly string[];
  readonly standing: Standing;
}

/** One of the logs. */
export interface DiffLogSummary {
  readonly log: string;
  readonly first: string | null;
  readonly last: string | null;
  readonly entries: number;
  readonly problems: number;
  /** Up to here it is known to be committed; "0" where nothing says so. */
  readonly committedThrough: string;
}

/** What a comparison found, as `raft log diff --json` prints it. Every uint64 is a decimal string. */
export interface DiffSummary {
  readonly type: 'summary';
  readonly logs: readonly DiffLogSummary[];
  /** Of so many voters. */
  readonly voters: number;
  /** The first index at which not all logs that reach it hold the same; null where there is none. */
  readonly partAt: string | null;
  /** The last index at which all that is known is the same, before they part; null where there is none. */
  readonly agreeThrough: string | null;
  /** What stands where from `partAt` on, the first `DIFF_RANGES_MAX` of it. */
  readonly ranges: readonly DiffRange[];
  readonly rangesLeftOut: number;
  /** The last index of which an entry may be committed; null where there is none. */
  readonly committedAtMost: string | null;
  /** Indexes at which two logs hold different bytes of one term; a log that is good in itself is damaged then. */
  readonly conflicts: number;
}

export interface DiffOptions {
  /** How many nodes vote; as many as there are logs unless given. At least as many. */
  readonly voters?: number | undefined;
}

/**
 * Compares logs of one cluster side by side, in one pass and bounded memory: yields what they hold at each index from
 * where they part on, and returns the summary.
 */
export async function* diffLogs(
  logs: readonly DiffLog[],
  options: DiffOptions = {},
): AsyncGenerator<DiffEntry, DiffSummary> {
  const cursors: DiffCursor[] = [];
  try {
    for (const log of logs) cursors.push(await DiffCursor.open(log));
    const comparison = new Comparison(cursors, options.voters ?? logs.length);
    for (let index = lowest(cursors); index !== undefined; index = lowest(cursors)) {
      const entry = comparison.look(index);
      if (entry !== undefined) yield entry;
      for (const cursor of cursors) if (cursor.current?.index === index) await cursor.advance();
    }
    return comparison.summary();
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

function lowest(cursors: readonly DiffCursor[]): bigint | undefined {
  let index: bigint | undefined;
  for (const { current } of cursors) {
    if (current !== undefined && (index === undefined || current.index < index)) index = current.index;
  }
  return index;
}

interface Version {
  readonly frame: RawFrame;
  readonly holders: DiffCursor[];
}

class Comparison {
  readonly #cursors: readonly DiffCursor[];
  readonly #voters: number;
  #agreeThrough: bigint | undefined;
  #partAt: bigint | undefined;
  #committedAtMost: bigint | undefined;
  #conflicts = 0;
  readonly #ranges: OpenRange[] = [];
  /** The last range of each version's logs and term, which may go on. */
  #open: OpenRange[] = [];
  #rangesLeftOut = 0;

  constructor(cursors: readonly DiffCursor[], voters: number) {
    this.#cursors = cursors;
    this.#voters = voters;
  }

  /** Looks at an index at which at least one cursor stands; undefined as long as the logs are the same. */
  look(index: bigint): DiffEntry | undefined {
    const versions: Version[] = [];
    const ended: string[] = [];
    const unknown: string[] = [];
    for (const cursor of this.#cursors) {
      const holding = cursor.at(index);
      if (holding.type === 'entry') addVersion(versions, holding.frame, cursor);
      else (holding.type === 'ended' ? ended : unknown).push(cursor.log.name);
    }
    const judged = versions.map((version) => ({
      ...version,
      standing: this.#standingOf(version, unknown.length),
    }));
    if (judged.some(({ standing }) => standing !== 'minority')) this.#committedAtMost = index;
    const isConflict = new Set(versions.map(({ frame }) => frame.term)).size < versions.length;
    if (isConflict) this.#conflicts++;
    if (this.#partAt === undefined && versions.length === 1 && ended.length === 0) {
      this.#agreeThrough = index;
      return undefined;
    }
    this.#partAt ??= index;
    for (const version of judged) this.#addToRange(index, version);
    return {
      type: 'entry',
      index: String(index),
      versions: judged.map(describeVersion),
      ...{ ended, unknown, isConflict },
    };
  }

  summary(): DiffSummary {
    return {
      type: 'summary',
      logs: this.#cursors.map((cursor) => ({
        log: cursor.log.name,
        first: cursor.first === undefined ? null : String(cursor.first.index),
        last: cursor.last === undefined ? null : String(cursor.last.index),
        entries: cursor.entries,
        problems: cursor.problems,
        committedThrough: String(cursor.commitHint),
      })),
      voters: this.#voters,
      partAt: textOrNull(this.#partAt),
      agreeThrough: textOrNull(this.#agreeThrough),
      ranges: this.#ranges.map(({ from, to, term, logs, standing }) => ({
        ...{ from: String(from), to: String(to), term: String(term) },
        ...{ logs, standing },
      })),
      rangesLeftOut: this.#rangesLeftOut,
      committedAtMost: textOrNull(this.#committedAtMost),
      conflicts: this.#conflicts,
    };
  }

  #standingOf({ frame, holders }: Version, unknownHere: number): Standing {
    if (holders.some(({ commitHint }) => frame.index <= commitHint)) return 'committed';
    const majority = Math.floor(this.#voters / 2) + 1;
    if (holders.length >= majority) return 'majority';
    const elsewhere = unknownHere + this.#voters - this.#cursors.length;
    return holders.length + elsewhere >= majority && !this.#isDecidedOtherwise(frame)
      ? 'possible'
      : 'minority';
  }

  /** Whether another version of the entry is known to be committed. */
  #isDecidedOtherwise({ index, term }: RawFrame): boolean {
    return this.#cursors.some((cursor) => {
      const holding = cursor.at(index);
      return holding.type === 'entry' && index <= cursor.commitHint && holding.frame.term !== term;
    });
  }

  #addToRange(index: bigint, version: Version & { readonly standing: Standing }): void {
    const { frame, holders, standing } = version;
    const logs = holders.map(({ log }) => log.name);
    const before = this.#open.find(
      (range) =>
        range.to === index - 1n &&
        range.term === frame.term &&
        range.standing === standing &&
        range.logs.join('\n') === logs.join('\n'),
    );
    if (before !== undefined) {
      before.to = index;
      return;
    }
    const range = { from: index, to: index, term: frame.term, logs, standing };
    this.#open = [...this.#open.filter(({ to }) => to >= index - 1n), range];
    if (this.#ranges.length < DIFF_RANGES_MAX) this.#ranges.push(range);
    else this.#rangesLeftOut++;
  }
}

interface OpenRange {
  readonly from: bigint;
  to: bigint;
  readonly term: bigint;
  readonly logs: readonly string[];
  readonly standing: Standing;
}

function addVersion(versions: Version[], frame: RawFrame, cursor: DiffCursor): void {
  const same = versions.find(
    (version) =>
      version.frame.term === frame.term && Buffer.compare(version.frame.command, frame.command) === 0,
  );
  if (same === undefined) versions.push({ frame, holders: [cursor] });
  else same.holders.push(cursor);
}

function describeVersion({
  frame,
  holders,
  standing,
}: Version & { readonly standing: Standing }): DiffVersion {
  const payload = decodePayload(frame.command);
  return {
    term: String(frame.term),
    kind: payload.kind,
    size: frame.command.length,
    preview: previewOfPayload(payload),
    logs: holders.map(({ log }) => log.name),
    standing,
  };
}

function textOrNull(value: bigint | undefined): string | null {
  return value === undefined ? null : String(value);
}
