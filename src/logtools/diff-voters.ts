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

/** A member that votes. Its incarnation is null where nobody has asked it: then any directory of that id is meant. */
export interface Voter {
  readonly id: NodeId;
  readonly incarnation: string | null;
}

/** Who decides over an entry. */
export type Electorate =
  | { readonly type: 'counted'; readonly from: 'given' | 'assumed'; readonly voters: number }
  | NamedElectorate;

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

/**
 * How an entry stands. `mayBeOnNewAlone`: the entry stands behind a joint configuration that may be committed itself. Then a
 * leader may have gone on to C_new already, by whose majority alone it commits all that was before (§6); no log need show it.
 */
export function judge(
  electorate: Electorate,
  ballots: readonly Ballot[],
  { mayBeOnNewAlone }: { readonly mayBeOnNewAlone: boolean },
): Judgement {
  const votersFrom = electorate.from;
  if (electorate.type === 'counted') {
    const { needed, isPossible } = tallyOf(ownersOf(ballots), ballots, electorate.voters);
    const shown = { voters: electorate.voters, oldVoters: null, votersFrom, notCounted: [] };
    if (votersFrom === 'given') return { standing: standingOf(needed, isPossible), needed, ...shown };
    // With more voters than logs, any of these entries may stand on a majority.
    return { standing: needed === 0 ? 'majority' : 'possible', needed: null, ...shown };
  }
  const { voters, oldVoters } = electorate;
  const decides = [...voters, ...(oldVoters ?? [])];
  const shown = {
    ...{ voters: voters.length, oldVoters: oldVoters?.length ?? null, votersFrom },
    notCounted: ballots
      .filter(({ owner }) => owner !== undefined && !decides.some((voter) => isVoter(voter, owner)))
      .map(({ log }) => log),
  };
  const tally = tallyOf(voters, ballots);
  if (oldVoters === null)
    return { standing: standingOf(tally.needed, tally.isPossible), needed: tally.needed, ...shown };
  const old = tallyOf(oldVoters, ballots);
  const isPossible = tally.isPossible && (old.isPossible || mayBeOnNewAlone);
  const needed = old.isPossible || !isPossible ? Math.max(tally.needed, old.needed) : tally.needed;
  const isOnBoth = tally.needed === 0 && old.needed === 0;
  const standing = isOnBoth ? 'majority' : isPossible ? 'possible' : 'minority';
  return { standing, needed, ...shown };
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

/** Of `total` voters, of whom `voters` are known by name. */
function tallyOf(voters: readonly Voter[], ballots: readonly Ballot[], total = voters.length): Tally {
  let [yes, silent, absent] = [0, 0, Math.max(0, total - voters.length)];
  for (const voter of voters) {
    const own = ballots.filter(({ owner }) => owner !== undefined && isVoter(voter, owner));
    // Of two copies of a node's log, what either holds the node has held.
    if (own.length === 0) absent++;
    else if (own.some(({ holds }) => holds === 'yes')) yes++;
    else if (own.some(({ holds }) => holds === 'unknown')) silent++;
  }
  // Logs of which nobody knows whose they are count for voters of whom there is none, those that hold the entry first.
  const unowned = ballots.filter(({ owner }) => owner === undefined);
  const holding = Math.min(absent, unowned.filter(({ holds }) => holds === 'yes').length);
  const lacking = Math.min(absent - holding, unowned.filter(({ holds }) => holds === 'no').length);
  const needed = Math.max(0, Math.floor(total / 2) + 1 - yes - holding);
  return { needed, isPossible: needed <= silent + absent - holding - lacking };
}

/** Each node of which there is a log, once. */
function ownersOf(ballots: readonly Ballot[]): readonly Voter[] {
  const ids = ballots.flatMap(({ owner }) => (owner === undefined ? [] : [owner.id]));
  return [...new Set(ids)].map((id) => ({ id, incarnation: null }));
}

function standingOf(needed: number, isPossible: boolean): Standing {
  if (needed === 0) return 'majority';
  return isPossible ? 'possible' : 'minority';
}

/** Whether a voter is the node that a log is of. A node that lost its data and came back is another one. */
function isVoter({ id, incarnation }: Voter, owner: LogOwner): boolean {
  if (id !== owner.id) return false;
  return incarnation === null || owner.incarnation === undefined || incarnation === owner.incarnation;
}
