import { equalBytes } from '../../lib/bytes.ts';
import { decodePayload } from '../../lib/entry.ts';
import { RaftError } from '../../lib/errors.ts';
import type { RawFrame } from '../../logfmt/frame.ts';
import { areStrangers, type LogOwner } from '../diff-owner.ts';
import type { LogLocation } from '../locate.ts';
import { LogFile } from '../log-file.ts';
import type { Donor } from './donor.ts';
import type { KeptRange } from './survey.ts';

/** A log, and whose it is, as far as that is known. */
interface OwnedLog {
  readonly location: LogLocation;
  readonly owner: LogOwner | undefined;
}

/**
 * Throws `configuration` where two data directories say that they are of different clusters. Young clusters begin with the
 * same terms and no-ops, so what stands in their logs may not tell them apart.
 */
export function refuseStrangers(log: OwnedLog, other: OwnedLog): void {
  if (!areStrangers(log.owner, other.owner)) return;
  const path = other.location.path;
  throw new RaftError(
    'configuration',
    `${log.location.path} is of cluster ${log.owner?.clusterId}, and ${path} of cluster ${other.owner?.clusterId}: ` +
      'their entries have nothing to do with each other, and none is taken.',
    { suggestions: ['Name the log of another node of the same cluster: --from NODE'] },
  );
}

/** What the entries that two logs both hold say about whether they are logs of one cluster. */
export class Kinship {
  #contradiction: string | undefined;
  /** By index, both hold entries of different terms from here on. */
  #partedAt: bigint | undefined;
  #isProven: boolean;

  /** `isProven`: something other than their entries says that they are of one cluster. */
  constructor(isProven: boolean) {
    this.#isProven = isProven;
  }

  /** Why they cannot be of one cluster, as a sentence. */
  get contradiction(): string | undefined {
    return this.#contradiction;
  }

  /** Something that no two clusters have in common stands in both: no-ops are the same in all of them. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** Compares good entries with those of the other log, which is read on by that. */
  async compare({ segment, offset, end }: KeptRange, donor: Donor): Promise<void> {
    await using file = await LogFile.open(segment.path);
    for await (const items of file.items({ segment: 'last', startOffset: offset })) {
      for (const item of items) {
        if (item.type !== 'entry') continue;
        const { frame } = item;
        if (frame.offset >= end || this.#contradiction !== undefined) return;
        const other = await donor.entry(frame.index);
        if (other !== undefined) this.#see(frame, other);
        else if (donor.isAtEnd) return;
      }
    }
  }

  /** By Log Matching (§5.3) entries of one index and term are the same, and so is all that stands before them. */
  #see(frame: RawFrame, other: RawFrame): void {
    const { index, term } = frame;
    if (other.term !== term) {
      this.#partedAt ??= index;
      return;
    }
    if (this.#partedAt !== undefined)
      this.#contradiction = `Index ${this.#partedAt} has different terms in these logs, and index ${index} behind it has term ${term} in both`;
    else if (!equalBytes(frame.command, other.command))
      this.#contradiction = `Index ${index} of term ${term} holds other bytes in the other log`;
    else this.#isProven ||= decodePayload(frame.command).kind !== 'noop';
  }
}
