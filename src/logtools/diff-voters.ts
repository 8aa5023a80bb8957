import type { NodeId } from '../lib/brands.ts';
import type { Configuration } from '../lib/configuration.ts';
import type { LogOwner } from './diff-owner.ts';

/**
 * What an entry's place in the logs says of it. `committed`: a node knows it to be. `majority`: it stands on a majority of
 * the voters, so it may be committed. `possible`: it would, if voters hold it whose logs are not here, or damaged there.
 * `minority`: it is not committed, whatever logs that are not here hold, and can still be lost. `unjudged`: the logs are of
 * different clusters.
 */
export type Standing = 'committed' | 'majority' | 'possible' | 'minority' | 'unjudged';

/**
 * What says how many vote: whoever asks (`given`), a configuration in the logs, the identity of a data directory (`node`),
 * the file of the cluster's directory, or nothing: then as many are `assumed` as there are logs.
 */
export type VotersFrom = 'given' | 'configuration' | 'node' | 'cluster' | 'assumed';

/** A member that votes. Its incarnation is null where nobody has asked it, as of the initial voters. */
export interface Voter {
  readonly id: NodeId;
  readonly incarnation: string | null;
}

/** Who decides over an entry. */
export type Electorate = CountedElectorate | NamedElectorate;

export interface CountedElectorate {
  readonly type: 'counted';
  readonly from: 'given' | 'assumed';
  readonly voters: number;
}

export interface NamedElectorate {
  readonly type: 'named';
  readonly from: 'configuration' | 'node' | 'cluster';
  readonly voters: readonly Voter[];
  readonly oldVoters: readonly Voter[] | null;
}

/** What a log says of one version of an entry. */
export interface Ballot {
  /** What the log was called. */
  readonly log: string;
  readonly owner: LogOwner | undefined;
  readonly holds: 'yes' | 'no' | 'unknown';
}

/** How an entry stands with those who decide. */
export interface Judgement {
  readonly standing: Standing;
  /**
   * How many voters more have to hold the entry, at the least, so that it is on a majority; 0 where it is on one. Null where
   * it is not known how many vote.
   */
  readonly needed: number | null;
  readonly voters: number;
  /** How many voters C_old has, in a joint configuration; else null. */
  readonly oldVoters: number | null;
  readonly votersFrom: VotersFrom;
  /** The logs of nodes that are known not to vote, by name. */
  readonly notCounted: readonly string[];
}

/** Those who decide by a configuration in a log. */
export function electorateOf({ voters, oldVoters }: Configuration): NamedElectorate {
  return { type: 'named', from: 'configuration', voters, oldVoters };
}

/** Those who decide before the first configuration of a log; undefined where no owner knows them. */
export function initialElectorate(owners: readonly (LogOwner | undefined)[]): NamedElectorate | undefined {
  const known = owners.filter((owner) => owner !== undefined && owner.initialVoters.length > 0);
  const owner = known.find((each) => each?.from === 'node') ?? known[0];
  if (owner === undefined) return undefined;
  const voters = owner.initialVoters.map((id) => ({ id, incarnation: null }));
  return { type: 'named', from: owner.from, voters, oldVoters: null };
}

/** How many logs there are, those of one node counted once. */
export function distinctLogs(owners: readonly (LogOwner | undefined)[]): number {
  const ids = owners.flatMap((owner) => (owner === undefined ? [] : [owner.id]));
  return owners.length - ids.length + new Set(ids).size;
}

/** What matters beside the count. */
export interface Circumstances {
  /**
   * The entry stands behind a joint configuration that may be committed itself. Then a leader may have gone on to C_new
   * already, by whose majority alone it commits all that was before (§6); no log need show it.
   */
  readonly mayBeOnNewAlone: boolean;
  /** Who votes by name, where somebody said how many do; undefined where it is not known. */
  readonly known: NamedElectorate | undefined;
}

/** How an entry stands. */
export function judge(
  electorate: Electorate,
  ballots: readonly Ballot[],
  { mayBeOnNewAlone, known }: Circumstances,
): Judgement {
  if (electorate.type === 'counted') return judgeByNumber(electorate, ballots, known);
  const { voters, oldVoters } = electorate;
  const shown = {
    ...{ voters: voters.length, oldVoters: oldVoters?.length ?? null, votersFrom: electorate.from },
    notCounted: namesOf(ballots.filter((ballot) => !mayCount(ballot, [...voters, ...(oldVoters ?? [])]))),
  };
  const tally = tallyByName(voters, ballots);
  if (oldVoters === null)
    return { standing: standingOf(tally.needed, tally.isPossible), needed: tally.needed, ...shown };
  const old = tallyByName(oldVoters, ballots);
  const isPossible = tally.isPossible && (old.isPossible || mayBeOnNewAlone);
  const needed = old.isPossible || !isPossible ? Math.max(tally.needed, old.needed) : tally.needed;
  const isOnBoth = tally.needed === 0 && old.needed === 0;
  const standing = isOnBoth ? 'majority' : isPossible ? 'possible' : 'minority';
  return { standing, needed, ...shown };
}

