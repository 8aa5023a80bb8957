import type { LogIndex, NodeId } from '../../lib/brands.ts';
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

/** Entries that the core needs from the log store for a peer that is far behind. */
export interface LogRead {
  readonly to: NodeId;
  readonly from: LogIndex;
  readonly bytesMax: number;
  readonly entriesMax: number;
}
