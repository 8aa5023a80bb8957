import type { LogIndex, NodeId, Term } from '../lib/brands.ts';
import type { Member } from '../lib/configuration.ts';
import type { Entry } from '../lib/entry.ts';
import type { SessionPlace } from '../lib/session-command.ts';
import type { LoggedConfiguration } from './core/configuration-log.ts';
import type { HardState, Persist } from './core/effects.ts';
import type { Dialect } from './core/inputs.ts';
import type { Envelope, Request, Response } from './core/messages.ts';

/**
 * Files, as storage sees them. Paths are relative to the node's data directory and use `/`. Nothing is durable before
 * the sync that stands for it: data before `fdatasync` of its file, a created, renamed or removed name before
 * `fsyncDir` of its directory. Failures are thrown as `RaftError` (`disk-full`, `not-permitted`, `disk-failed`), never retried here.
 */
export interface Disk {
  /** Opens a file for reading and writing; `create` makes it where it is missing. Undefined where there is none. */
  open(path: string, options: { readonly create: boolean }): Promise<DiskFile | undefined>;
  /** Replaces `to` by `from`, atomically. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Names in a directory, sorted; empty where the directory is missing. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes a directory where it is missing. */
  mkdir(directory: string): Promise<void>;
  /** Makes the names in a directory durable. */
  fsyncDir(directory: string): Promise<void>;
}

