import { INDEX_MAX } from '../../lib/limits.ts';
import { FRAME_BYTES_MIN } from '../../logfmt/frame.ts';
import { readOwner } from '../diff-owner.ts';
import { dataDirectoryOf, type SegmentFile } from '../locate.ts';
import { headerContradiction } from './damaged-header.ts';
import type { Donor } from './donor.ts';
import { Kinship, refuseStrangers } from './kinship.ts';
import { readState, stateFile } from './node-state.ts';
import type { EntryMark, Hole, KeptRange, SpareBytes, Survey } from './survey.ts';

/** What is to be done to a log, in order. */
export type RepairAction =
  /** Entries are taken from the other log. */
  | {
      readonly type: 'fill';
      readonly segment: SegmentFile;
      readonly offset: number;
      readonly from: bigint;
      readonly to: bigint;
      readonly why: string;
    }
  /** Bytes are left out that no entry is lost with. */
  | {
      readonly type: 'drop';
      readonly segment: SegmentFile;
      readonly offset: number;
      readonly length: number;
      readonly why: string;
    }
  /** Everything from here on is cut. */
  | {
      readonly type: 'cut';
      readonly segment: SegmentFile;
      readonly offset: number;
      /** The first index that is not there any more, where that is known. */
      readonly from: bigint | undefined;
      readonly why: string;
    };

/** What a part of the mended log is made of. */
export type Piece =
  | {
      readonly type: 'own';
      readonly segment: SegmentFile;
      readonly offset: number;
      readonly end: number;
      /** Its first index. */
      readonly from: bigint;
    }
  | { readonly type: 'donor'; readonly segment: SegmentFile; readonly from: bigint; readonly to: bigint };

/** What would become of a log. */
export interface RepairPlan {
  readonly survey: Survey;
  /** `whole`: a node starts on it as it is. `refused`: nothing can be done that is safe. */
  readonly verdict: 'whole' | 'repairable' | 'refused';
  /** Why it is refused, as a sentence. */
  readonly refusal: string | undefined;
  /** What to try where this log alone is not enough, one line each. */
  readonly suggestions: readonly string[];
  readonly actions: readonly RepairAction[];
  readonly pieces: readonly Piece[];
  /**
   * The highest index of an entry that may have been lost: the node must neither vote nor campaign before a leader has
   * carried it past. Undefined where nothing is lost.
   */
  readonly abstainThrough: bigint | undefined;
}

/**
 * Decides what is to be done about each hole. It is filled where the other log holds its entries and the same entries on
 * both sides (Log Matching, §5.3: then those between are the same too); at the end of a log, where there is no other side,
 * with what the other node knows to be committed. A hole that is not filled is where the log is cut. Every good entry is
 * compared with the other log's: the first of one index and term that is another there shows that the two are not of one
 * cluster. Throws `configuration` where their data directories say so.
 */
export async function planRepair(survey: Survey, donor: Donor | undefined): Promise<RepairPlan> {
  const owner = await readOwner(survey.location);
  if (donor !== undefined) refuseStrangers({ location: survey.location, owner }, donor);
  const { kind, segments } = survey.location;
  const [{ name, firstIndex }] = segments;
  if (kind === 'directory' && firstIndex !== undefined && firstIndex > 1n) {
    const missing = `The log begins with ${name}: the files with the entries before ${firstIndex} are gone`;
    return refused(survey, `${missing}, and no entry before them says what stood there.`);
  }
  if (!survey.isFatal) return { ...blank(survey), verdict: 'whole' };
  if (survey.isNoLog) return refused(survey, 'Nothing in it is an entry, so nothing in it can be kept.');
  const isOneCluster = owner !== undefined && owner.clusterId === donor?.owner?.clusterId;
  return await new Planner(survey, donor, new Kinship(isOneCluster)).plan();
}

class Planner {
  readonly #survey: Survey;
  readonly #donor: Donor | undefined;
  readonly #kinship: Kinship;
  readonly #actions: RepairAction[] = [];
  readonly #pieces: Piece[] = [];
  #lastIndex = 0n;
  #abstainThrough: bigint | undefined;

  constructor(survey: Survey, donor: Donor | undefined, kinship: Kinship) {
    this.#survey = survey;
    this.#donor = donor;
    this.#kinship = kinship;
  }

