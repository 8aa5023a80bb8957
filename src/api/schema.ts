import type { RaftErrorCode } from '../lib/errors.ts';

/**
 * What our nodes and their users say to each other over HTTP, beside the original's paths. Fields may be added; those
 * that are here keep their meaning.
 */
export const PATHS = {
  id: '/raft/id',
  requestVote: '/raft/requestvote',
  appendEntries: '/raft/appendentries',
  command: '/raft/command',
  setConfiguration: '/raft/setconfiguration',
  preVote: '/raft/prevote',
  query: '/raft/query',
  status: '/raft/status',
  live: '/livez',
  ready: '/readyz',
} as const;

export const HEADERS = {
  /** Index and term of the entry that a command became, in the answer to `POST /raft/command`. */
  index: 'raft-index',
  term: 'raft-term',
  /** Set on a request that a follower forwarded: it is not forwarded again. */
  forwarded: 'raft-forwarded',
  /** The sender's cluster, id and incarnation, on every request between our own nodes. */
  clusterId: 'raft-cluster-id',
  nodeId: 'raft-node-id',
  incarnation: 'raft-incarnation',
} as const;

/** `GET /raft/status`: one node's view of itself. Indexes and terms are numbers, ids are strings. */
export interface NodeStatus {
  readonly id: string;
  readonly name: string;
  readonly clusterId: string;
  readonly incarnation: string;
  readonly version: string;
  readonly pid: number;
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader';
  readonly term: number;
  readonly votedFor: string | null;
  readonly leaderId: string | null;
  readonly leaderUrl: string | null;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly machine: string;
  readonly members: readonly MemberStatus[];
}

/** One member of the configuration. `matchIndex` and `dialect` are known on the leader alone, and else null. */
export interface MemberStatus {
  readonly id: string;
  readonly url: string | null;
  readonly matchIndex: number | null;
  readonly dialect: 'extended' | 'original' | null;
}

/** The body of every response that is no success, on the users' paths. */
export interface ErrorBody {
  readonly error: {
    readonly code: RaftErrorCode;
    readonly message: string;
    readonly suggestions: readonly string[];
    readonly leader?: { readonly id: string; readonly url?: string };
  };
}
