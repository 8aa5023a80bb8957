import { assert, present } from '../../lib/assert.ts';
import { type LogIndex, TERM_ZERO, type Term } from '../../lib/brands.ts';
import type { TermRun } from '../ports.ts';

/** The terms of all entries of a log, as runs: a term has one leader, so there are few of them. */
export class TermRuns {
  readonly #runs: TermRun[] = [];

  /** The term of the last entry; 0 where there is none. */
  get lastTerm(): Term {
    return this.#runs.at(-1)?.term ?? TERM_ZERO;
  }

  /** Notes the term of the entry after the last. Terms never go back (§5.3). */
  append(index: LogIndex, term: Term): void {
    if (term === this.lastTerm) return;
    assert(term > this.lastTerm, `The term of entry ${index} goes back from ${this.lastTerm} to ${term}`);
    this.#runs.push({ firstIndex: index, term });
  }

  /** Forgets the terms of the entries from `index` on. */
  truncateFrom(index: LogIndex): void {
    while ((this.#runs.at(-1)?.firstIndex ?? 0) >= index) this.#runs.pop();
  }

  /** The term of an entry of the log. */
  termAt(index: LogIndex): Term {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (present(this.#runs[middle], 'term run').firstIndex <= index) low = middle + 1;
      else high = middle;
    }
    return present(this.#runs[low - 1], `term of entry ${index}`).term;
  }

  /** A copy of the runs, in order. */
  list(): readonly TermRun[] {
    return [...this.#runs];
  }
}
