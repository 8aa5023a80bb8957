import { TERM_RUNS_MAX } from '../lib/limits.ts';
import type { Position } from '../logfmt/frame.ts';

/** Which term the entries had that were come past, in rising order, as far back as the last `TERM_RUNS_MAX` changes of it. */
export class TermRuns {
  /** The first entry of each. */
  #runs: Position[] = [];

  add({ index, term }: Position): void {
    if (this.#runs.at(-1)?.term === term) return;
    if (this.#runs.length === 2 * TERM_RUNS_MAX) this.#runs = this.#runs.slice(TERM_RUNS_MAX);
    this.#runs.push({ index, term });
  }

  /** The term at an index that is not above the last one; undefined where it is too long ago. */
  at(index: bigint): bigint | undefined {
    let [from, to] = [0, this.#runs.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.index <= index) from = middle + 1;
      else to = middle;
    }
    return this.#runs[from - 1]?.term;
  }
}
