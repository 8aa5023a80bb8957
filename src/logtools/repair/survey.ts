import { REPAIR_STEPS_MAX } from '../../lib/limits.ts';
import { crc32 } from '../../logfmt/crc.ts';
import type { Problem, ProblemKind } from '../../logfmt/damage.ts';
import { FRAME_HEADER_BYTES, type RawFrame } from '../../logfmt/frame.ts';
import { readCommitHint } from '../commit-hint.ts';
import type { LogLocation, SegmentFile } from '../locate.ts';
import type { LogProgress } from '../progress.ts';
import { readLog } from '../read-log.ts';
import { Forks, Repeats } from './forks.ts';

/** An entry, as far as another log's has to be the same. */
export interface EntryMark {
  readonly index: bigint;
  readonly term: bigint;
  /** Of its command. */
  readonly checksum: number;
}

/** Good entries that stand one after the other in one file. */
export interface KeptRange {
  readonly type: 'keep';
  readonly segment: SegmentFile;
  readonly offset: number;
  end: number;
  readonly firstIndex: bigint;
  lastIndex: bigint;
}

/** Bytes that no entry is missing with: a frame that stands twice, or something between two entries that follow each other. */
export interface SpareBytes {
  readonly type: 'spare';
  readonly segment: SegmentFile;
  readonly offset: number;
  readonly length: number;
  /** Of the entry that stands twice. */
  readonly index: bigint | undefined;
}

/** Entries that are not there, or not good. */
export interface Hole {
  readonly type: 'hole';
  /** Where the log ceases to be good. */
  readonly segment: SegmentFile;
  readonly offset: number;
  readonly kind: ProblemKind;
  readonly detail: string;
  /** Undefined where the log begins with the hole and nothing says with which index. */
  readonly firstIndex: bigint | undefined;
  /** Undefined where no good entry follows: then nobody knows how many there were. */
  readonly lastIndex: bigint | undefined;
  /** The good entries before and after it. */
  readonly left: EntryMark | undefined;
  readonly right: EntryMark | undefined;
  /** Bytes of it that are not kept, without zeros that were filled ahead. */
  readonly damagedBytes: number;
  /** The highest index of a good frame in it; 0 where it holds none. */
  readonly highestIndex: bigint;
}

/** A log, part by part, in order. */
export type Part = KeptRange | SpareBytes | Hole;

/** What a log is made of. */
export interface Survey {
  readonly location: LogLocation;
  readonly parts: readonly Part[];
  /** A node refuses to start on it. */
  readonly isFatal: boolean;
  /** There is too much damage to list; the parts end with a hole. */
  readonly isCutShort: boolean;
  /** Up to here it is known to be committed. */
  readonly commitHint: bigint;
  /** Nothing in it is an entry. */
  readonly isNoLog: boolean;
}

/**
 * Takes a log apart into what is good and what is not, in one pass. Memory grows with the damage, up to a limit. A log in
 * which frames come again is read once more: only then is it known with which entry two histories part.
 */
export async function surveyLog(location: LogLocation, progress?: LogProgress): Promise<Survey> {
  const commitHint = await readCommitHint(location);
  const first = new Surveyor(location, commitHint, new Forks([]));
  await readInto(first, location, progress);
  if (first.repeats.isEmpty || first.isCutShort) return first.survey();
  const second = new Surveyor(location, commitHint, first.repeats.forks());
  await readInto(second, location, progress);
  return second.survey();
}

async function readInto(
  surveyor: Surveyor,
  location: LogLocation,
  progress: LogProgress | undefined,
): Promise<void> {
  for await (const found of readLog(location)) {
    progress?.see(found);
    const { segment, item } = found;
    if (item.type === 'problem') surveyor.problem(segment, item.problem);
    else if (!surveyor.entry(segment, item.frame)) break;
  }
}

interface Damage {
  readonly segment: SegmentFile;
  readonly offset: number;
  readonly kind: ProblemKind;
  readonly detail: string;
  bytes: number;
  /** The highest index of a good frame in it; 0 where it holds none. */
  highestIndex: bigint;
}

class Surveyor {
  readonly repeats = new Repeats();
  readonly #location: LogLocation;
  readonly #commitHint: bigint;
  readonly #forks: Forks;
  readonly #parts: Part[] = [];
  /** How many good frames there were. */
  #frames = 0;
  /** The fork in which the frames stand goes up to the frame of this number. */
  #forkEnd = 0;
  #last: EntryMark | undefined;
  /** Before a frame whose term goes back stood an entry of that term at most, not the one that is kept. */
  #otherLast: EntryMark | undefined;
  #damage: Damage | undefined;
  #isFatal = false;
  #isCutShort = false;
  #isNoLog = false;

  constructor(location: LogLocation, commitHint: bigint, forks: Forks) {
    this.#location = location;
    this.#commitHint = commitHint;
    this.#forks = forks;
  }

  get isCutShort(): boolean {
    return this.#isCutShort;
  }