  async plan(): Promise<RepairPlan> {
    const { isCutShort, commitHint } = this.#survey;
    if (isCutShort) return refused(this.#survey, 'There are too many damaged places in it.');
    await this.#goThrough();
    const stranger = this.#strangeness();
    if (stranger !== undefined) return stranger;
    if (this.#lastIndex < commitHint) {
      const why = `It could only be kept up to index ${this.#lastIndex}, but entries up to ${commitHint} are known to be committed, and must not be cut.`;
      return refused(this.#survey, why, this.#donor === undefined ? [otherLogAdvice(this.#survey)] : []);
    }
    const misplaced = this.#misplaced();
    if (misplaced !== undefined) {
      return refused(
        this.#survey,
        `Index ${misplaced.from} would begin ${misplaced.segment.name}, which is named for another one.`,
      );
    }
    const obstacle = await this.#abstentionObstacle();
    if (obstacle !== undefined) return refused(this.#survey, obstacle);
    return {
      ...blank(this.#survey),
      verdict: 'repairable',
      actions: this.#actions,
      pieces: this.#pieces,
      abstainThrough: this.#abstainThrough,
    };
  }

  /** Decides about each part. What stands behind a cut is still compared: it says too whose the other log is. */
  async #goThrough(): Promise<void> {
    let isCut = false;
    for (const part of this.#survey.parts) {
      if (part.type === 'keep' && this.#donor !== undefined) await this.#kinship.compare(part, this.#donor);
      if (this.#kinship.contradiction !== undefined) return;
      if (isCut) continue;
      if (part.type === 'keep') this.#keep(part);
      else if (part.type === 'spare') this.#drop(part);
      else isCut = !(await this.#fill(part));
      if (part.type === 'hole' && isCut) this.#cut(part);
    }
  }

  #keep({ segment, offset, end, firstIndex, lastIndex }: KeptRange): void {
    this.#pieces.push({ type: 'own', segment, offset, end, from: firstIndex });
    this.#lastIndex = lastIndex;
  }

  #drop({ segment, offset, length, index }: SpareBytes): void {
    const why = index === undefined ? 'no entry is missing here' : `index ${index} stands there before`;
    this.#actions.push({ type: 'drop', segment, offset, length, why });
  }

  /** Refuses where the other log is of another cluster, or where entries were taken from it and nothing says that it is not. */
  #strangeness(): RepairPlan | undefined {
    const { contradiction, isProven } = this.#kinship;
    const donor = this.#donor;
    if (donor === undefined) return undefined;
    const { path } = this.#survey.location;
    if (contradiction !== undefined) {
      return refused(
        this.#survey,
        `${contradiction}: they are not logs of one cluster, or one of them was changed. Nothing is taken from it.`,
        [
          `raft log diff ${path} ${donor.location.path}   # says where they part`,
          'Name the log of another node: --from NODE',
        ],
      );
    }
    if (isProven || !this.#actions.some(({ type }) => type === 'fill')) return undefined;
    return refused(
      this.#survey,
      'Nothing shows that the other log is of the same cluster: neither do both stand in data directories that say so, nor do both hold an entry but no-ops, which every cluster has.',
      [
        'Name data directories, whose node.json says of which cluster they are: raft log repair DIRECTORY --from DIRECTORY',
      ],
    );
  }

  /** Why the node cannot be told to abstain, as a sentence; undefined where it can, or need not. */
  async #abstentionObstacle(): Promise<string | undefined> {
    const through = this.#abstainThrough;
    const directory = dataDirectoryOf(this.#survey.location);
    if (through === undefined || directory === undefined) return undefined;
    if (through > BigInt(INDEX_MAX))
      return `What is cut may have gone up to index ${through}, and no leader can carry the node past that: replace it by a new one.`;
    const path = stateFile(directory);
    const state = await readState(path);
    if (state.type === 'value') return undefined;
    return `${path} ${state.detail}, and no node starts on this log without it: replace it by a new one.`;
  }

  /** What would stand in another segment than its name says, so that no node starts on it. */
  #misplaced(): Piece | undefined {
    const { segments } = this.#survey.location;
    let last = -1;
    return this.#pieces.find((piece) => {
      const at = segments.indexOf(piece.segment);
      const isFirst = at > last;
      const isBack = at < last;
      last = at;
      const { firstIndex } = piece.segment;
      return isBack || (isFirst && firstIndex !== undefined && firstIndex !== piece.from);
    });
  }

  /** Fills a hole from the other log; false where nothing proves that its entries are the ones that stood here. */
  async #fill(hole: Hole): Promise<boolean> {
    const donor = this.#donor;
    if (donor === undefined || !(await donor.holds(hole.left))) return false;
    const from = hole.firstIndex ?? (await donor.firstIndex());
    if (from === undefined) return false;
    const first = await donor.entry(from);
    const doubt = first === undefined ? undefined : await headerContradiction(hole, first);
    const { right } = hole;
    if (right === undefined) return await this.#fillEnd(donor, hole, { from, doubt });
    const to = right.index - 1n;
    if (!(await donor.hasAll(from, to)) || !(await donor.holds(right))) return false;
    this.#take(hole, { from, to, why: withDoubt(`both logs hold ${sides(hole.left, right)}`, doubt) });
    return true;
  }

