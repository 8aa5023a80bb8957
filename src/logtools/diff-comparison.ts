import { decodePayload } from '../lib/entry.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import type { DiffEntry, DiffSummary, DiffVersion } from './diff.ts';
import type { DiffCursor } from './diff-cursor.ts';
import { Histories, type Regime } from './diff-histories.ts';
import { areStrangers, type LogOwner } from './diff-owner.ts';
import { DiffRanges } from './diff-ranges.ts';
import {
  type Ballot,
  type CountedElectorate,
  distinctLogs,
  initialElectorate,
  type Judgement,
  judge,
  type NamedElectorate,
  votersWithoutLog,
} from './diff-voters.ts';
import { previewOfPayload } from './rows.ts';

interface Version {
  readonly frame: RawFrame;
  readonly holders: DiffCursor[];
}

interface JudgedVersion extends Version {
  readonly judgement: Judgement;
  /** Who decides by what the logs say, whatever was given; undefined where it is not known. */
  readonly named: NamedElectorate | undefined;
}

/** What was judged by a count, and how. */
interface Judged {
  readonly named: NamedElectorate | undefined;
  readonly ballots: readonly Ballot[];
  readonly mayBeOnNewAlone: boolean;
  readonly judgement: Judgement;
}

/** What is known of logs up to an index, where their cursors go by it together. */
export class DiffComparison {
  readonly #cursors: readonly DiffCursor[];
  readonly #owners: readonly (LogOwner | undefined)[];
  readonly #areStrangers: boolean;
  readonly #histories: Histories;
  /** Those who decide where no configuration is known, or none counts. */
  readonly #counted: CountedElectorate;
  readonly #ranges = new DiffRanges();
  /** Those who decided last, and how. */
  #named: NamedElectorate | undefined;
  #last: Judgement | undefined;
  #agreeThrough: bigint | undefined;
  #notCompared = 0;
  #partAt: bigint | undefined;
  #committedAtMost: bigint | undefined;
  #conflicts = 0;
  #dropsOldVoters = false;
  #before: Judged | undefined;

  /** `voters`: how many vote, whatever the logs say. */
  constructor(cursors: readonly DiffCursor[], voters: number | undefined) {
    this.#cursors = cursors;
    this.#owners = cursors.map(({ log }) => log.owner);
    this.#areStrangers = this.#owners.some((a) => this.#owners.some((b) => areStrangers(a, b)));
    this.#named = initialElectorate(this.#owners);
    this.#histories = new Histories(this.#named);
    this.#counted =
      voters === undefined
        ? { type: 'counted', from: 'assumed', voters: distinctLogs(this.#owners) }
        : { type: 'counted', from: 'given', voters };
  }

  /** Looks at an index at which at least one cursor stands; undefined as long as the logs are the same. */
  look(index: bigint): DiffEntry | undefined {
    const versions: Version[] = [];
    const ended: DiffCursor[] = [];
    const unknown: DiffCursor[] = [];
    for (const cursor of this.#cursors) {
      const holding = cursor.at(index);
      if (holding.type === 'entry') addVersion(versions, holding.frame, cursor);
      else (holding.type === 'ended' ? ended : unknown).push(cursor);
    }
    const judged = versions.map((version) => this.#judged(version, unknown));
    this.#last = judged[0]?.judgement;
    if (judged.some(({ judgement }) => mayBeCommitted(judgement))) this.#committedAtMost = index;
    const isConflict = holdConflict(versions);
    if (isConflict) this.#conflicts++;
    if (this.#partAt === undefined && versions.length === 1 && ended.length === 0) {
      if (unknown.length === 0) this.#agreeThrough = index;
      else this.#notCompared++;
      return undefined;
    }
    this.#partAt ??= index;
    for (const { frame, holders, judgement, named } of judged) {
      this.#ranges.add(frame, namesOf(holders), judgement);
      if (judgement.votersFrom === 'given' && (named?.oldVoters ?? null) !== null)
        this.#dropsOldVoters = true;
    }
    return {
      type: 'entry',
      index: String(index),
      versions: judged.map(describeVersion),
      ...{ ended: namesOf(ended), unknown: namesOf(unknown), isConflict },
    };
  }

  summary(): DiffSummary {
    const judgement = this.#last ?? this.#judgedBy(this.#named, [], false);
    const { voters, oldVoters, votersFrom, notCounted } = judgement;
    return {
      type: 'summary',
      logs: this.#cursors.map((cursor) => ({
        log: cursor.log.name,
        id: cursor.log.owner?.id ?? null,
        clusterId: cursor.log.owner?.clusterId ?? null,
        first: cursor.first === undefined ? null : String(cursor.first.index),
        last: cursor.last === undefined ? null : String(cursor.last.index),
        entries: cursor.entries,
        problems: cursor.problems,
        endsInDamage: cursor.endsInDamage,
        twoHistoriesFrom: textOrNull(cursor.forkSeenFrom),
        committedThrough: String(cursor.commitHint),
      })),
      areStrangers: this.#areStrangers,
      ...{ voters, oldVoters, votersFrom, notCounted },
      configuredVoters: this.#named?.voters.length ?? null,
      dropsOldVoters: this.#dropsOldVoters,
      missing: this.#named === undefined ? [] : votersWithoutLog(this.#named, this.#owners),
      partAt: textOrNull(this.#partAt),
      agreeThrough: textOrNull(this.#agreeThrough),
      notCompared: this.#notCompared,
      ...this.#ranges.report(),
      committedAtMost: textOrNull(this.#committedAtMost),
      conflicts: this.#conflicts,
    };
  }

  #judged(version: Version, unknown: readonly DiffCursor[]): JudgedVersion {
    const { frame, holders } = version;
    const regime = this.#histories.regimeOf(frame, holders);
    const ballots = this.#cursors.map(
      (cursor): Ballot => ({
        log: cursor.log.name,
        owner: cursor.log.owner,
        holds: holders.includes(cursor) ? 'yes' : isSettled(cursor, unknown) ? 'no' : 'unknown',
      }),
    );
    const isBehind = regime?.mayBeCommitted === true && frame.index > regime.since;
    const counted = this.#judgedBy(regime?.electorate, ballots, isBehind);
    const judgement = { ...counted, ...this.#overruled(version, counted) };
    this.#histories.note(frame.index, holders, ownRegime(regime, frame, judgement));
    if (regime !== undefined) this.#named = regime.electorate;
    return { ...version, judgement, named: regime?.electorate };
  }

  /** Where all is as it was when this was asked last, which is so nearly always, the answer is too. */
  #judgedBy(
    named: NamedElectorate | undefined,
    ballots: readonly Ballot[],
    mayBeOnNewAlone: boolean,
  ): Judgement {
    const before = this.#before;
    if (
      before !== undefined &&
      before.named === named &&
      before.mayBeOnNewAlone === mayBeOnNewAlone &&
      before.ballots.length === ballots.length &&
      before.ballots.every(({ holds }, at) => holds === ballots[at]?.holds)
    )
      return before.judgement;
    const isNamed = named !== undefined && this.#counted.from !== 'given';
    const judgement = judge(isNamed ? named : this.#counted, ballots, { mayBeOnNewAlone, known: named });
    this.#before = { named, ballots, mayBeOnNewAlone, judgement };
    return judgement;
  }

  /** What is known of an entry beside the count. */
  #overruled({ frame, holders }: Version, { standing }: Judgement): Partial<Judgement> {
    if (this.#areStrangers) return { standing: 'unjudged' };
    if (holders.some(({ commitHint }) => frame.index <= commitHint))
      return { standing: 'committed', needed: 0 };
    return standing !== 'minority' && this.#isDecidedOtherwise(frame) ? { standing: 'minority' } : {};
  }

  /** Whether another version of the entry is known to be committed. */
  #isDecidedOtherwise({ index, term }: RawFrame): boolean {
    return this.#cursors.some((cursor) => {
      const holding = cursor.at(index);
      return holding.type === 'entry' && index <= cursor.commitHint && holding.frame.term !== term;
    });
  }
}

