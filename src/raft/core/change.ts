import { type LogIndex, logIndex, type NodeId } from '../../lib/brands.ts';
import { type Configuration, configurationOf, type Member } from '../../lib/configuration.ts';
import { encodePayload } from '../../lib/entry.ts';
import { type CatchUp, followCatchUp } from './catch-up.ts';
import { areSameIds, areSameMembers, contains, quorumSize, voterIds } from './configuration.ts';
import { isConfigurationCommitted, latestConfiguration } from './configuration-log.ts';
import { hasOriginalMember, takesOut, unmetMembers } from './dialects.ts';
import { appendEntries, type Draft } from './draft.ts';
import type { ChangeRefusal } from './effects.ts';
import type { ChangeRequest } from './inputs.ts';
import { alignPeers } from './peers.ts';
import { replicateToAll } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { type CoreState, hasCommittedInTerm, isVotingMember } from './state.ts';
import { handOver } from './transfer.ts';

/**
 * A change of members on its way (§6). The steps are entries in the log, so that another leader can go on from any of
 * them: learners are added, they catch up, C_old,new is committed, C_new is committed.
 */
export interface MembershipChange {
  readonly changeId: number;
  /** C_new. */
  readonly target: Configuration;
  /** The configuration when the change was asked for: what a change that fails goes back to. */
  readonly before: Configuration;
  readonly isForced: boolean;
  /** How far each new voter has come; empty before they are learners. */
  readonly catchUps: Map<NodeId, CatchUp>;
  /** Set where a new voter does not catch up: what was added for this change is removed again. */
  refusal: ChangeRefusal | null;
}

/** Takes a request for other members. One change at a time; it begins once it may (`advanceChange`). */
export function receiveChange(draft: Draft, request: ChangeRequest): void {
  const { state } = draft;
  const { changeId, isForced } = request;
  const refusal = refusalOf(state, request);
  if (refusal !== null) {
    draft.outcomes.push({ type: 'changeRejected', changeId, ...refusal });
    return;
  }
  const target = configurationOf(request);
  state.change = {
    ...{ changeId, target, isForced, before: state.configuration },
    ...{ catchUps: new Map(), refusal: null },
  };
  advanceChange(draft);
}

function refusalOf(state: CoreState, request: ChangeRequest): ChangeRefusal | null {
  const { index, configuration } = latestConfiguration(state);
  if (state.role !== 'leader') return { reason: 'not-leader' };
  if (hasOriginalMember(state)) return { reason: 'original-member' };
  const unmet = unmetMembers(state);
  const isSafe = unmet.length === 0 || takesOut(request, unmet, configuration.voters);
  if (!isSafe) return { reason: 'unmet-member', unmet };
  const isExpected = request.expectIndex === null || request.expectIndex === index;
  if (!isExpected || replacesVoter(configuration, request)) return { reason: 'expectation-failed', index };
  const isUnderWay =
    state.change !== null || configuration.oldVoters !== null || !isConfigurationCommitted(state);
  return isUnderWay ? { reason: 'change-in-progress' } : null;
}

/**
 * Whether a voter is to be a member with other data than it votes with now: then one id would stand for two nodes, whose
 * votes and acknowledgements no majority can tell apart (trap 29). It has to be removed first. Who asks for this has seen
 * a configuration in which it was no voter.
 */
function replacesVoter({ voters }: Configuration, wanted: ChangeRequest): boolean {
  return [...wanted.voters, ...wanted.learners].some(({ id, incarnation }) =>
    voters.some((voter) => voter.id === id && voter.incarnation !== incarnation),
  );
}

/**
 * Takes the next step of a change as soon as it may be taken: after anything is committed, answered or timed out. A new
 * leader goes on with the joint configuration of an earlier one, whoever asked for it.
 */
export function advanceChange(draft: Draft): void {
  const { state } = draft;
  // Trap 12: before an entry of its own term is committed, a leader may not know of a newer configuration.
  if (state.role !== 'leader' || !hasCommittedInTerm(state) || !isConfigurationCommitted(state)) return;
  const { configuration } = state;
  if (configuration.oldVoters !== null) {
    appendConfiguration(draft, { ...configuration, oldVoters: null });
    return;
  }
  if (state.change !== null) advanceOwnChange(draft, state.change);
  if (state.role === 'leader' && !isVotingMember(state)) stepAside(draft);
}

function advanceOwnChange(draft: Draft, change: MembershipChange): void {
  const { configuration } = draft.state;
  const { target, before, refusal } = change;
  if (refusal !== null) {
    if (isSame(configuration, before)) refuse(draft, change, refusal);
    else appendConfiguration(draft, before);
    return;
  }
  if (isSame(configuration, target)) {
    draft.state.change = null;
    const { index } = latestConfiguration(draft.state);
    draft.outcomes.push({ type: 'changed', changeId: change.changeId, index });
    return;
  }
  const next = nextStep(draft.state, change);
  switch (next.type) {
    case 'append':
      appendConfiguration(draft, next.configuration);
      return;
    case 'wait':
      return;
    case 'fail':
      change.refusal = next.refusal;
      advanceOwnChange(draft, change);
  }
}

