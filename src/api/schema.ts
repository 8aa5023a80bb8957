/**
 * `GET /raft/status`: one node's view of itself. Indexes and terms are numbers, ids are strings. Fields may be added;
 * those that are here keep their meaning.
 */
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
  /**
   * The log time in milliseconds, as far as this node has applied it: what a client names to open a session. Null where
   * sessions cannot be used: a member speaks the original's protocol only.
   */
  readonly logTimeMs: number | null;
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
