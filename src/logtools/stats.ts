import type { PayloadKind } from '../lib/entry.ts';
import { STATS_GROUPS_MAX, STATS_LARGEST_MAX, STATS_TERMS_MAX } from '../lib/limits.ts';
import { isFilledAhead } from '../logfmt/damage.ts';
import { FRAME_HEADER_BYTES, type RawFrame } from '../logfmt/frame.ts';
import { EntryValues } from './expression/entry-values.ts';
import type { LogLocation } from './locate.ts';
import { previewOfPayload, type RowOptions, selectedItems } from './rows.ts';
import { Tallies, type Tally } from './tallies.ts';

/** What a log consists of, as `raft log stats --json` prints it. Every uint64 is a decimal string; bytes are of frames. */
export interface LogStats {
  readonly log: string;
  readonly segments: number;
  readonly entries: number;
  readonly bytes: number;
  /** Damaged places; the zeros that a log was filled ahead with are none. */
  readonly problems: number;
  readonly first: StatsPosition | null;
  readonly last: StatsPosition | null;
  /** In order; the first `STATS_TERMS_MAX` of them. */
  readonly terms: readonly TermStats[];
  readonly termsLeftOut: number;
  /** Terms between the first and the last that no entry has: elections that came to nothing, or leaders that wrote nothing. */
  readonly emptyTerms: readonly TermRange[];
  readonly kinds: readonly KindStats[];
  /** Entries by the length of their commands, in powers of two. */
  readonly sizes: readonly SizeStats[];
  readonly largest: readonly LargeEntry[];
  /** Of the commands that the key-value machine understands. */
  readonly operations: readonly GroupStats[];
  /** Of the keys in these; where there are more than `STATS_GROUPS_MAX`, the rest is the group with the name null. */
  readonly prefixes: readonly GroupStats[];
}

export interface StatsPosition {
  readonly index: string;
  readonly term: string;
}

export interface TermStats extends Tally {
  readonly term: string;
  readonly firstIndex: string;
  readonly lastIndex: string;
}

/** Terms from the first to the last, both included. */
export interface TermRange {
  readonly from: string;
  readonly to: string;
}

export interface KindStats extends Tally {
  readonly kind: PayloadKind;
}

/** Commands of at least `from` and at most `to` bytes. */
export interface SizeStats extends Tally {
  readonly from: number;
  readonly to: number;
}

export interface LargeEntry {
  readonly index: string;
  readonly term: string;
  readonly kind: PayloadKind;
  /** Bytes of COMMAND. */
  readonly size: number;
  readonly preview: string;
}

export interface GroupStats extends Tally {
  readonly name: string | null;
}

/** How a log is to be counted. */
export interface StatsOptions extends RowOptions {
  /** A key's prefix ends with any of these characters; `/:` unless given. */
  readonly separators?: string | undefined;
  /** With the first of them in the key, or the second and so on; 1 unless given. */
  readonly depth?: number | undefined;
}

const SEPARATORS = '/:';

/** Counts a log, or a selection of it, in one pass and bounded memory. */
export async function statsOf(location: LogLocation, options: StatsOptions = {}): Promise<LogStats> {
  const counts = new Counts(options);
  for await (const { item } of selectedItems(location, options)) {
    if (item.type === 'entry') counts.add(item.frame);
    else if (!isFilledAhead(item.problem)) counts.problems++;
  }
  return counts.stats(location);
}

interface OpenTerm {
  readonly term: bigint;
  readonly firstIndex: bigint;
  lastIndex: bigint;
  entries: number;
  bytes: number;
}

class Counts {
  readonly #separators: string;
  readonly #depth: number;
  readonly #kinds = new Tallies<PayloadKind>();
  readonly #sizes = new Tallies<number>();
  readonly #operations = new Tallies<string>();
  readonly #prefixes = new Tallies<string>(STATS_GROUPS_MAX);
  readonly #terms: OpenTerm[] = [];
  #termsLeftOut = 0;
  #term: OpenTerm | undefined;
  readonly #emptyTerms: TermRange[] = [];
  /** The largest first. */
  #largest: RawFrame[] = [];
  #entries = 0;
  #bytes = 0;
  #first: RawFrame | undefined;
  #last: RawFrame | undefined;
  problems = 0;