  /** Nothing stands behind the hole: what the other node knows to be committed stood here, or will have to. */
  async #fillEnd(
    donor: Donor,
    hole: Hole,
    { from, doubt }: { readonly from: bigint; readonly doubt: string | undefined },
  ): Promise<boolean> {
    const to = donor.commitHint;
    if (to < from || !(await donor.hasAll(from, to)) || (await donor.isForked())) return false;
    this.#take(hole, { from, to, why: withDoubt('its node knows them to be committed', doubt) });
    const lastLost = lastLostIndex(hole, from);
    if (lastLost > to) this.#abstainThrough = lastLost;
    return true;
  }

  #take(
    { segment, offset }: Hole,
    { from, to, why }: { readonly from: bigint; readonly to: bigint; readonly why: string },
  ): void {
    this.#actions.push({ type: 'fill', segment, offset, from, to, why });
    // A segment is named by its first index, so that entries go into the one in which they have to stand.
    const { segments } = this.#survey.location;
    let next = from;
    for (const [at, target] of segments.entries()) {
      const following = segments[at + 1]?.firstIndex;
      const last = following === undefined || following > to ? to : following - 1n;
      if (last < next) continue;
      this.#pieces.push({ type: 'donor', segment: target, from: next, to: last });
      next = last + 1n;
      if (next > to) break;
    }
    this.#lastIndex = to;
  }

  #cut(hole: Hole): void {
    const { segment, offset, firstIndex, kind, detail } = hole;
    this.#actions.push({ type: 'cut', segment, offset, from: firstIndex, why: `${kind}: ${detail}` });
    const { parts } = this.#survey;
    let lastLost = lastLostIndex(hole, this.#lastIndex + 1n);
    for (const part of parts.slice(parts.indexOf(hole) + 1)) {
      if (part.type === 'keep') lastLost = max(lastLost, part.lastIndex);
      if (part.type === 'hole') lastLost = max(lastLost, lastLostIndex(part, lastLost + 1n));
    }
    this.#abstainThrough = lastLost;
  }
}

/** The highest index that can have stood in a hole: as many entries as fit into its bytes, where nothing else says it. */
function lastLostIndex({ firstIndex, lastIndex, damagedBytes, highestIndex }: Hole, from: bigint): bigint {
  if (lastIndex !== undefined) return max(lastIndex, highestIndex);
  const fitting = BigInt(Math.max(1, Math.floor(damagedBytes / FRAME_BYTES_MIN)));
  return max((firstIndex ?? from) + fitting - 1n, highestIndex);
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function withDoubt(why: string, doubt: string | undefined): string {
  return doubt === undefined ? why : `${why}; but ${doubt}: compare both before you apply this`;
}

function sides(left: EntryMark | undefined, right: EntryMark): string {
  const after = `index ${right.index} of term ${right.term}`;
  return left === undefined ? after : `index ${left.index} of term ${left.term} and ${after}`;
}

function blank(survey: Survey): RepairPlan {
  return {
    ...{ survey, verdict: 'refused', refusal: undefined, suggestions: [], actions: [], pieces: [] },
    abstainThrough: undefined,
  };
}

function refused(survey: Survey, refusal: string, suggestions: readonly string[] = []): RepairPlan {
  return { ...blank(survey), refusal, suggestions };
}

function otherLogAdvice({ location }: Survey): string {
  return `raft log repair ${location.path} --from NODE   # takes what is missing from another node`;
}
