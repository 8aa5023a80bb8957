import { INDEX_ZERO, type LogIndex, type NodeId, type Term, term } from '../../lib/brands.ts';
import { membersOf } from '../../lib/configuration.ts';
import { contains, isQuorum, voterIds } from './configuration.ts';
import { isConfigurationCommitted, latestConfiguration, removedAt } from './configuration-log.ts';
import { type Draft, reply } from './draft.ts';
import { lastTerm } from './log.ts';
import type { PreVote, PreVoteResponse, RequestVote, RequestVoteResponse, TimeoutNow } from './messages.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import {
  type Ballot,
  type CoreState,
  hearsFromLeader,
  isMember,
  isVotingMember,
  mayCampaign,
  mustAbstain,
  resetElectionTimer,
  takeRequestId,
} from './state.ts';

/** The election timer ran out: begins with a pre-vote, so that a node that cannot win disturbs nobody. */
export function campaign(draft: Draft): void {
  const { state } = draft;
  if (mustAbstain(state) || !mayCampaign(state)) {
    // It goes on waiting for a leader, and names none meanwhile (trap 37).
    resetElectionTimer(state);
    state.leaderId = null;
    noticeRemoval(draft);
    // Who does not stand for election asks all the same: those who hear from a leader say whether it was removed.
    if (state.hasBeenMember) askForVotes(draft);
    return;
  }
  becomePreCandidate(draft);
  askForVotes(draft);
  countVotes(draft);
}

/** §6: the node's own log may hold, committed, the configuration that leaves it out. */
function noticeRemoval(draft: Draft): void {
  const index = removedAt(draft.state);
  if (index !== null) believeRemoval(draft, index);
}

/** A node that is told of its removal believes it once no leader has said otherwise for this many election timeouts. */
const REMOVAL_TIMEOUTS = 3;

/**
 * Who tells a node of its removal may itself be behind: a later configuration may have made it a member again. Then the
 * leader sends it entries, and that counts for more.
 */
function believeRemoval(draft: Draft, index: LogIndex): void {
  const { state } = draft;
  state.removalToldMs ??= state.nowMs;
  const patienceMs = REMOVAL_TIMEOUTS * state.options.electionTimeoutMsMax;
  if (state.nowMs - state.removalToldMs >= patienceMs) draft.events.push({ type: 'removed', index });
}

/** RequestVote, as its receiver (figure 2). */
export function receiveRequestVote(
  draft: Draft,
  from: NodeId,
  requestId: number,
  request: RequestVote,
): void {
  const { state } = draft;
  // Dissertation 4.2.3: while the leader is heard of, a newer term alone deposes nobody; 3.10: unless it asked for that.
  const isSettled = !request.isTransfer && (hearsFromLeader(state) || leadsWithQuorum(state));
  const disturbs = request.term > state.currentTerm && isSettled;
  if (request.term > state.currentTerm && !disturbs) becomeFollower(draft, request.term, null, 'newer-term');
  const voteGranted = !disturbs && mayVoteFor(state, request);
  if (voteGranted) {
    if (state.votedFor === null) {
      state.votedFor = request.candidateId;
      draft.hardStateChanged = true;
    }
    // A late answer to its own pre-vote must not make it stand against the one that it has just voted for.
    if (state.role === 'pre-candidate') becomeFollower(draft, state.currentTerm, null, 'voted-for-another');
    // Only a granted vote postpones the own election (trap 8).
    resetElectionTimer(state);
  }
  reply(draft, from, requestId, { type: 'requestVoteResponse', term: state.currentTerm, voteGranted });
}

/** PreVote, as its receiver: an answer promises nothing and changes nothing (dissertation 9.6). */
export function receivePreVote(draft: Draft, from: NodeId, requestId: number, request: PreVote): void {
  const { state } = draft;
  const voteGranted =
    request.nextTerm > state.currentTerm &&
    !mustAbstain(state) &&
    state.hasBeenMember &&
    !hearsFromLeader(state) &&
    !leadsWithQuorum(state) &&
    isUpToDate(state, request);
  const removal = voteGranted ? undefined : removalOf(state, request);
  reply(draft, from, requestId, {
    type: 'preVoteResponse',
    term: state.currentTerm,
    voteGranted,
    ...(removal === undefined ? {} : { removedAt: removal }),
  });
}

/** The committed configuration without the candidate (trap 15): only who hears of the leader knows that it is the latest. */
function removalOf(state: CoreState, request: PreVote): LogIndex | undefined {
  if (!isConfigurationCommitted(state) || !(hearsFromLeader(state) || leadsWithQuorum(state)))
    return undefined;
  const { index, configuration } = latestConfiguration(state);
  // What a node was made with removes nobody; one that is to join was made with no members at all.
  if (index === INDEX_ZERO || contains(membersOf(configuration), request.candidateId)) return undefined;
  return index;
}

