import { DIFF_RANGES_MAX } from '../lib/limits.ts';
import type { Position } from '../logfmt/frame.ts';
import type { DiffRange, DiffSummary } from './diff.ts';
import type { Judgement } from './diff-voters.ts';

interface OpenRange {
  readonly from: bigint;
  to: bigint;
  readonly term: bigint;
  readonly logs: readonly string[];
  readonly judgement: Judgement;
  /** What entries have in common that make one range. */
  readonly likeness: string;
}

/** What stands where, by rising indexes: entries that follow each other and stand alike make one range. */
export class DiffRanges {
  readonly #ranges: OpenRange[] = [];
  /** The last range of each version's logs and term, which may go on. */
  #open: OpenRange[] = [];
  #leftOut = 0;

  add({ index, term }: Position, logs: readonly string[], judgement: Judgement): void {
    const likeness = JSON.stringify([String(term), logs, judgement]);
    const before = this.#open.find((range) => range.to === index - 1n && range.likeness === likeness);
    if (before !== undefined) {
      before.to = index;
      return;
    }
    const range = { from: index, to: index, term, logs, judgement, likeness };
    this.#open = [...this.#open.filter(({ to }) => to >= index - 1n), range];
    if (this.#ranges.length < DIFF_RANGES_MAX) this.#ranges.push(range);
    else this.#leftOut++;
  }

  report(): Pick<DiffSummary, 'ranges' | 'rangesLeftOut'> {
    return { ranges: this.#ranges.map(describe), rangesLeftOut: this.#leftOut };
  }
}

function describe({ from, to, term, logs, judgement }: OpenRange): DiffRange {
  const { standing, needed, ...voters } = judgement;
  return {
    ...{ from: String(from), to: String(to), term: String(term) },
    ...{ logs, standing, needed, ...voters },
  };
}
