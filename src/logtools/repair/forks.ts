import type { EntryMark } from './survey.ts';

/** A good frame whose index, or a higher one, stood there before it. */
interface Repeat {
  readonly mark: EntryMark;
  /** The number of the frame with which the log goes on behind it; infinite where it does not. */
  until: number;
}

/** Good frames that came again, in the order in which they stand. Whoever notes them bounds how many. */
export class Repeats {
  readonly #repeats: Repeat[] = [];
  #ended = 0;

  get isEmpty(): boolean {
    return this.#repeats.length === 0;
  }

  note(mark: EntryMark): void {
    this.#repeats.push({ mark, until: Number.POSITIVE_INFINITY });
  }

  /** Notes that the log goes on with a frame, by its number, behind all that came again so far. */
  endAt(frame: number): void {
    for (const repeat of this.#repeats.slice(this.#ended)) repeat.until = frame;
    this.#ended = this.#repeats.length;
  }

  /** What they say to whoever reads the log once more from its start. */
  forks(): Forks {
    return new Forks(
      this.#repeats.toSorted((a, b) =>
        a.mark.index < b.mark.index ? -1 : a.mark.index > b.mark.index ? 1 : 0,
      ),
    );
  }
}

/**
 * Where a log parts into two histories. Of the two entries that stand at one index one has replaced the other, and nothing in
 * the log says which; what follows them belongs to one of the two. So neither is kept, from where they part to where the log
 * goes on behind both.
 */
export class Forks {
  readonly #repeats: readonly Repeat[];
  #next = 0;

  constructor(repeats: readonly Repeat[]) {
    this.#repeats = repeats;
  }

  /**
   * The number of the frame that ends the fork which begins with an entry, `frame` itself where none does. To be asked for
   * each entry in the order of indexes, but for those inside of a fork.
   */
  endOf(mark: EntryMark, frame: number): number {
    let end = frame;
    for (;;) {
      const repeat = this.#repeats[this.#next];
      if (repeat === undefined || repeat.mark.index > mark.index) return end;
      // One of a lower index has nothing to be compared with: it stands where entries are missing, or in a fork.
      if (!isSame(repeat.mark, mark)) end = Math.max(end, repeat.until);
      this.#next++;
    }
  }
}

function isSame(one: EntryMark, other: EntryMark): boolean {
  const isPlaceSame = one.index === other.index && one.term === other.term;
  // By Log Matching (§5.3) bytes of one index and term are the same, unless one of them is of another cluster's log.
  return isPlaceSame && one.checksum === other.checksum;
}
