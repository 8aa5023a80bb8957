import { assertNever } from '../../lib/assert.ts';
import { logIndex, type NodeId } from '../../lib/brands.ts';
import { advanceChange, receiveChange } from './change.ts';
import { advanceCommitIndex } from './commit.ts';
import { createDraft, type Draft, finish, reply } from './draft.ts';
import type { Effects } from './effects.ts';
import {
  countOwnVote,
  receivePreVote,
  receiveRequestVote,
  receiveTimeoutNow,
  receiveVoteResponse,
} from './election.ts';
import { receiveAppendEntries } from './follower.ts';
import type { Dialect, Input } from './inputs.ts';
import { trimWindow } from './log.ts';
import { isRequest, type Message, type Request, type TimeoutNowResponse } from './messages.ts';
import { receiveProposals } from './proposals.ts';
import { receiveReads } from './reads.ts';
import { receiveLost, replicateRead } from './replication.ts';
import { receiveAppendEntriesResponse } from './responses.ts';
import { becomeFollower } from './roles.ts';
import type { CoreState } from './state.ts';
import { receiveTick } from './time.ts';
import { receiveTransfer } from './transfer.ts';

/**
 * The protocol: takes one input, changes the state, and says what is to be done. Given the same state and inputs it
 * does the same, byte for byte; it never waits, and nothing else changes the state.
 */
export function step(state: CoreState, input: Input): Effects {
  const draft = createDraft(state);
  dispatch(draft, input);
  trimWindow(state.log, state.options.limits.windowBytesMax, state.durableIndex);
  return finish(draft);
}

function dispatch(draft: Draft, input: Input): void {
  switch (input.type) {
    case 'tick':
      return receiveTick(draft, input.elapsedMs);
    case 'receive':
      return receiveMessage(draft, input.from, input.requestId, input.message);
    case 'propose':
      return receiveProposals(draft, input.proposals);
    case 'readIndex':
      return receiveReads(draft, input.readIds);
    case 'persisted':
      return receivePersisted(draft, input.sequence);
    case 'logRead':
      return replicateRead(draft, input.to, input.entries);
    case 'changeConfiguration':
      return receiveChange(draft, input.request);
    case 'transferLeadership':
      return receiveTransfer(draft, input.transferId, input.target);
    case 'lost':
      return receiveLost(draft, input.to, input.requestId);
    case 'dialect':
      return receiveDialect(draft, input.peer, input.dialect);
    default:
      return assertNever(input, 'input');
  }
}

function receiveMessage(draft: Draft, from: NodeId, requestId: number, message: Message): void {
  if (exhaustsTerms(draft.state, message)) {
    if (isRequest(message)) refuse(draft, from, requestId, message);
    return;
  }
  switch (message.type) {
    case 'requestVote':
      return receiveRequestVote(draft, from, requestId, message);
    case 'preVote':
      return receivePreVote(draft, from, requestId, message);
    case 'appendEntries':
      return receiveAppendEntries(draft, from, requestId, message);
    case 'requestVoteResponse':
    case 'preVoteResponse':
      return receiveVoteResponse(draft, from, requestId, message);
    case 'appendEntriesResponse':
      return receiveAppendEntriesResponse(draft, from, requestId, message);
    case 'timeoutNow':
      return receiveTimeoutNow(draft, from, requestId, message);
    case 'timeoutNowResponse':
      return receiveTimeoutNowResponse(draft, message);
    default:
      return assertNever(message, 'message');
  }
}

/** From this term on, terms are scarce: half of all that a safe integer can hold are used. */
const SCARCE_TERM_MIN = 2 ** 52;

/** As far as terms may rise at a time where they are scarce: a flood of requests needs years to use up the rest. */
const SCARCE_TERM_JUMP_MAX = 1024;

/** Whether a message would use up the terms, at one stroke or with others like it (trap 40). */
function exhaustsTerms(state: CoreState, message: Message): boolean {
  const term = message.type === 'preVote' ? message.nextTerm : message.term;
  const { termJumpMax } = state.options.limits;
  const jumpMax =
    state.currentTerm < SCARCE_TERM_MIN ? termJumpMax : Math.min(termJumpMax, SCARCE_TERM_JUMP_MAX);
  return term > state.currentTerm + jumpMax;
}

function refuse(draft: Draft, to: NodeId, requestId: number, request: Request): void {
  const term = draft.state.currentTerm;
  switch (request.type) {
    case 'requestVote':
      return reply(draft, to, requestId, { type: 'requestVoteResponse', term, voteGranted: false });
    case 'preVote':
      return reply(draft, to, requestId, { type: 'preVoteResponse', term, voteGranted: false });
    case 'appendEntries':
      return reply(draft, to, requestId, { type: 'appendEntriesResponse', term, success: false });
    case 'timeoutNow':
      return reply(draft, to, requestId, { type: 'timeoutNowResponse', term });
    default:
      return assertNever(request, 'request');
  }
}

/** A write has reached the disk: what it promised counts now. */
function receivePersisted(draft: Draft, sequence: number): void {
  const { state } = draft;
  for (;;) {
    const pending = state.pendingPersists[0];
    if (pending === undefined || pending.sequence > sequence) break;
    state.pendingPersists.shift();
    if (pending.lastIndex > state.durableIndex) state.durableIndex = logIndex(pending.lastIndex);
  }
  countOwnVote(draft, sequence);
  advanceCommitIndex(draft);
  advanceChange(draft);
}

/** §5.1: a newer term in any message shows that this node is behind. Otherwise the target's candidacy is the answer. */
function receiveTimeoutNowResponse(draft: Draft, response: TimeoutNowResponse): void {
  if (response.term > draft.state.currentTerm) becomeFollower(draft, response.term, null, 'newer-term');
}

function receiveDialect(draft: Draft, peer: NodeId, dialect: Dialect): void {
  draft.state.dialects.set(peer, dialect);
}
