import { isFilledAhead } from '../logfmt/damage.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { readCommitHint } from './commit-hint.ts';
import { readAbstention } from './diff-abstention.ts';
import type { LogOwner } from './diff-owner.ts';
import type { LogLocation } from './locate.ts';
import type { LogProgress } from './progress.ts';
import { readLog, type SegmentItem, type Writer } from './read-log.ts';
import { TermRuns } from './term-runs.ts';

/** One of several logs that are read side by side. */
export interface DiffLog {
  /** What a person called it. */
  readonly name: string;
  readonly location: LogLocation;
  readonly writer: Writer;
  /** The node whose log it is; undefined where nobody knows. */
  readonly owner?: LogOwner | undefined;
  readonly progress?: LogProgress | undefined;
}

/** What a log has at an index. */
export type Holding =
  | { readonly type: 'entry'; readonly frame: RawFrame }
  /** It ends before, as far as it was read: where a node writes it, it may have gone on since. */
  | { readonly type: 'ended' }
  /** It begins later, is damaged here or was cut, or holds two histories: what it held is not known. */
  | { readonly type: 'unknown' };

/**
 * Goes through one log by rising indexes. Entries that break the order are damage and are passed over. Where an index comes
 * again with another term, what follows belongs to that history or to the one before, so nothing more of the log is known.
 */
export class DiffCursor {
  readonly log: DiffLog;
  /** Up to here its node knows the log to be committed; 0 where nothing says so. */
  readonly commitHint: bigint;
  /** Up to here the log may have held entries that were cut from it; 0 where nothing says so. */
  readonly #cutThrough: bigint;
  readonly #items: AsyncGenerator<SegmentItem, void>;
  #current: RawFrame | undefined;
  #first: RawFrame | undefined;
  #last: RawFrame | undefined;
  #entries = 0;
  #problems = 0;
  #endsInDamage = false;
  readonly #terms = new TermRuns();
  #isForked = false;

  private constructor(log: DiffLog, commitHint: bigint, cutThrough: bigint) {
    this.log = log;
    this.commitHint = commitHint;
    this.#cutThrough = cutThrough;
    this.#items = readLog(log.location, { writer: log.writer });
  }

  /** Opens a log and goes to its first entry. */
  static async open(log: DiffLog): Promise<DiffCursor> {
    const cursor = new DiffCursor(
      log,
      await readCommitHint(log.location),
      await readAbstention(log.location),
    );
    await cursor.advance();
    return cursor;
  }

  /** The entry at which the cursor stands; undefined behind the last one. */
  get current(): RawFrame | undefined {
    return this.#current;
  }

  get first(): RawFrame | undefined {
    return this.#first;
  }

  /** The last entry that was come past. */
  get last(): RawFrame | undefined {
    return this.#last;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Zeros that were filled ahead are none. */
  get problems(): number {
    return this.#problems;
  }

  /** The log holds two histories: to be asked once the cursor is behind its last entry. */
  get isForked(): boolean {
    return this.#isForked;
  }

  /** What the log has at an index that is not above where the cursor stands. */
  at(index: bigint): Holding {
    if (this.#current?.index === index) return { type: 'entry', frame: this.#current };
    if (index <= this.#cutThrough) return { type: 'unknown' };
    const isOver = this.#current === undefined && this.log.location.end === 'last';
    return { type: isOver && !this.#endsInDamage && !this.#isForked ? 'ended' : 'unknown' };
  }

  /** Goes to the next entry. */
  async advance(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#items.next();
      if (done === true) {
        this.#current = undefined;
        return;
      }
      this.log.progress?.see(value);
      const { item } = value;
      if (item.type === 'problem') {
        // Zeros are where a log ends; behind any damage it may have gone on, zeros or not. A torn tail may be an entry that
        // was whole and acknowledged, and of which a bit has turned since: to the file alone both look the same.
        this.#endsInDamage ||= item.problem.fatal || item.problem.kind === 'torn-tail';
        if (!isFilledAhead(item.problem)) this.#problems++;
        continue;
      }
      const { index, term } = item.frame;
      if (this.#last !== undefined && index <= this.#last.index)
        this.#isForked ||= this.#terms.at(index) !== term;
      if (this.#isForked) continue;
      if (this.#last !== undefined && (index <= this.#last.index || term < this.#last.term)) continue;
      this.#terms.add(item.frame);
      this.#endsInDamage = false;
      this.#current = item.frame;
      this.#first ??= position(item.frame);
      this.#last = position(item.frame);
      this.#entries++;
      return;
    }
  }

  async close(): Promise<void> {
    await this.#items.return();
  }
}

/** A frame without its command, which would hold a whole chunk. */
function position(frame: RawFrame): RawFrame {
  return { ...frame, command: new Uint8Array(0) };
}