/** Takes the answer to a RequestVote or PreVote of the round that is under way; others are too late. */
export function receiveVoteResponse(
  draft: Draft,
  from: NodeId,
  requestId: number,
  response: RequestVoteResponse | PreVoteResponse,
): void {
  const { state } = draft;
  if (response.type === 'preVoteResponse' && response.removedAt !== undefined)
    hearOfRemoval(draft, response.removedAt);
  if (response.term > state.currentTerm) {
    becomeFollower(draft, response.term, null, 'newer-term');
    return;
  }
  const expected = state.role === 'candidate' ? 'requestVoteResponse' : 'preVoteResponse';
  if (state.ballot?.requests.get(requestId) !== from || response.type !== expected) return;
  state.ballot.requests.delete(requestId);
  if (response.voteGranted) state.ballot.granted.add(from);
  countVotes(draft);
}

/** TimeoutNow: the leader hands over, so that neither a time-out nor a pre-vote is waited for (dissertation 3.10). */
export function receiveTimeoutNow(draft: Draft, from: NodeId, requestId: number, request: TimeoutNow): void {
  const { state } = draft;
  const isOutdated = request.term < state.currentTerm || state.role === 'leader';
  if (!isOutdated) {
    if (request.term > state.currentTerm) becomeFollower(draft, request.term, request.leaderId, 'newer-term');
    if (isVotingMember(state) && !mustAbstain(state)) {
      becomeCandidate(draft, 'transfer');
      askForVotes(draft);
      countVotes(draft);
    }
  }
  reply(draft, from, requestId, { type: 'timeoutNowResponse', term: state.currentTerm });
}

/** Others have committed a configuration without this node, which is not older than the one that it goes by. */
function hearOfRemoval(draft: Draft, index: LogIndex): void {
  const { state } = draft;
  const latest = latestConfiguration(state);
  const isNews = index > latest.index || (index === latest.index && !isMember(state, latest.configuration));
  if (state.hasBeenMember && isNews) believeRemoval(draft, index);
}

/** The candidate's own vote is durable, and counts from now on (trap 41). */
export function countOwnVote(draft: Draft, durableSequence: number): void {
  const { ballot, options } = draft.state;
  const sequence = ballot?.ownVoteSequence ?? null;
  if (ballot === null || sequence === null || sequence > durableSequence) return;
  ballot.granted.add(options.id);
  countVotes(draft);
}

function countVotes(draft: Draft): void {
  const { state } = draft;
  const ballot = state.ballot;
  if (ballot === null || !isQuorum(state.configuration, (id) => ballot.granted.has(id))) return;
  if (state.role === 'pre-candidate') {
    becomeCandidate(draft, 'pre-vote-won');
    askForVotes(draft);
  } else if (isOwnVoteDurable(ballot, state)) {
    becomeLeader(draft);
  }
}

/** Even with a majority of other votes, no term is led before it is durable that this node entered it. */
function isOwnVoteDurable(ballot: Ballot, state: CoreState): boolean {
  return ballot.granted.has(state.options.id);
}

/** Asks the voters. Without a ballot no answer counts as a vote. Requests of a new term go out once that term and the own vote are durable. */
function askForVotes(draft: Draft): void {
  const { state } = draft;
  const shared = {
    candidateId: state.options.id,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: lastTerm(state.log),
  };
  for (const to of voterIds(state.configuration)) {
    if (to === state.options.id) continue;
    const requestId = takeRequestId(state);
    state.ballot?.requests.set(requestId, to);
    const message =
      state.role === 'candidate'
        ? ({
            type: 'requestVote',
            term: state.currentTerm,
            ...shared,
            isTransfer: state.ballot?.isTransfer ?? false,
          } as const)
        : ({ type: 'preVote', nextTerm: nextTerm(state), ...shared } as const);
    draft.sendAfterPersist.push({ to, requestId, message });
  }
}

function mayVoteFor(state: CoreState, request: RequestVote): boolean {
  if (request.term !== state.currentTerm || mustAbstain(state) || !state.hasBeenMember) return false;
  if (state.votedFor !== null && state.votedFor !== request.candidateId) return false;
  return isUpToDate(state, request);
}

/** §5.4.1: the log with the later last term is more up to date; of the same term, the longer one. */
function isUpToDate(state: CoreState, request: RequestVote | PreVote): boolean {
  const ownTerm = lastTerm(state.log);
  if (request.lastLogTerm !== ownTerm) return request.lastLogTerm > ownTerm;
  return request.lastLogIndex >= state.log.lastIndex;
}

/** A leader that still reaches a majority hears from itself, so to speak. */
function leadsWithQuorum(state: CoreState): boolean {
  if (state.role !== 'leader') return false;
  const since = state.nowMs - state.options.electionTimeoutMsMin;
  return isQuorum(
    state.configuration,
    (id) => id === state.options.id || (state.peers.get(id)?.contactMs ?? Number.NEGATIVE_INFINITY) >= since,
  );
}

function nextTerm(state: CoreState): Term {
  return term(state.currentTerm + 1);
}
