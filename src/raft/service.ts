import type { LogIndex, NodeId, Term } from '../lib/brands.ts';
import type { LeaderHint } from '../lib/errors.ts';
import type { SessionPlace } from '../lib/session-command.ts';
import type { Role } from './core/effects.ts';
import type { Dialect } from './core/inputs.ts';
import type {
  Change,
  ChangeSelector,
  CommandResult,
  MembershipRequest,
  MembershipResult,
  TransferResult,
} from './ports.ts';

/** How fresh an answer to a query has to be. */
export type Consistency =
  /** As if all operations happened one after the other: confirmed with a majority (§8). */
  | 'linearizable'
  /** What this node has applied, whoever leads. */
  | 'stale';

export interface RequestOptions {
  /** Ends the waiting; a command that was appended may still be committed. */
  readonly signal?: AbortSignal;
  /** At most this long, in milliseconds; `REQUEST_TIMEOUT_MS` unless given. */
  readonly timeoutMs?: number;
  /** The request has been forwarded once: where this node is not the leader either, that is `no-leader`. */
  readonly forwarded?: boolean;
}

export interface CommandOptions extends RequestOptions {
  /** Where the command stands in its client's session: it is applied once, however often it comes with this place. */
  readonly place?: SessionPlace | undefined;
}

/** What a node offers to its users: the `Server`, as routes and tests see it. */
export interface RaftService {
  readonly id: NodeId;
  /**
   * Replicates a command and answers with what the machine said to it. Errors: `no-leader`, `too-large`, `too-many`,
   * `bad-request` (an empty command) where it certainly was not done; `outcome-unknown` where it may have been. In a
   * session also `unsupported` while it cannot be used, and `session-expired`: this try was not applied, an earlier one
   * may have been.
   */
  command(command: Uint8Array, options?: CommandOptions): Promise<CommandResult>;
  /** Asks the machine without writing to the log. */
  query(query: Uint8Array, consistency: Consistency, options?: RequestOptions): Promise<Uint8Array>;
  /**
   * Follows the changes of the machine, each once and in the order of the log. Any node that has applied as far as
   * `from` can serve it; one that has not yet, waits. Errors: `unsupported` where the machine cannot be watched,
   * `compacted` where the history begins later than `from`, `too-many`, and `not-leader` or `no-leader` where `from` is
   * left out and this node does not lead.
   */
  watch(selector: ChangeSelector, options?: OpenWatchOptions): Promise<Watch>;
  /**
   * Changes the members of the cluster, in one step (§6). Where it throws, the configuration is what it was: `usage`,
   * `no-leader`, `too-many` (another change is under way), `answered-no` (not the configuration that was expected),
   * `quorum-at-risk`, `unreachable` (a new node does not answer, or does not catch up), `configuration` (a new node is of
   * another cluster, or no node), `unsupported` (a node of the original is concerned); and `outcome-unknown` where the
   * leader went on the way.
   */
  changeConfiguration(request: MembershipRequest, options?: RequestOptions): Promise<MembershipResult>;
  /**
   * Hands leadership over, to `target` or to whoever is fit best (dissertation 3.10). Errors: `no-leader`, `usage`
   * (`target` does not vote), `unreachable` (it did not take over; the leader leads on).
   */
  transferLeadership(target: NodeId | null, options?: RequestOptions): Promise<TransferResult>;
  status(): ServiceStatus;
}

export interface OpenWatchOptions extends RequestOptions {
  /**
   * The first index whose change is to be told. Left out, the watch begins after everything that was acknowledged
   * before the call.
   */
  readonly from?: LogIndex;
}

/** A watch that is open. It takes room on its node until it is closed. */
export interface Watch {
  /**
   * What has happened since the last call: at once the first time, then when there is something, or after
   * `WATCH_HEARTBEAT_MS`. Undefined once it is closed. Errors: `compacted` where the reader was so slow that the history
   * has gone past him, `stopping`. Called again only once it has answered.
   */
  next(): Promise<WatchNews | undefined>;
  close(): void;
}

export interface WatchNews {
  readonly changes: readonly Change[];
  /** Up to and with this index everything has been told: a watch that goes on elsewhere begins after it. */
  readonly index: LogIndex;
  /** Undefined where the node knows of no leader, and what it has applied may be old. */
  readonly leader: LeaderHint | undefined;
}

/** One node's view of itself and its cluster. */
export interface ServiceStatus {
  readonly id: NodeId;
  readonly name: string;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: NodeId | null;
  readonly leaderId: NodeId | null;
  readonly leaderUrl: string | null;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  /** The log time in milliseconds, as far as this node has applied it; null where sessions cannot be used. */
  readonly logTimeMs: number | null;
  readonly members: readonly ServiceMember[];
  readonly configuration: ServiceConfiguration;
}

/** The configuration that a node goes by (§6), and what is being done about it. */
export interface ServiceConfiguration {
  /** Of its entry; 0 for the one that the cluster was made with. */
  readonly index: LogIndex;
  readonly phase: ConfigurationPhase;
  /** Whom the phase waits for; known on the leader alone. */
  readonly waitsFor: readonly NodeId[];
}

export type ConfigurationPhase =
  /** It is committed, and nobody has asked for another one. */
  | 'stable'
  /** Learners are added or removed, or addresses changed: not committed yet. */
  | 'adjusting'
  /** New voters are learners, and are given the log. Known on the leader alone. */
  | 'catching-up'
  /** C_old,new: two majorities decide. */
  | 'joint'
  /** C_new is in force, and not committed yet. */
  | 'new';

export interface ServiceMember {
  readonly id: NodeId;
  readonly url: string | null;
  readonly part: MemberPart;
  /** Whether it was heard of within the last election timeout. Known on the leader alone. */
  readonly isHeard: boolean | null;
  /** Known on the leader alone. */
  readonly matchIndex: LogIndex | null;
  readonly dialect: Dialect | null;
  /** Which data directory it is known by; null where this node has never met it. */
  readonly incarnation: string | null;
  /** Whether it may be a node of the original for all that this node knows: that began the log, and nobody has met it. */
  readonly mayBeOriginal: boolean;
}

/** A member's part in the configuration: `joining` votes in C_new alone, `leaving` in C_old alone. */
export type MemberPart = 'voter' | 'learner' | 'joining' | 'leaving';