/**
 * Whether a log that does not hold an entry is known not to. One that a node writes may have got it since it was read, at
 * its end or in the place of another. Damage at an end may have been the entry.
 */
function isSettled(cursor: DiffCursor, unknown: readonly DiffCursor[]): boolean {
  return cursor.log.writer === 'none' && !cursor.endsInDamage && !unknown.includes(cursor);
}

function mayBeCommitted({ standing }: Judgement): boolean {
  return standing !== 'minority' && standing !== 'unjudged';
}

/** A configuration's own regime goes on with what became of its entry. */
function ownRegime(
  regime: Regime | undefined,
  { index }: RawFrame,
  judgement: Judgement,
): Regime | undefined {
  if (regime?.since !== index) return regime;
  return { ...regime, mayBeCommitted: judgement.standing !== 'minority' };
}

function addVersion(versions: Version[], frame: RawFrame, cursor: DiffCursor): void {
  const same = versions.find(
    (version) =>
      version.frame.term === frame.term && Buffer.compare(version.frame.command, frame.command) === 0,
  );
  if (same === undefined) versions.push({ frame, holders: [cursor] });
  else same.holders.push(cursor);
}

/** Whether two logs, not known to be of different clusters, hold what cannot be in one. */
function holdConflict(versions: readonly Version[]): boolean {
  return versions.some((one, at) =>
    versions
      .slice(at + 1)
      .some((other) =>
        one.holders.some((a) =>
          other.holders.some(
            (b) => !areStrangers(a.log.owner, b.log.owner) && areExclusive(one, a, other, b),
          ),
        ),
      ),
  );
}

/** Whether there cannot be both of two versions: they are of one term, or committed as a holder of each knows. */
function areExclusive(one: Version, a: DiffCursor, other: Version, b: DiffCursor): boolean {
  const { index, term } = one.frame;
  return term === other.frame.term || (index <= a.commitHint && index <= b.commitHint);
}

function describeVersion({ frame, holders, judgement }: JudgedVersion): DiffVersion {
  const payload = decodePayload(frame.command);
  const { standing, needed } = judgement;
  return {
    term: String(frame.term),
    kind: payload.kind,
    size: frame.command.length,
    preview: previewOfPayload(payload),
    logs: namesOf(holders),
    ...{ standing, needed },
  };
}

function namesOf(cursors: readonly DiffCursor[]): readonly string[] {
  return cursors.map(({ log }) => log.name);
}

function textOrNull(value: bigint | undefined): string | null {
  return value === undefined ? null : String(value);
}