/** One open file. Positions and lengths are in bytes. */
export interface DiskFile {
  size(): Promise<number>;
  /** Up to `length` bytes from `position`; fewer at the end of the file. */
  pread(position: number, length: number): Promise<Uint8Array>;
  /** Writes all of `bytes` at `position`. */
  pwrite(position: number, bytes: Uint8Array): Promise<void>;
  /** Makes the file's content and size durable. A failure is final: the pages may be gone. */
  fdatasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** A run of entries of one term: from `firstIndex` to the next run. The term of any index follows from these. */
export interface TermRun {
  readonly firstIndex: LogIndex;
  readonly term: Term;
}

/** What a node finds on its disk when it starts. */
export interface Recovered {
  readonly hardState: HardState;
  readonly lastIndex: LogIndex;
  /** In order; empty where the log is empty. */
  readonly termRuns: readonly TermRun[];
  /** The configurations in the log, in the order of their indexes. */
  readonly configurations: readonly LoggedConfiguration[];
  /** Whether the first entry is none of this program's: its leaders begin a log with a no-op, and the original's do not. */
  readonly isBegunByOriginal: boolean;
  /** Known to be committed; at most `lastIndex`. 0 where that is not known. */
  readonly commitHint: LogIndex;
  /** What was mended on the way, for people: a torn tail that was cut, and where its bytes are kept. */
  readonly warnings: readonly string[];
}

/** The durable log and hard state of one node. */
export interface LogStore {
  /**
   * Makes a batch durable in the order of its fields. Called again only once the promise of the last call has
   * resolved. A rejection is final: the node stops.
   */
  persist(batch: Omit<Persist, 'sequence'>): Promise<void>;
  /** Entries from `from` on, at least one, until `bytesMax` of commands or `entriesMax`. Only entries persisted before. */
  read(from: LogIndex, bytesMax: number, entriesMax: number): Promise<readonly Entry[]>;
  /**
   * Notes how far the log is known to be committed. A hint: it may be lost, it is never too high. A rejection leaves the
   * store as good as it was: the next call tries again.
   */
  saveCommitHint(index: LogIndex): Promise<void>;
  /** Ends cleanly: cuts what was filled ahead. */
  close(): Promise<void>;
}

/** Where the members of the cluster are. */
export interface PeerAddress {
  readonly id: NodeId;
  /** Base URL, without a trailing slash; undefined for a peer in this process. */
  readonly url: string | undefined;
}

/**
 * Why two nodes do not work together: `foreign` where the peer is of another cluster or says that it has our own id,
 * `refused` where it is of our cluster and does not listen to this node, `forgotten` where it is the leader, and knows
 * this node with the data that it had before, `twin` where it is another process under this node's id, on a copy of its
 * data, that answers where the others look for this node.
 */
export type MismatchKind = 'foreign' | 'refused' | 'forgotten' | 'twin';

/** What a transport does with what it receives. */
export interface TransportHandlers {
  /** A peer's request; `reply` is called at most once, with the response to it. */
  request(from: NodeId, message: Request, reply: (response: Response) => void): void;
  /** The response to a request that this node sent as `requestId`. */
  response(from: NodeId, requestId: number, response: Response): void;
  /** A request could not be delivered, or nothing valid came back in time. A hint, so that it can be sent again soon. */
  lost(to: NodeId, requestId: number): void;
  /** What a peer speaks has become known. */
  dialect(peer: NodeId, dialect: Dialect): void;
  /**
   * What answers at a peer's address shows that one of the two was set up wrongly, or has lost its data: said for
   * people, and for a node without a log to stop (78). `reason` is a clause without a full stop.
   */
  mismatch(peer: NodeId, reason: string, kind: MismatchKind): void;
}

/**
 * One-way messages between nodes. `send` never throws and never waits: what cannot be delivered is lost, as on any
 * network.
 */
export interface Transport {
  start(handlers: TransportHandlers): void;
  send(to: NodeId, envelope: Envelope<Request>): void;
  /** Resolves once nothing is under way any more. */
  stop(): Promise<void>;
}

/** Who a node is, as its disk says. */
export interface Self {
  readonly id: NodeId;
  /** Nodes of one cluster share it; messages of another cluster are refused. */
  readonly clusterId: string;
  /** Random, made with the data directory: a node that comes back without its data has another one. */
  readonly incarnation: string;
}

/** Where a log ends: its last entry, 0 and 0 where it is empty. */
export interface LogPosition {
  readonly term: Term;
  readonly index: LogIndex;
}

/** Whom a node has to do with. */
export interface KnownMembers {
  /** The members of the configuration in force. */
  readonly inForce: readonly Member[];
  /** These, and those that the change under way, or the last one, leaves out: they are to be told. */
  readonly all: readonly Member[];
}

/** Which data directory each peer had when this node got its first answer: it outlives the process. */
export interface PeerMemory {
  recall(peer: NodeId): string | undefined;
  remember(peer: NodeId, incarnation: string): void;
  /** Forgets all others. */
  retain(peers: ReadonlySet<NodeId>): void;
}

/** What connects a node to the others. It is opened once the node knows who it is. */
export interface Network {
  open(self: Self, members: KnownMembers, memory: PeerMemory): Promise<Connection>;
  /** Ends all connections, also before `open`. */
  close(): Promise<void>;
}

/** An open network: messages to peers, and clients' requests to the leader. */
export interface Connection {
  readonly transport: Transport;
  readonly forward: Forward;
  /** Other members than before: connects with them, and ends what connected with those that are none any more. */
  setMembers(members: KnownMembers): void;
  /**
   * Asks what answers at an address who it is. Errors: `unreachable`; `configuration` where it is no node;
   * `unsupported` where it is a node of the original, which does not introduce itself.
   */
  identify(address: PeerAddress): Promise<Self>;
}

/** What a node finds when it opens its storage. */
export interface OpenedStore {
  readonly store: LogStore;
  readonly recovered: Recovered;
  readonly self: Self;
  readonly peerMemory: PeerMemory;
  /** The initial configuration, as the data directory was made with it; empty where the node is to join a cluster. */
  readonly members: readonly PeerAddress[];
}

/** The machine's answer to a command, as the leader gave it: in a session, the answer to its first copy. */
export interface CommandResult {
  /** Undefined where the leader is the original's, which does not tell. */
  readonly index: LogIndex | undefined;
  readonly term: Term | undefined;
  readonly response: Uint8Array;
}

/** A client's command, and where it stands in the client's session, if it is in one. */
export interface ClientCommand {
  readonly command: Uint8Array;
  readonly place: SessionPlace | undefined;
}

/** How a follower passes a client's request on to the leader. Throws a `RaftError`. */
export interface Forward {
  command(leader: NodeId, command: ClientCommand, signal: AbortSignal): Promise<CommandResult>;
  query(leader: NodeId, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  changeConfiguration(
    leader: NodeId,
    request: MembershipRequest,
    signal: AbortSignal,
  ): Promise<MembershipResult>;
  transferLeadership(leader: NodeId, target: NodeId | null, signal: AbortSignal): Promise<TransferResult>;
}

/** The whole membership that somebody wants. */
export interface MembershipRequest {
  readonly voters: readonly PeerAddress[];
  readonly learners: readonly PeerAddress[];
  /** The index of the configuration that this one was made from; null where that does not matter. */
  readonly expectIndex: LogIndex | null;
  /** Also where too few of the new voters are heard of now. */
  readonly isForced: boolean;
}

/** A change of members that is done: the index of the configuration's entry, which is committed. */
export interface MembershipResult {
  readonly index: LogIndex;
}

/** Who leads after a transfer. */
export interface TransferResult {
  readonly leaderId: NodeId;
}

/** A clock that never goes back, and timers on it. */
export interface Clock {
  /** Milliseconds since some point in the past, with fractions. */
  nowMs(): number;
  /** Calls `callback` after at least `delayMs`; the function that is returned cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls `callback` soon, after the input and output that is ready now: one batch collects what comes together. */
  soon(callback: () => void): void;
}

/**
 * A deterministic program whose commands are replicated (§2). Calls never overlap.
 */
export interface StateMachine {
  /** The last changes, where the machine can be watched. A machine without it answers a watch with `unsupported`. */
  readonly changes?: ChangeHistory;
  /** Applies one committed command (the original's ApplyFunc). A command it does not like is answered, never thrown. */
  apply(index: LogIndex, command: Uint8Array): Uint8Array;
  /** Answers a read and changes nothing. Throws a `RaftError` (`machine-error`) where it does not understand it. */
  query(query: Uint8Array): Uint8Array;
  /** The whole state as bytes. */
  snapshot(): Uint8Array;
  /** Replaces the state by one that `snapshot` gave. */
  restore(snapshot: Uint8Array): void;
}

/** What one command changed in a machine that has keys. */
export type Change =
  | { readonly index: LogIndex; readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly index: LogIndex; readonly type: 'delete'; readonly key: string; readonly value: null };

/** Which changes somebody wants to see: those of one key, or of all keys that begin with a prefix. */
export type ChangeSelector =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'prefix'; readonly prefix: string };

/** A part of a history. */
export interface ChangePage {
  /** In the order of the log; no index twice, because an entry is one command and that changes one key at most. */
  readonly changes: readonly Change[];
  /** The index from which on there is more to look at, or undefined where this was all that there is. */
  readonly next: LogIndex | undefined;
}

/**
 * The last changes of a machine, for those who watch it. It is no part of the machine's state: a snapshot does not hold
 * it, no answer depends on it, and how much of it a node has is the node's own affair.
 */
export interface ChangeHistory {
  /** Of this index and all later ones every change is here. */
  readonly oldestIndex: LogIndex;
  /** The changes at `from` and later that `selector` names, up to a page. */
  read(from: LogIndex, selector: ChangeSelector): ChangePage;
}

/** Who a process is: a pid alone is used again by another process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The kernel's start time of the process, as it gives it. */
  readonly startTime: string;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
}

/** The processes of this machine. */
export interface ProcessTable {
  self(): ProcessIdentity;
  /** The process with this pid, or undefined where there is none. */
  find(pid: number): ProcessIdentity | undefined;
}

/** Sentences for whoever watches a node. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}
