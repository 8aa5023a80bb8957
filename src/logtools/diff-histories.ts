import { configurationIn } from '../lib/entry.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import type { DiffCursor } from './diff-cursor.ts';
import { electorateOf, type NamedElectorate } from './diff-voters.ts';

/** Who decides at a place of a log. */
export interface Regime {
  readonly electorate: NamedElectorate;
  /** The index of the configuration that says so; 0 for what the cluster was made with. */
  readonly since: bigint;
  /** Whether that configuration may be committed: then the next one may follow it. */
  readonly mayBeCommitted: boolean;
}

interface Known {
  readonly regime: Regime;
  /** The last entry of the log up to which it is known to be that. */
  through: bigint;
}

/**
 * Who decides over each entry: whom the latest configuration before it names, or in it, committed or not (§6). Where a log is
 * damaged or begins later, a configuration may be missing from it; then it takes one that holds the same entry to know, for
 * both hold the same up to there (Log Matching, §5.3).
 *
 * No later configuration can make an entry committed that cannot be under the one before it: a change of voters begins with
 * a joint configuration, of which the old majority is a part, and ends only once that is committed, with all before it.
 */
export class Histories {
  readonly #initial: Regime | undefined;
  readonly #known = new Map<DiffCursor, Known>();

  constructor(initial: NamedElectorate | undefined) {
    this.#initial =
      initial === undefined ? undefined : { electorate: initial, since: 0n, mayBeCommitted: true };
  }

  /** Who decides over an entry that these logs hold; undefined where it is not known. */
  regimeOf({ index, command }: RawFrame, holders: readonly DiffCursor[]): Regime | undefined {
    const configuration = configurationIn(command);
    if (configuration !== undefined)
      return { electorate: electorateOf(configuration), since: index, mayBeCommitted: false };
    if (index === 1n) return this.#initial;
    for (const holder of holders) {
      const known = this.#known.get(holder);
      if (known?.through === index - 1n) return known.regime;
    }
    return undefined;
  }

  /** Notes who decided over an entry that these logs hold. */
  note(index: bigint, holders: readonly DiffCursor[], regime: Regime | undefined): void {
    if (regime === undefined) return;
    for (const holder of holders) {
      const known = this.#known.get(holder);
      if (known?.regime === regime) known.through = index;
      else this.#known.set(holder, { regime, through: index });
    }
  }
}
