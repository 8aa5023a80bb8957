import { type LogIndex, logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import type { HardState, Persist } from '../../src/raft/core/effects.ts';
import type { LogStore } from '../../src/raft/ports.ts';
import type { StorageOptions } from '../../src/raft/storage/open-storage.ts';

/** Limits so small that a short script fills several segments, and every batch meets the edge of a sector. */
export const SMALL_LIMITS = {
  segmentBytesMax: 4096,
  segmentFillBytes: 1024,
  batchBytesMax: 2048,
  windowBytesMax: 600,
};

/** Node 1 of a cluster of one, in the directory `data`. */
export const STORAGE_OPTIONS: StorageOptions = {
  directory: 'data',
  identity: {
    id: nodeId('1'),
    name: 'node1',
    clusterId: 'cluster-a',
    incarnation: 'incarnation-1',
    peers: [{ id: nodeId('1'), url: 'http://127.0.0.1:1' }],
  },
  blankDirectory: 'initialize',
  limits: SMALL_LIMITS,
};

export type Batch = Omit<Persist, 'sequence'>;

/** Entries of one term from `from` on, each with a command of its own of `bytes` bytes. */
export function entriesOf(options: {
  readonly from: number;
  readonly count: number;
  readonly term: number;
  readonly bytes: number;
}): readonly Entry[] {
  return Array.from({ length: options.count }, (_, position) => {
    const index = logIndex(options.from + position);
    const text = `entry ${index} of term ${options.term} `;
    return {
      index,
      term: term(options.term),
      command: utf8(text.padEnd(options.bytes, 'x').slice(0, options.bytes)),
    };
  });
}

export function hardStateOf(currentTerm: number, votedFor: string | null = null): HardState {
  return {
    currentTerm: term(currentTerm),
    votedFor: votedFor === null ? null : nodeId(votedFor),
    abstainThrough: logIndex(0),
  };
}

/**
 * A life with everything that can happen to a log: votes, batches of many sizes, new segments, and truncations: inside
 * the open segment, over several segments, to a segment's start, with shorter and older rewrites, and without any.
 */
export const SCRIPT: readonly Batch[] = [
  { hardState: hardStateOf(1, '1'), entries: [] },
  { entries: entriesOf({ from: 1, count: 1, term: 1, bytes: 30 }) },
  { entries: entriesOf({ from: 2, count: 9, term: 1, bytes: 90 }) },
  { hardState: hardStateOf(3), entries: [] },
  { entries: entriesOf({ from: 11, count: 12, term: 3, bytes: 60 }) },
  // The next leader's entries are fewer and of an older term: old frames behind them would look like a continuation.
  {
    hardState: hardStateOf(4, '2'),
    truncateFrom: logIndex(11),
    entries: entriesOf({ from: 11, count: 2, term: 2, bytes: 60 }),
  },
  { entries: entriesOf({ from: 13, count: 1, term: 4, bytes: 700 }) },
  { entries: entriesOf({ from: 14, count: 20, term: 4, bytes: 300 }) },
  { hardState: hardStateOf(6, '3'), entries: entriesOf({ from: 34, count: 30, term: 6, bytes: 200 }) },
  // Over several segments, into the middle of one.
  {
    hardState: hardStateOf(7, '1'),
    truncateFrom: logIndex(20),
    entries: entriesOf({ from: 20, count: 1, term: 5, bytes: 80 }),
  },
  { entries: entriesOf({ from: 21, count: 25, term: 7, bytes: 250 }) },
  { truncateFrom: logIndex(40), entries: [] },
  { entries: entriesOf({ from: 40, count: 3, term: 7, bytes: 10 }) },
  {
    hardState: hardStateOf(8),
    truncateFrom: logIndex(1),
    entries: entriesOf({ from: 1, count: 4, term: 8, bytes: 100 }),
  },
  { hardState: hardStateOf(8, '3'), entries: [] },
];

/** What a store should hold. */
export interface Content {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

export const BLANK: Content = { hardState: hardStateOf(0), entries: [] };

/** What a store holds once a batch is durable. */
export function after(content: Content, batch: Batch): Content {
  const kept =
    batch.truncateFrom === undefined ? content.entries : content.entries.slice(0, batch.truncateFrom - 1);
  return { hardState: batch.hardState ?? content.hardState, entries: [...kept, ...batch.entries] };
}

/**
 * What is wrong with `found`, where all of `acknowledged` was durable and `inFlight` was being made so; undefined where
 * it is as it may be: hard state first, then the cut, from the end, then a prefix of the new entries.
 */
export function contradiction(
  found: Content,
  acknowledged: Content,
  inFlight: Batch | undefined,
): string | undefined {
  const isOldState = sameHardState(found.hardState, acknowledged.hardState);
  const isNewState = inFlight?.hardState !== undefined && sameHardState(found.hardState, inFlight.hardState);
  if (!isOldState && !isNewState) return `hard state is ${JSON.stringify(found.hardState)}`;
  if (sameEntries(found.entries, acknowledged.entries)) return undefined;
  if (inFlight === undefined) return `the log differs: ${describe(found.entries)}`;
  if (inFlight.hardState !== undefined && !isNewState)
    return `the log changed before the hard state: ${describe(found.entries)}`;
  const keptMin = (inFlight.truncateFrom ?? acknowledged.entries.length + 1) - 1;
  const isCut = found.entries.length >= keptMin && isPrefix(found.entries, acknowledged.entries);
  const isRewritten =
    found.entries.length >= keptMin && isPrefix(found.entries, after(acknowledged, inFlight).entries);
  return isCut || isRewritten
    ? undefined
    : `the log is neither the old nor the new one: ${describe(found.entries)}`;
}

export function sameHardState(a: HardState, b: HardState): boolean {
  // A torn frame may look like bit rot; to abstain from votes then is safe, so it is left out of the comparison.
  return a.currentTerm === b.currentTerm && a.votedFor === b.votedFor;
}

export function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && isPrefix(a, b);
}

/** All entries up to `lastIndex`, read a few at a time. */
export async function readAll(store: LogStore, lastIndex: LogIndex): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < lastIndex) {
    entries.push(...(await store.read(logIndex(entries.length + 1), 1000, 7)));
  }
  return entries;
}

function isPrefix(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.every((entry, position) => sameEntry(entry, b[position]));
}

function sameEntry(a: Entry, b: Entry | undefined): boolean {
  return (
    b !== undefined && a.index === b.index && a.term === b.term && Buffer.from(a.command).equals(b.command)
  );
}

function describe(entries: readonly Entry[]): string {
  return entries.map((entry) => `${entry.index}@${entry.term}`).join(' ') || 'empty';
}
