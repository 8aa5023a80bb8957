import type { ErrorBody } from '../http/error-body.ts';

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
   * sessions cannot be used: a member speaks the original's protocol only, or may do so for all that the leader knows.
   */
  readonly logTimeMs: number | null;
  readonly machine: string;
  readonly members: readonly MemberStatus[];
  readonly configuration: ConfigurationStatus;
}

/** One member of the configuration. `isHeard` and `matchIndex` are known on the leader alone, and else null. */
export interface MemberStatus {
  readonly id: string;
  readonly url: string | null;
  /** `joining` votes in C_new alone, `leaving` in C_old alone. */
  readonly part: 'voter' | 'learner' | 'joining' | 'leaving';
  /** Whether it was heard of within the last election timeout. */
  readonly isHeard: boolean | null;
  readonly matchIndex: number | null;
  /** What it speaks, as far as this node knows. */
  readonly dialect: 'extended' | 'original' | null;
  /** Which data directory it is known by: as the configuration names it, else as it answered first; null where it never did. */
  readonly incarnation: string | null;
  /** Whether it may be a node of the original: that began the log, and this node has never met the member. */
  readonly mayBeOriginal: boolean;
}

/** The configuration that the node goes by (§6). */
export interface ConfigurationStatus {
  /** Of its entry; 0 for the one that the cluster was made with. */
  readonly index: number;
  /**
   * `stable`; `adjusting` while learners are added or removed; `catching-up` while new voters are given the log; `joint`
   * while C_old,new is in force; `new` until C_new is committed.
   */
  readonly phase: 'stable' | 'adjusting' | 'catching-up' | 'joint' | 'new';
  /** The ids of those whom the phase waits for; known on the leader alone. */
  readonly waitsFor: readonly string[];
}

/**
 * A line of `GET /raft/watch`. Lines with a `type` that a client does not know are to be passed over: there may be more
 * in later versions.
 */
export type WatchLine = WatchEvent | WatchHeartbeatLine | WatchErrorLine;

/** A change of a key. `index` is that of the log entry that made it; no two changes have the same. */
export type WatchEvent =
  | { readonly type: 'put'; readonly index: number; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly index: number; readonly key: string; readonly value: null };

/** The node lives. All changes up to and with `index` have been told; a watch that goes on elsewhere begins after it. */
export interface WatchHeartbeatLine {
  readonly type: 'heartbeat';
  readonly index: number;
  /** Null where the node knows of no leader, and may be behind the others without knowing it. */
  readonly leaderId: string | null;
  /** The addresses of the members: where the watch can go on when those that the reader knew are gone. */
  readonly members: readonly string[];
}

/** The last line of a watch that the node ends: `compacted` where the reader was too slow, or `stopping`. */
export interface WatchErrorLine extends ErrorBody {
  readonly type: 'error';
}
