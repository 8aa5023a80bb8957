import type { LogIndex, NodeId, Term } from '../../lib/brands.ts';
import type { Configuration, Member } from '../../lib/configuration.ts';
import type { Entry } from '../../lib/entry.ts';
import type { LogRead } from './inputs.ts';
import type { Message } from './messages.ts';

/** What a node keeps besides its log (paper, figure 2: persistent state on all servers). */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
  /**
   * The node cut a frame that it may once have acknowledged: until a leader has carried its log past this index, it
   * neither votes nor campaigns. 0 where nothing was cut.
   */
  readonly abstainThrough: LogIndex;
}

/** A message and where it goes. */
export interface Outgoing {
  readonly to: NodeId;
  readonly requestId: number;
  readonly message: Message;
}

/** What must be durable, in this order: hard state, then truncation, then the appended entries. */
export interface Persist {
  /** Rises by one with every persist; `persisted` answers with it. */
  readonly sequence: number;
  readonly hardState?: HardState;
  /** Entries from this index on go before `entries` are appended. */
  readonly truncateFrom?: LogIndex;
  readonly entries: readonly Entry[];
}

/** Why a proposal or a read was turned down. In each case it certainly was not and will not be done. */
export type RejectReason = 'not-leader' | 'overwritten' | 'too-many' | 'original-member';

/** Why a proposal was turned down. */
export type ProposalRefusal =
  | { readonly reason: RejectReason }
  /** These members may be nodes of the original, which would apply our mark like any command. */
  | { readonly reason: 'unmet-member'; readonly unmet: readonly NodeId[] };

/** Why a change of members was turned down. In each case the configuration is what it was. */
export type ChangeRefusal =
  | { readonly reason: 'not-leader' | 'change-in-progress' | 'original-member' }
  /** These members may be nodes of the original, and the change would not only take them out. */
  | { readonly reason: 'unmet-member'; readonly unmet: readonly NodeId[] }
  /** The configuration is not the one that whoever asked had seen. */
  | { readonly reason: 'expectation-failed'; readonly index: LogIndex }
  /** Too few of the new voters are heard of now: the change would take the quorum away. */
  | { readonly reason: 'quorum-at-risk'; readonly silent: readonly NodeId[]; readonly quorum: number }
  /** A new voter did not get the log in time. */
  | { readonly reason: 'catch-up-failed'; readonly behind: readonly NodeId[] };

/** Why leadership was not handed over; this node leads on, or somebody else does by chance. */
export type TransferRefusal =
  | 'not-leader'
  | 'transfer-in-progress'
  /** The node that was named does not vote, or knows no TimeoutNow; or none was named, and no such voter is heard of. */
  | 'no-such-voter'
  /** The target did not take over in time. */
  | 'timed-out';

/** A decision on what a client asked for. */
export type Outcome =
  /** The new configuration is committed; `index` is that of its entry. */
  | { readonly type: 'changed'; readonly changeId: number; readonly index: LogIndex }
  | ({ readonly type: 'changeRejected'; readonly changeId: number } & ChangeRefusal)
  /**
   * This node stopped leading on the way. A next leader that has C_old,new or C_new in its log finishes the change;
   * another leaves the members as they are, learners that were added for the change among them.
   */
  | { readonly type: 'changeUnknown'; readonly changeId: number }
  | { readonly type: 'transferred'; readonly transferId: number; readonly leaderId: NodeId }
  | {
      readonly type: 'transferRejected';
      readonly transferId: number;
      readonly reason: TransferRefusal;
    }
  | { readonly type: 'committed'; readonly proposalId: number; readonly index: LogIndex; readonly term: Term }
  | ({ readonly type: 'rejected'; readonly proposalId: number } & ProposalRefusal)
  /** It may or may not be done: the node lost its majority after it had appended the entry. */
  | { readonly type: 'unknown'; readonly proposalId: number }
  /** The read may be answered once the machine has applied `readIndex`. */
  | { readonly type: 'readReady'; readonly readId: number; readonly readIndex: LogIndex }
  | { readonly type: 'readRejected'; readonly readId: number; readonly reason: RejectReason };

/**
 * What one step wants done. The order of the fields is the safety contract:
 *
 * 1. `sendBeforePersist` goes at once: a leader's AppendEntries, in parallel with its own disk write (dissertation
 *    10.2.1). Where the same batch changes hard state, even these wait for it.
 * 2. `persist` becomes durable: hard state, truncation, appended entries.
 * 3. `sendAfterPersist` goes once this persist and every earlier one is durable, also where this step writes nothing:
 *    votes and acknowledgements promise what is on disk.
 * 4. `commitIndex` tells how far entries may be applied; all of them are durable here.
 * 5. `outcomes` decide proposals and reads.
 */
export interface Effects {
  readonly sendBeforePersist: readonly Outgoing[];
  readonly persist: Persist | null;
  readonly sendAfterPersist: readonly Outgoing[];
  /** Set where it moved: entries up to and with it are committed and durable on this node. */
  readonly commitIndex: LogIndex | null;
  readonly outcomes: readonly Outcome[];
  /** Entries wanted from the log store, to be answered with a `logRead` input. */
  readonly logReads: readonly LogRead[];
  /** What happened, for people: role changes and why. */
  readonly events: readonly CoreEvent[];
  /** Set where the node must stop before it acknowledges anything more. */
  readonly halt: Halt | null;
}

/** Why a node cannot go on: going on would be a guess. */
export interface Halt {
  readonly reason: 'unknown-entry-kind';
  readonly message: string;
}

/** What a person who watches the node would want to know. */
export type CoreEvent =
  | { readonly type: 'role'; readonly role: Role; readonly term: Term; readonly reason: string }
  | { readonly type: 'leader'; readonly leaderId: NodeId; readonly term: Term }
  | { readonly type: 'caughtUp'; readonly index: LogIndex }
  /** Another configuration is in force: the node is to be connected with these members. */
  | {
      readonly type: 'configuration';
      readonly index: LogIndex;
      readonly configuration: Configuration;
      /** Also those that a change under way, or the last one, leaves out. */
      readonly members: readonly Member[];
    }
  /** The configuration at `index`, which is committed, is without this node: it has nothing more to do. */
  | { readonly type: 'removed'; readonly index: LogIndex };

/** Figure 4 of the paper, with the pre-candidate of dissertation 9.6. */
export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';
