import type { NodeId } from '../lib/brands.ts';
import type { CommandResult, MembershipRequest, MembershipResult, TransferResult } from '../raft/ports.ts';
import type { Consistency } from '../raft/service.ts';
import type { NodeStatus, WatchEvent } from './schema.ts';
import type { ServerReport } from './survey.ts';
import type { WatchOptions } from './watch.ts';

export interface ClientOptions {
  /** Base URLs of nodes of one cluster, at least one. More than one, so that the client can go on without a node. */
  readonly servers: readonly string[];
  /** Each call ends within this time, in milliseconds; `CLIENT_TIMEOUT_MS` unless given. */
  readonly timeoutMs?: number;
  /** False: every command is sent without a session, and at most once. */
  readonly session?: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** In milliseconds; the client's unless given. */
  readonly timeoutMs?: number;
}

export interface QueryOptions extends CallOptions {
  /** `linearizable` unless given. A stale read is answered by the first server of the list that answers at all. */
  readonly consistency?: Consistency;
}

/** The leader of a cluster, as it says itself. */
export interface Leader {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly term: number;
}

/** A client of a cluster. It finds the leader, and goes on with another server as long as certainly nothing was done. */
export interface RaftClient {
  /**
   * Has a command replicated, and gives the machine's answer. It is sent again until there is an answer or time is up,
   * and applied once: all commands of a client are in one session, which it opens with the first. Where sessions cannot
   * be used, because a member is the original's, it is sent at most once.
   *
   * Errors: `no-leader`, `unreachable`, `too-many` and `stopping` where it certainly was not done; `outcome-unknown`
   * where bytes have left and no answer came, and `session-expired` where the cluster does not know any more; and what
   * the cluster itself answers (`too-large`, `bad-request`).
   */
  command(command: Uint8Array, options?: CallOptions): Promise<CommandResult>;
  /** Asks the machine. Errors: `machine-error` where it does not understand, `no-leader`, `unreachable`. */
  query(query: Uint8Array, options?: QueryOptions): Promise<Uint8Array>;
  /** One server's own view. Errors: `unreachable`, and what it answers. */
  status(server: string, options?: CallOptions): Promise<NodeStatus>;
  /** What every server says, in the order of the list: works without a leader. Never rejects. */
  statusAll(): Promise<readonly ServerReport[]>;
  /**
   * Changes the members of the cluster, whoever leads. Within `CHANGE_TIMEOUT_MS` unless told otherwise. Errors are those
   * of `RaftService.changeConfiguration`.
   */
  changeConfiguration(request: MembershipRequest, options?: CallOptions): Promise<MembershipResult>;
  /** Hands leadership over, to `target` or to whoever is fit best. Errors: those of `RaftService.transferLeadership`. */
  transferLeadership(target: NodeId | null, options?: CallOptions): Promise<TransferResult>;
  /** Errors: `no-leader`, `unreachable`. */
  leader(options?: CallOptions): Promise<Leader>;
  /**
   * Follows the changes of a key, or of all keys with a prefix: each once, in the order of the log, none missed. It goes
   * on at another server when one fails, knows of no leader or falls behind, and ends by its signal or by `close`.
   * Errors: `usage`; `compacted` where no server has the changes from `from` on any more; `unsupported` where the
   * cluster's machine cannot be watched; before the first word of a server also `unreachable` and `no-leader`.
   */
  watch(options: WatchOptions): AsyncIterable<WatchEvent>;
  /** Ends the connections that were kept open, and all watches. */
  close(): void;
}