  problem(segment: SegmentFile, { kind, offset, length, index, detail, fatal }: Problem): void {
    this.#isFatal ||= fatal;
    this.#isNoLog ||= kind === 'not-a-log';
    // Frames in an impossible order show it themselves, unless what is missing is the end.
    const isMissingAtEnd = kind === 'index-gap' && index === this.#expected;
    if (length === 0 && !isMissingAtEnd) return;
    // Zeros that were filled ahead are none of the log's bytes, and in the way only where another segment follows.
    const isZeros = kind === 'zero-tail';
    if (isZeros && !fatal) return;
    this.#addDamage({ segment, offset, kind, detail, bytes: isZeros ? 0 : length, highestIndex: 0n });
  }

  /** Takes a good frame; false where nothing more is to be read. */
  entry(segment: SegmentFile, frame: RawFrame): boolean {
    const number = this.#frames++;
    const { index, term, offset } = frame;
    const length = FRAME_HEADER_BYTES + frame.command.length;
    const mark = { index, term, checksum: crc32(frame.command) };
    const damage = { segment, offset, bytes: length, highestIndex: index };
    const last = this.#last;
    if (number < this.#forkEnd) {
      this.#addDamage({ ...damage, kind: 'index-repeat', detail: `index ${index} stands there twice` });
      return true;
    }
    if (last !== undefined && index <= last.index) {
      this.repeats.note(mark);
      this.#addPart({ type: 'spare', segment, offset, length, index });
      return !this.#isCutShort;
    }
    if (last !== undefined && term < last.term) {
      const detail = `index ${index} has term ${term}, lower than term ${last.term} before it`;
      this.#addDamage({ ...damage, kind: 'term-regression', detail });
      this.#otherLast = { ...mark, index: last.index };
      return true;
    }
    // An entry of a newer term may follow either: only one of the same term was written behind the one that is kept.
    if (this.#otherLast !== undefined && index === this.#expected && term !== last?.term)
      this.repeats.note(this.#otherLast);
    this.#otherLast = undefined;
    this.repeats.endAt(number);
    this.#forkEnd = this.#forks.endOf(mark, number);
    if (number < this.#forkEnd) {
      const detail = `index ${index} stands there again with another term or command`;
      this.#addDamage({ ...damage, kind: 'index-repeat', detail });
      return true;
    }
    this.#closeDamage(segment, frame, mark);
    this.#keep(segment, { offset, end: offset + length, mark });
    return !this.#isCutShort;
  }

  survey(): Survey {
    const damage = this.#damage;
    if (damage !== undefined) this.#parts.push(this.#hole(damage, undefined));
    return {
      location: this.#location,
      parts: this.#parts,
      isFatal: this.#isFatal,
      isCutShort: this.#isCutShort,
      commitHint: this.#commitHint,
      isNoLog: this.#isNoLog,
    };
  }

  get #expected(): bigint | undefined {
    return this.#last === undefined ? this.#location.segments[0].firstIndex : this.#last.index + 1n;
  }

  /** The damage before a good entry is a hole, or only spare bytes where no index is missing. */
  #closeDamage(segment: SegmentFile, { offset, index }: RawFrame, mark: EntryMark): void {
    const expected = this.#expected;
    const damage = this.#damage;
    this.#damage = undefined;
    if (expected === index || (expected === undefined && damage === undefined)) {
      // Behind frames that came again the log goes on with a jump of the index, which is none here.
      if (damage === undefined || (damage.kind === 'index-gap' && damage.bytes === 0)) return;
      const { bytes: length } = damage;
      this.#addPart({
        type: 'spare',
        segment: damage.segment,
        offset: damage.offset,
        length,
        index: undefined,
      });
      return;
    }
    const gap = {
      ...{ segment, offset, kind: 'index-gap' as const, bytes: 0, highestIndex: 0n },
      detail: `index ${index} follows ${(expected ?? 1n) - 1n}`,
    };
    this.#addPart(this.#hole(damage ?? gap, mark));
  }

  #hole(damage: Damage, right: EntryMark | undefined): Hole {
    const { segment, offset, kind, detail, bytes: damagedBytes, highestIndex } = damage;
    return {
      ...{ type: 'hole', segment, offset, kind, detail, damagedBytes, highestIndex, right, left: this.#last },
      firstIndex: this.#expected,
      lastIndex: right === undefined ? undefined : right.index - 1n,
    };
  }

  #addDamage(damage: Damage): void {
    if (this.#damage === undefined) {
      this.#damage = damage;
      return;
    }
    this.#damage.bytes += damage.bytes;
    if (damage.highestIndex > this.#damage.highestIndex) this.#damage.highestIndex = damage.highestIndex;
  }

  #keep(
    segment: SegmentFile,
    { offset, end, mark }: { readonly offset: number; readonly end: number; readonly mark: EntryMark },
  ): void {
    const open = this.#parts.at(-1);
    if (open?.type === 'keep' && open.segment === segment && open.end === offset) {
      open.end = end;
      open.lastIndex = mark.index;
    } else {
      this.#addPart({ type: 'keep', segment, offset, end, firstIndex: mark.index, lastIndex: mark.index });
    }
    this.#last = mark;
  }

  #addPart(part: Part): void {
    this.#parts.push(part);
    this.#isCutShort ||= this.#parts.length >= REPAIR_STEPS_MAX;
  }
}
