import type { LogIndex, NodeId, Term } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';

/** RequestVote (§5.2, figure 2): a candidate asks for a vote in its term. */
export interface RequestVote {
  readonly type: 'requestVote';
  readonly term: Term;
  readonly candidateId: NodeId;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** The leader itself wanted this election (dissertation 3.10): that it is heard of does not speak against it. */
  readonly isTransfer: boolean;
}

export interface RequestVoteResponse {
  readonly type: 'requestVoteResponse';
  readonly term: Term;
  readonly voteGranted: boolean;
}

/**
 * PreVote (dissertation 9.6): would the receiver vote in `nextTerm`? Nobody's term changes by asking.
 */
export interface PreVote {
  readonly type: 'preVote';
  /** The term in which the sender would campaign: its current term plus one. */
  readonly nextTerm: Term;
  readonly candidateId: NodeId;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

export interface PreVoteResponse {
  readonly type: 'preVoteResponse';
  /** The responder's current term. */
  readonly term: Term;
  readonly voteGranted: boolean;
  /**
   * The index of a committed configuration that is without the sender of the request, and that the sender does not have:
   * it was removed, and nobody could tell it. Absent otherwise.
   */
  readonly removedAt?: LogIndex;
}

/** AppendEntries (§5.3, figure 2). Without entries it is a heartbeat. */
export interface AppendEntries {
  readonly type: 'appendEntries';
  readonly term: Term;
  readonly leaderId: NodeId;
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
}

export interface AppendEntriesResponse {
  readonly type: 'appendEntriesResponse';
  readonly term: Term;
  readonly success: boolean;
  /** Where the logs part, so that the leader need not back up one index a round (§5.3). Only in refusals of our own nodes. */
  readonly conflict?: Conflict;
}

/** The follower's hint in a refusal. */
export interface Conflict {
  /** The first index that the follower holds in `term`; without a term, the index after its last. */
  readonly index: LogIndex;
  /** The term of the follower's entry at prevLogIndex; absent where its log is too short. */
  readonly term?: Term;
}

/** TimeoutNow (dissertation 3.10): the receiver, whose log is complete, is to stand for election at once. */
export interface TimeoutNow {
  readonly type: 'timeoutNow';
  readonly term: Term;
  readonly leaderId: NodeId;
}

/** Says no more than that the request has come. */
export interface TimeoutNowResponse {
  readonly type: 'timeoutNowResponse';
  readonly term: Term;
}

export type Request = RequestVote | PreVote | AppendEntries | TimeoutNow;
export type Response = RequestVoteResponse | PreVoteResponse | AppendEntriesResponse | TimeoutNowResponse;
export type Message = Request | Response;

/**
 * A message on its way. The sender of a request chooses `requestId`, the response echoes it, and it alone matches the
 * two: replies are never matched by their order.
 */
export interface Envelope<M extends Message = Message> {
  readonly requestId: number;
  readonly message: M;
}

export function isRequest(message: Message): message is Request {
  switch (message.type) {
    case 'requestVote':
    case 'preVote':
    case 'appendEntries':
    case 'timeoutNow':
      return true;
    case 'requestVoteResponse':
    case 'preVoteResponse':
    case 'appendEntriesResponse':
    case 'timeoutNowResponse':
      return false;
  }
}
