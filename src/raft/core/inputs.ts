import type { LogIndex, NodeId } from '../../lib/brands.ts';
import type { Member } from '../../lib/configuration.ts';
import type { Entry } from '../../lib/entry.ts';
import type { Message } from './messages.ts';

/** What a peer speaks: our extensions, or only the original's protocol. */
export type Dialect = 'extended' | 'original';

/** Everything that can happen to the core. It knows of nothing else: no clock, no socket, no disk. */
export type Input =
  /** Monotonic time has passed. Stepped before whatever else was waiting. */
  | { readonly type: 'tick'; readonly elapsedMs: number }
  /** A message has come. `requestId` is the sender's for a request, and our own for a response. */
  | { readonly type: 'receive'; readonly from: NodeId; readonly requestId: number; readonly message: Message }
  /** Clients propose commands; they are appended as one batch. */
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[] }
  /** Clients ask for a linearizable read (§8; dissertation 6.4). */
  | { readonly type: 'readIndex'; readonly readIds: readonly number[] }
  /** Somebody asks for other members (§6). */
  | { readonly type: 'changeConfiguration'; readonly request: ChangeRequest }
  /** Somebody asks the leader to hand over: to `target`, or to whoever is fit best (dissertation 3.10). */
  | { readonly type: 'transferLeadership'; readonly transferId: number; readonly target: NodeId | null }
  /** Everything that was to be persisted up to and with this sequence number is durable. */
  | { readonly type: 'persisted'; readonly sequence: number }
  /** Entries from the log store that the core asked for: it no longer held them in its window. */
  | { readonly type: 'logRead'; readonly to: NodeId; readonly entries: readonly Entry[] }
  /** The transport could not deliver a request, or got no answer to it. A hint: nothing may be concluded from it. */
  | { readonly type: 'lost'; readonly to: NodeId; readonly requestId: number }
  /** The transport has found out what a peer speaks. */
  | { readonly type: 'dialect'; readonly peer: NodeId; readonly dialect: Dialect };

/** A client's command on its way into the log. */
export interface Proposal {
  readonly proposalId: number;
  /** The COMMAND bytes of the future entry, already wrapped where that is needed. */
  readonly command: Uint8Array;
}

/** The whole configuration that somebody wants, at least one voter, nobody twice. */
export interface ChangeRequest {
  readonly changeId: number;
  readonly voters: readonly Member[];
  readonly learners: readonly Member[];
  /** The index of the configuration that this one was made from; null where that does not matter. */
  readonly expectIndex: LogIndex | null;
  /** Also where too few of the new voters are heard of now. */
  readonly isForced: boolean;
}

/** Entries that the core needs from the log store for a peer that is far behind. */
export interface LogRead {
  readonly to: NodeId;
  readonly from: LogIndex;
  readonly bytesMax: number;
  readonly entriesMax: number;
}
