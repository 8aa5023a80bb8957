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
  /** It ends before, as far as it was read: a node that writes it may have gone on since, and a torn tail may have been an entry. */
  | { readonly type: 'ended' }
  /** It begins later, is damaged here or was cut, or holds two histories: what it held is not known. */
  | { readonly type: 'unknown' };

/** What is known of a log before it is read. */
interface Known {
  readonly commitHint: bigint;
  readonly cutThrough: bigint;
  readonly forkedFrom: bigint | undefined;
}

/**
 * Goes through one log by rising indexes. Entries that break the order are damage and are passed over. Where an index comes
 * again with another term, the log holds two histories from there on, and nobody knows which of them is the node's. That is
 * seen only behind the first of them: a cursor that is told of it knows nothing of the log from there on.
 */
export class DiffCursor {
  readonly log: DiffLog;
  /** Up to here its node knows the log to be committed; 0 where nothing says so. What it says of two histories is of one. */
  readonly commitHint: bigint;
  /** From here on the log is known to hold two histories. */
  readonly #forkedFrom: bigint | undefined;
  /** Up to here the log may have held entries that were cut from it; 0 where nothing says so. */
  readonly #cutThrough: bigint;
  readonly #items: AsyncGenerator<SegmentItem, void>;
  #current: RawFrame | undefined;
  #first: RawFrame | undefined;
  #last: RawFrame | undefined;
  #entries = 0;
  #problems = 0;
  #endsInDamage = false;
  /** A node ends the log there; but what is torn may be an acknowledged entry of which a bit has turned since. */
  #endsTorn = false;
  readonly #terms = new TermRuns();
  #forkSeenFrom: bigint | undefined;

  private constructor(log: DiffLog, known: Known) {
    const { commitHint, cutThrough, forkedFrom } = known;
    this.log = log;
    this.commitHint = forkedFrom === undefined || commitHint < forkedFrom ? commitHint : forkedFrom - 1n;
    this.#cutThrough = cutThrough;
    this.#forkedFrom = forkedFrom;
    this.#items = readLog(log.location, { writer: log.writer });
  }

  /** Opens a log and goes to its first entry. `forkedFrom`: where it is known to begin to hold two histories. */
  static async open(log: DiffLog, forkedFrom?: bigint): Promise<DiffCursor> {
    const commitHint = await readCommitHint(log.location);
    const cutThrough = await readAbstention(log.location);
    const cursor = new DiffCursor(log, { commitHint, cutThrough, forkedFrom });
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

  /** Behind its last entry stands what cannot be read and may have been one: as `isForked`. */
  get endsInDamage(): boolean {
    return this.#endsInDamage || this.#endsTorn;
  }

  /** The log holds two histories: to be asked once the cursor is behind its last entry. */
  get isForked(): boolean {
    return this.#forkSeenFrom !== undefined;
  }

  /** The lowest index that comes again with another term; as `isForked`. */
  get forkSeenFrom(): bigint | undefined {
    return this.#forkSeenFrom;
  }

  /** What the log has at an index that is not above where the cursor stands. */
  at(index: bigint): Holding {
    if (this.#current?.index === index) return { type: 'entry', frame: this.#current };
    if (index <= this.#cutThrough || isFrom(index, this.#forkedFrom)) return { type: 'unknown' };
    const isOver = this.#current === undefined && this.log.location.end === 'last';
    return { type: isOver && !this.#endsInDamage && !this.isForked ? 'ended' : 'unknown' };
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
        // Zeros are where a log ends; behind any damage it may have gone on, zeros or not.
        this.#endsInDamage ||= item.problem.fatal;
        this.#endsTorn ||= item.problem.kind === 'torn-tail';
        if (!isFilledAhead(item.problem)) this.#problems++;
        continue;
      }
      const { index, term } = item.frame;
      if (this.#last !== undefined && index <= this.#last.index && this.#terms.at(index) !== term)
        this.#forkSeenFrom = isFrom(index, this.#forkSeenFrom) ? this.#forkSeenFrom : index;
      if (this.isForked) continue;
      if (this.#last !== undefined && (index <= this.#last.index || term < this.#last.term)) continue;
      this.#terms.add(item.frame);
      this.#endsInDamage = false;
      this.#endsTorn = false;
      this.#first ??= position(item.frame);
      this.#last = position(item.frame);
      this.#entries++;
      if (isFrom(index, this.#forkedFrom)) continue;
      this.#current = item.frame;
      return;
    }
  }

  async close(): Promise<void> {
    await this.#items.return();
  }
}

/** Whether an index is at a place or behind it; nothing is behind none. */
function isFrom(index: bigint, place: bigint | undefined): boolean {
  return place !== undefined && index >= place;
}

/** A frame without its command, which would hold a whole chunk. */
function position(frame: RawFrame): RawFrame {
  return { ...frame, command: new Uint8Array(0) };
}