type Step =
  | { readonly type: 'append'; readonly configuration: Configuration }
  | { readonly type: 'wait' }
  | { readonly type: 'fail'; readonly refusal: ChangeRefusal };

function nextStep(state: CoreState, change: MembershipChange): Step {
  const { configuration } = state;
  const { target } = change;
  // The same voters decide before and after: one entry is enough, since any two majorities overlap.
  if (areSameIds(configuration.voters, target.voters)) return { type: 'append', configuration: target };
  const newcomers = target.voters.filter(({ id }) => !contains(configuration.voters, id));
  // Who is new has to catch up first, and must be heard of then.
  const doubt = doubtQuorum(state, change, newcomers);
  if (doubt !== undefined) return doubt;
  // Dissertation 4.2.1: a voter with an empty log would hold up commits until it has caught up (trap 14).
  if (!newcomers.every((member) => isLearner(configuration, member))) {
    return { type: 'append', configuration: withLearners(configuration, newcomers) };
  }
  const progress = followCatchUp(state, change.catchUps, newcomers);
  switch (progress.type) {
    case 'under-way':
      return { type: 'wait' };
    case 'failed':
      return { type: 'fail', refusal: { reason: 'catch-up-failed', behind: progress.behind } };
    case 'done':
      return (
        doubtQuorum(state, change, []) ?? {
          type: 'append',
          configuration: { ...target, oldVoters: configuration.voters },
        }
      );
  }
}

function isLearner(configuration: Configuration, member: Member): boolean {
  const learner = configuration.learners.find(({ id }) => id === member.id);
  return learner !== undefined && areSameMembers([learner], [member]);
}

function withLearners(configuration: Configuration, newcomers: readonly Member[]): Configuration {
  const others = configuration.learners.filter(({ id }) => !contains(newcomers, id));
  return configurationOf({ voters: configuration.voters, learners: [...others, ...newcomers] });
}

/** Why the change may not go on now: it would leave C_new without a majority that answers. Forced, it may. */
function doubtQuorum(
  state: CoreState,
  { target, isForced }: MembershipChange,
  excused: readonly Member[],
): Step | undefined {
  const risk = isForced ? undefined : quorumRisk(state, target.voters, excused);
  if (risk === undefined) return undefined;
  // A leader that was just elected has not heard of everybody yet.
  return state.nowMs < state.quorumGraceUntilMs ? { type: 'wait' } : { type: 'fail', refusal: risk };
}

/** Which of the future voters are not heard of, where the rest is no majority. */
function quorumRisk(
  state: CoreState,
  voters: readonly Member[],
  excused: readonly Member[],
): ChangeRefusal | undefined {
  const since = state.nowMs - state.options.electionTimeoutMsMax;
  const isHeard = (id: NodeId): boolean =>
    id === state.options.id || (state.peers.get(id)?.contactMs ?? Number.NEGATIVE_INFINITY) >= since;
  const silent = voters.map(({ id }) => id).filter((id) => !isHeard(id) && !contains(excused, id));
  const quorum = quorumSize(voters.length);
  if (voters.length - silent.length >= quorum) return undefined;
  return { reason: 'quorum-at-risk', silent, quorum };
}

function refuse(draft: Draft, { changeId }: MembershipChange, refusal: ChangeRefusal): void {
  draft.state.change = null;
  draft.outcomes.push({ type: 'changeRejected', changeId, ...refusal });
}

/** Puts a configuration into the log. It is in force here at once, and counts for its own commitment (§6). */
function appendConfiguration(draft: Draft, configuration: Configuration): void {
  const { state } = draft;
  const index: LogIndex = logIndex(state.log.lastIndex + 1);
  const command = encodePayload({ kind: 'configuration', configuration });
  appendEntries(draft, [{ index, term: state.currentTerm, command }]);
  alignPeers(state, index);
  replicateToAll(draft);
}

/** §6: a leader that C_new leaves out leads until C_new is committed, without counting itself, and no longer (trap 13). */
function stepAside(draft: Draft): void {
  handOver(draft);
  becomeFollower(draft, draft.state.currentTerm, null, 'removed');
}

function isSame(a: Configuration, b: Configuration): boolean {
  if (!areSameMembers(a.voters, b.voters) || !areSameMembers(a.learners, b.learners)) return false;
  return a.oldVoters === null && b.oldVoters === null;
}

/** Whom the change in progress waits for: voters of either configuration that have not got its last entry yet. */
export function whoBlocks(state: CoreState): readonly NodeId[] {
  const { index, configuration } = latestConfiguration(state);
  if (state.role !== 'leader' || isConfigurationCommitted(state)) return [];
  return [...voterIds(configuration)].filter(
    (id) => id !== state.options.id && (state.peers.get(id)?.matchIndex ?? 0) < index,
  );
}