/** One majority of so many voters. Of a joint configuration it takes the new ones. */
function judgeByNumber(
  { voters, from }: CountedElectorate,
  ballots: readonly Ballot[],
  known: NamedElectorate | undefined,
): Judgement {
  const counting = known === undefined ? ballots : ballots.filter((ballot) => mayCount(ballot, known.voters));
  const { needed, isPossible } = tallyByNumber(voters, counting);
  const notCounted = namesOf(ballots.filter((ballot) => !counting.includes(ballot)));
  const shown = { voters, oldVoters: null, votersFrom: from, notCounted };
  if (from === 'given') return { standing: standingOf(needed, isPossible), needed, ...shown };
  // With more voters than logs, any of these entries may stand on a majority.
  return { standing: needed === 0 ? 'majority' : 'possible', needed: null, ...shown };
}

/** The voters of whom no log is given, each once; none where it is not known of every log whose it is. */
export function votersWithoutLog(
  { voters, oldVoters }: NamedElectorate,
  owners: readonly (LogOwner | undefined)[],
): readonly NodeId[] {
  if (owners.includes(undefined)) return [];
  const absent = [...voters, ...(oldVoters ?? [])].filter(
    (voter) => !owners.some((owner) => owner !== undefined && isVoter(voter, owner)),
  );
  return [...new Set(absent.map(({ id }) => id))];
}

interface Tally {
  /** How many voters more it takes for a majority. */
  readonly needed: number;
  /** So many may hold the entry without these logs showing it. */
  readonly isPossible: boolean;
}

/**
 * Of voters who are known by name. A log of which nobody knows whose it is counts for a voter of whom there is none where it
 * holds the entry. Where it does not it rules out nothing: it may be an older copy of another one's log.
 */
function tallyByName(voters: readonly Voter[], ballots: readonly Ballot[]): Tally {
  const own = voters.map((voter) =>
    ballots.filter(({ owner }) => owner !== undefined && isVoter(voter, owner)),
  );
  return tallyOf(own, { total: voters.length, holding: countUnowned(ballots, 'yes'), lacking: 0 });
}

/** Of so many voters: each node of which there is a log is one, and so is each log of which nobody knows whose it is. */
function tallyByNumber(total: number, ballots: readonly Ballot[]): Tally {
  const ids = new Set(ballots.flatMap(({ owner }) => (owner === undefined ? [] : [owner.id])));
  const own = [...ids].map((id) => ballots.filter(({ owner }) => owner?.id === id));
  const [holding, lacking] = [countUnowned(ballots, 'yes'), countUnowned(ballots, 'no')];
  return tallyOf(own, { total, holding, lacking });
}

/** `own`: what the logs of each known voter say. `holding`, `lacking`: so many logs of unknown voters say it. */
function tallyOf(
  own: readonly (readonly Ballot[])[],
  others: { readonly total: number; readonly holding: number; readonly lacking: number },
): Tally {
  let [yes, silent, absent] = [0, 0, Math.max(0, others.total - own.length)];
  for (const ballots of own) {
    // Of two copies of a node's log, what either holds the node has held.
    if (ballots.length === 0) absent++;
    else if (ballots.some(({ holds }) => holds === 'yes')) yes++;
    else if (ballots.some(({ holds }) => holds === 'unknown')) silent++;
  }
  // Logs of unknown voters count for those of whom there is none, those that hold the entry first.
  const holding = Math.min(absent, others.holding);
  const lacking = Math.min(absent - holding, others.lacking);
  const needed = Math.max(0, Math.floor(others.total / 2) + 1 - yes - holding);
  return { needed, isPossible: needed <= silent + absent - holding - lacking };
}

function countUnowned(ballots: readonly Ballot[], holding: Ballot['holds']): number {
  return ballots.filter(({ owner, holds }) => owner === undefined && holds === holding).length;
}

/** Whether a log may be that of one of these voters. */
function mayCount({ owner }: Ballot, voters: readonly Voter[]): boolean {
  return owner === undefined || voters.some((voter) => isVoter(voter, owner));
}

function namesOf(ballots: readonly Ballot[]): readonly string[] {
  return ballots.map(({ log }) => log);
}

function standingOf(needed: number, isPossible: boolean): Standing {
  if (needed === 0) return 'majority';
  return isPossible ? 'possible' : 'minority';
}

/**
 * Whether a voter is the node that a log is of. A node that lost its data and came back is another one: it does not know the
 * initial voters, and the members whose incarnation nobody has asked are these.
 */
function isVoter({ id, incarnation }: Voter, owner: LogOwner): boolean {
  if (id !== owner.id) return false;
  if (incarnation === null) return owner.from !== 'node' || owner.initialVoters.length > 0;
  return owner.incarnation === undefined || incarnation === owner.incarnation;
}
