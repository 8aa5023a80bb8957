import type { NodeId, Term } from '../../lib/brands.ts';
import { term } from '../../lib/brands.ts';
import { isQuorum } from './configuration.ts';
import { type Draft, reply } from './draft.ts';
import { lastTerm } from './log.ts';
import type { PreVote, PreVoteResponse, RequestVote, RequestVoteResponse } from './messages.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import {
  type Ballot,
  type CoreState,
  hearsFromLeader,
  mustAbstain,
  otherMembers,
  resetElectionTimer,
  takeRequestId,
} from './state.ts';

/** The election timer ran out: begins with a pre-vote, so that a node that cannot win disturbs nobody. */
export function campaign(draft: Draft): void {
  const { state } = draft;
  if (mustAbstain(state)) {
    // It goes on waiting for a leader, and names none meanwhile (trap 37).
    resetElectionTimer(state);
    state.leaderId = null;
    return;
  }
  becomePreCandidate(draft);
  askForVotes(draft);
  countVotes(draft);
}

/** RequestVote, as its receiver (figure 2). */
export function receiveRequestVote(
  draft: Draft,
  from: NodeId,
  requestId: number,
  request: RequestVote,
): void {
  const { state } = draft;
  // Dissertation 4.2.3: while the leader is heard of, a newer term alone deposes nobody.
  const disturbs = request.term > state.currentTerm && (hearsFromLeader(state) || leadsWithQuorum(state));
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
    !hearsFromLeader(state) &&
    !leadsWithQuorum(state) &&
    isUpToDate(state, request);
  reply(draft, from, requestId, { type: 'preVoteResponse', term: state.currentTerm, voteGranted });
}

/** Takes the answer to a RequestVote or PreVote of the round that is under way; others are too late. */
export function receiveVoteResponse(
  draft: Draft,
  from: NodeId,
  requestId: number,
  response: RequestVoteResponse | PreVoteResponse,
): void {
  const { state } = draft;
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
    becomeCandidate(draft);
    askForVotes(draft);
  } else if (isOwnVoteDurable(ballot, state)) {
    becomeLeader(draft);
  }
}

/** Even with a majority of other votes, no term is led before it is durable that this node entered it. */
function isOwnVoteDurable(ballot: Ballot, state: CoreState): boolean {
  return ballot.granted.has(state.options.id);
}

/** Asks the other members. Requests of a new term go out once that term and the own vote are durable. */
function askForVotes(draft: Draft): void {
  const { state } = draft;
  const shared = {
    candidateId: state.options.id,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: lastTerm(state.log),
  };
  for (const to of otherMembers(state)) {
    const requestId = takeRequestId(state);
    state.ballot?.requests.set(requestId, to);
    const message =
      state.role === 'candidate'
        ? ({ type: 'requestVote', term: state.currentTerm, ...shared } as const)
        : ({ type: 'preVote', nextTerm: nextTerm(state), ...shared } as const);
    draft.sendAfterPersist.push({ to, requestId, message });
  }
}

function mayVoteFor(state: CoreState, request: RequestVote): boolean {
  if (request.term !== state.currentTerm || mustAbstain(state)) return false;
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