  constructor({ separators = SEPARATORS, depth = 1 }: StatsOptions) {
    this.#separators = separators;
    this.#depth = depth;
  }

  add(frame: RawFrame): void {
    const values = new EntryValues(frame);
    const bytes = FRAME_HEADER_BYTES + frame.command.length;
    this.#entries++;
    this.#bytes += bytes;
    this.#kinds.add(values.payload.kind, bytes);
    this.#sizes.add(Math.floor(Math.log2(frame.command.length)), bytes);
    if (values.op !== '') {
      this.#operations.add(values.op, bytes);
      if (values.key !== '') this.#prefixes.add(this.#prefixOf(values.key), bytes);
    }
    this.#addToTerm(frame, bytes);
    this.#keepLarge(frame);
    const position = { ...frame, command: frame.command.subarray(0, 0) };
    this.#first ??= position;
    this.#last = position;
  }

  stats(location: LogLocation): LogStats {
    return {
      log: location.path,
      segments: location.segments.length,
      entries: this.#entries,
      bytes: this.#bytes,
      problems: this.problems,
      first: positionOf(this.#first),
      last: positionOf(this.#last),
      terms: this.#terms.map(({ term, firstIndex, lastIndex, entries, bytes }) => ({
        ...{ term: String(term), entries, bytes },
        ...{ firstIndex: String(firstIndex), lastIndex: String(lastIndex) },
      })),
      termsLeftOut: this.#termsLeftOut,
      emptyTerms: this.#emptyTerms,
      kinds: this.#kinds.byBytes().map(({ key, ...tally }) => ({ kind: key, ...tally })),
      sizes: this.#sizes
        .byKey()
        .map(({ key, ...tally }) => ({ from: 2 ** key, to: 2 ** (key + 1) - 1, ...tally })),
      largest: this.#largest.map(largeEntry),
      operations: this.#operations.byBytes().map(({ key, ...tally }) => ({ name: key, ...tally })),
      prefixes: [
        ...this.#prefixes.byBytes().map(({ key, ...tally }) => ({ name: key, ...tally })),
        ...(this.#prefixes.rest.entries === 0 ? [] : [{ name: null, ...this.#prefixes.rest }]),
      ],
    };
  }

  #addToTerm({ term, index }: RawFrame, bytes: number): void {
    const current = this.#term;
    if (current?.term === term) {
      current.lastIndex = index;
      current.entries++;
      current.bytes += bytes;
      return;
    }
    if (current !== undefined && term > current.term + 1n && this.#emptyTerms.length < STATS_TERMS_MAX)
      this.#emptyTerms.push({ from: String(current.term + 1n), to: String(term - 1n) });
    this.#term = { term, firstIndex: index, lastIndex: index, entries: 1, bytes };
    if (this.#terms.length < STATS_TERMS_MAX) this.#terms.push(this.#term);
    else this.#termsLeftOut++;
  }

  #keepLarge(frame: RawFrame): void {
    const smallest = this.#largest.at(-1);
    const isFull = this.#largest.length === STATS_LARGEST_MAX;
    if (isFull && smallest !== undefined && frame.command.length <= smallest.command.length) return;
    // A copy of its own: the frame is a view of a whole chunk.
    const kept = { ...frame, command: frame.command.slice() };
    this.#largest = [...this.#largest, kept]
      .sort((a, b) => b.command.length - a.command.length)
      .slice(0, STATS_LARGEST_MAX);
  }

  /** The key up to the separator that counts; empty where it has not so many. */
  #prefixOf(key: string): string {
    let left = this.#depth;
    for (let at = 0; at < key.length; at++) {
      if (this.#separators.includes(key.charAt(at))) left--;
      if (left === 0) return key.slice(0, at + 1);
    }
    return '';
  }
}

function positionOf(frame: RawFrame | undefined): StatsPosition | null {
  return frame === undefined ? null : { index: String(frame.index), term: String(frame.term) };
}

function largeEntry(frame: RawFrame): LargeEntry {
  const { payload } = new EntryValues(frame);
  return {
    index: String(frame.index),
    term: String(frame.term),
    kind: payload.kind,
    size: frame.command.length,
    preview: previewOfPayload(payload),
  };
}
