import { assert } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex, type NodeId, type Term } from '../../lib/brands.ts';
import { type Configuration, type Member, membersOf } from '../../lib/configuration.ts';
import { createPrng, nextInteger, type Prng } from '../../lib/prng.ts';
import type { MembershipChange } from './change.ts';
import { contains } from './configuration.ts';
import type { LoggedConfiguration } from './configuration-log.ts';
import type { HardState, Role } from './effects.ts';
import type { Dialect, Proposal } from './inputs.ts';
import { type CoreLog, createLog, lastTerm, type Run } from './log.ts';

/** What a core is made with. Times are in milliseconds. */
export interface CoreOptions {
  readonly id: NodeId;
  /** Of this node's data directory: tells this node from an earlier one of the same id. */
  readonly incarnation: string;
  /** What the node was made with: the initial members, or nobody where it is to join a cluster that runs. */
  readonly configuration: Configuration;
  /** Decides every random choice of this core. */
  readonly seed: number | string;
  /** §5.2: an election timeout is drawn anew each time from this range, both ends included. */
  readonly electionTimeoutMsMin: number;
  readonly electionTimeoutMsMax: number;
  readonly heartbeatMs: number;
  /** A request without an answer is forgotten after this. */
  readonly requestTimeoutMs: number;
  /** AppendEntries with entries under way to one peer at a time. */
  readonly appendsInFlightMax: number;
  /** The first request's id; drawn anew by each process, so that no answer to an earlier one is taken for its own. */
  readonly firstRequestId: number;
  readonly limits: CoreLimits;
}

export interface CoreLimits {
  readonly appendBytesMax: number;
  readonly appendEntriesMax: number;
  readonly windowBytesMax: number;
  readonly pendingProposalsMax: number;
  readonly pendingProposalBytesMax: number;
  readonly pendingReadsMax: number;
  /** A term that is higher than ours by more than this is refused: nothing from outside may exhaust the terms. */
  readonly termJumpMax: number;
}

/** What a core starts from: what its disk holds. */
export interface CoreRestored {
  readonly hardState: HardState;
  readonly lastIndex: LogIndex;
  readonly termRuns: readonly Run[];
  /** Known to be committed. */
  readonly commitIndex: LogIndex;
  /** The configurations in the log, in the order of their indexes. */
  readonly configurations: readonly LoggedConfiguration[];
  /** Whether the first entry of the log is none of this program's. */
  readonly isBegunByOriginal: boolean;
}

/** An AppendEntries that waits for its answer. */
export interface Flight {
  readonly prevLogIndex: LogIndex;
  /** prevLogIndex plus the number of its entries: what a success acknowledges. */
  readonly lastIndex: LogIndex;
  readonly sentAtMs: number;
  readonly isHeartbeat: boolean;
  /** What the request said is committed. */
  readonly leaderCommit: LogIndex;
  /** The peer had acknowledged prevLogIndex before this was sent: a conflict there means that it has lost entries. */
  readonly isPrevAcknowledged: boolean;
}

/** What the leader knows of a peer (figure 2: nextIndex[] and matchIndex[]). */
export interface Progress {
  nextIndex: LogIndex;
  /** Everything up to here is durable on the peer. */
  matchIndex: LogIndex;
  /** Everything up to here the peer knows to be committed. */
  toldCommitIndex: LogIndex;
  /** `probe`: where the logs meet is not known yet, so one request at a time finds out. `replicate`: entries flow. */
  mode: 'probe' | 'replicate';
  readonly flights: Map<number, Flight>;
  /** The highest request id that the peer has answered in this term: it still followed us when it was sent. */
  confirmedRequestId: number;
  /** When the last answered request was sent, or null where that is not known any more. */
  contactMs: number | null;
  lastSentMs: number;
  /** Nothing is sent before this: the last request was lost, and asking at once would only lose another. */
  pausedUntilMs: number;
  /** Entries for the peer were asked of the log store. */
  isReadingLog: boolean;
  /** The peer is no member any more: it is told so, and then left alone. Null for members. */
  leaving: Leaving | null;
}

/** A peer that the configuration in force leaves out. */
export interface Leaving {
  /** The entry that leaves it out. */
  readonly index: LogIndex;
  readonly sinceMs: number;
}

/** Votes of one election or pre-vote round. */
export interface Ballot {
  readonly requests: Map<number, NodeId>;
  readonly granted: Set<NodeId>;
  /** The persist that makes the vote for oneself count; null in a pre-vote, which promises nothing. */
  readonly ownVoteSequence: number | null;
  /** The leader wanted this election. */
  readonly isTransfer: boolean;
}

/** A proposal that waits for its entry to be committed or overwritten. Known by index and term (trap 20). */
export interface PendingProposal {
  readonly proposalId: number;
  readonly term: Term;
  readonly bytes: number;
}

/** Reads that one round of AppendEntries confirms together (dissertation 6.4). */
export interface ReadRound {
  readonly readIds: readonly number[];
  readonly readIndex: LogIndex;
  /** Requests with a higher id were sent after the reads had come. */
  readonly sentAfterRequestId: number;
}

/** The leader is about to hand over (dissertation 3.10). */
export interface Transfer {
  readonly transferId: number;
  readonly target: NodeId;
  /** After this the leader goes on as before. */
  readonly deadlineMs: number;
  /** When TimeoutNow was sent last; null while the target is still behind. */
  sentMs: number | null;
}

/** A persist that is under way. */
export interface PendingPersist {
  readonly sequence: number;
  /** When it was handed out, or when the process last woke up: a pause of the process is no fault of the disk. */
  sinceMs: number;
  /** What will be durable with it; lowered where a later step truncates (trap 34). */
  lastIndex: LogIndex;
}

/**
 * The whole state of the protocol, as plain data that the core alone changes. Names are those of the paper's figure 2
 * where it has them.
 */
export interface CoreState {
  readonly options: CoreOptions;
  readonly prng: Prng;

  /** The configuration in force: the latest of `configurations` (§6). */
  configuration: Configuration;
  /** What may still come into force again where the log is truncated: the latest that is committed, and all later. */
  readonly configurations: [LoggedConfiguration, ...LoggedConfiguration[]];
  /**
   * Whether this node has been a member since its data directory was made. Only then can it be removed; and only then may
   * it vote: who believes it a voter before that means an earlier node of its id, whose votes are gone (trap 29). A new
   * voter holds the entry that made it a learner before any vote of it is needed.
   */
  hasBeenMember: boolean;
  /** When the node was first told that it is no member any more; null once it hears from a leader, leads, or has slept. */
  removalToldMs: number | null;

  // Persistent: what differs from the disk goes into the next persist.
  currentTerm: Term;
  votedFor: NodeId | null;
  abstainThrough: LogIndex;
  readonly log: CoreLog;
  /**
   * Whether the log was begun by a leader of the original: ours begin it with a no-op. Then a member that nobody has met
   * may be a node of the original.
   */
  isBegunByOriginal: boolean;

  // Durability.
  lastSequence: number;
  readonly pendingPersists: PendingPersist[];
  /** Everything up to here is on this node's disk. */
  durableIndex: LogIndex;

  // Volatile.
  role: Role;
  leaderId: NodeId | null;
  commitIndex: LogIndex;
  /** How far the runtime was told to apply: the smaller of commitIndex and durableIndex, when it last moved. */
  reportedCommitIndex: LogIndex;
  nowMs: number;
  electionDeadlineMs: number;
  /** When the current leader was last heard of; null where that is not known any more. */
  leaderContactMs: number | null;
  nextRequestId: number;
  readonly dialects: Map<NodeId, Dialect>;

  // Candidate.
  ballot: Ballot | null;

  // Leader.
  readonly peers: Map<NodeId, Progress>;
  /** Until then, missing contact with a majority is forgiven: the leader is new, or the process was asleep. */
  quorumGraceUntilMs: number;
  /** The index of the no-op that began this leader's term. */
  termStartIndex: LogIndex;
  readonly proposals: Map<LogIndex, PendingProposal[]>;
  pendingProposals: number;
  pendingProposalBytes: number;
  waitingReads: number[];
  readRound: ReadRound | null;
  /** The change of members that this leader was asked for. */
  change: MembershipChange | null;
  transfer: Transfer | null;
  /** Proposals that came during a transfer: not in the log, and so certainly not done where it succeeds. */
  heldProposals: Proposal[];
  heldProposalBytes: number;
}

/** A core as it starts: a follower that has heard of no leader (§5.2). */
export function createCore(options: CoreOptions, restored: CoreRestored): CoreState {
  assert(options.electionTimeoutMsMin <= options.electionTimeoutMsMax, 'The election timeout range is empty');
  assert(
    options.heartbeatMs < options.electionTimeoutMsMin,
    'Heartbeats must be more frequent than elections',
  );
  assert(restored.commitIndex <= restored.lastIndex, 'Committed entries are missing from the log');
  const prng = createPrng(`${options.id}/${options.seed}`);
  const log = createLog(restored.lastIndex, restored.termRuns);
  assert(
    restored.hardState.currentTerm >= lastTerm(log),
    'The log holds entries of a term that was never entered',
  );
  const initial = { index: INDEX_ZERO, configuration: options.configuration };
  const logged = [initial, ...restored.configurations];
  const committed = logged.findLastIndex(({ index }) => index <= restored.commitIndex);
  const state: CoreState = {
    options,
    prng,
    configuration: restored.configurations.at(-1)?.configuration ?? options.configuration,
    configurations: [logged[committed] ?? initial, ...logged.slice(committed + 1)],
    hasBeenMember: false,
    removalToldMs: null,
    ...restored.hardState,
    log,
    isBegunByOriginal: restored.isBegunByOriginal,
    lastSequence: 0,
    pendingPersists: [],
    durableIndex: restored.lastIndex,
    role: 'follower',
    leaderId: null,
    commitIndex: restored.commitIndex,
    reportedCommitIndex: INDEX_ZERO,
    nowMs: 0,
    electionDeadlineMs: 0,
    leaderContactMs: null,
    nextRequestId: options.firstRequestId,
    dialects: new Map(),
    ballot: null,
    peers: new Map(),
    quorumGraceUntilMs: 0,
    termStartIndex: INDEX_ZERO,
    proposals: new Map(),
    pendingProposals: 0,
    pendingProposalBytes: 0,
    waitingReads: [],
    readRound: null,
    change: null,
    transfer: null,
    heldProposals: [],
    heldProposalBytes: 0,
  };
  state.hasBeenMember = logged.some(({ configuration }) => isMember(state, configuration));
  resetElectionTimer(state);
  return state;
}

/** The other members, voters and learners, in the order of their ids. */
export function otherMembers(state: CoreState): readonly NodeId[] {
  return membersOf(state.configuration)
    .map(({ id }) => id)
    .filter((id) => id !== state.options.id);
}

/** Whether this node, with the data that it has, is a member of a configuration. */
export function isMember(state: CoreState, configuration: Configuration): boolean {
  return membersOf(configuration).some((member) => isSelf(state, member));
}

/** Whether this node is a voter of the configuration in force. */
export function isVotingMember(state: CoreState): boolean {
  return isVoterIn(state, state.configuration);
}

/**
 * Whether this node may stand for election: also where only a configuration that is not committed leaves it out, since
 * its log may be the only one that can win, and commit that configuration (dissertation 4.2.2).
 */
export function mayCampaign(state: CoreState): boolean {
  return state.configurations.some(({ configuration }) => isVoterIn(state, configuration));
}

function isVoterIn(state: CoreState, { voters, oldVoters }: Configuration): boolean {
  return [...voters, ...(oldVoters ?? [])].some((member) => isSelf(state, member));
}

/**
 * Whether a member is this node. An earlier node of the same id, whose data is gone, is not (trap 29): a member without
 * an incarnation is one of the initial configuration, and so is this node only if it was made with that.
 */
function isSelf({ options }: CoreState, { id, incarnation }: Member): boolean {
  if (id !== options.id) return false;
  return incarnation === null
    ? contains(options.configuration.voters, id)
    : incarnation === options.incarnation;
}

/** Draws a new election timeout (§5.2: randomized, so that split votes are rare). */
export function resetElectionTimer(state: CoreState): void {
  const { electionTimeoutMsMin, electionTimeoutMsMax } = state.options;
  state.electionDeadlineMs =
    state.nowMs + nextInteger(state.prng, electionTimeoutMsMin, electionTimeoutMsMax);
}

/** A pre-candidate asks again after this many heartbeats, drawn anew each time from this range. */
const PRE_VOTE_HEARTBEATS_MIN = 2;
const PRE_VOTE_HEARTBEATS_MAX = 6;

/**
 * Draws when a pre-candidate asks again. Sooner than an election timeout: asking disturbs nobody, and those who refuse
 * because they heard of the leader a moment ago will soon think better of it.
 */
export function resetPreVoteTimer(state: CoreState): void {
  const { heartbeatMs } = state.options;
  const delayMs = nextInteger(
    state.prng,
    PRE_VOTE_HEARTBEATS_MIN * heartbeatMs,
    PRE_VOTE_HEARTBEATS_MAX * heartbeatMs,
  );
  state.electionDeadlineMs = state.nowMs + delayMs;
}

/** A request id that no other request of this process has. */
export function takeRequestId(state: CoreState): number {
  return state.nextRequestId++;
}

/** Whether a leader was heard of within the minimum election timeout: then nobody else needs a vote (dissertation 4.2.3). */
export function hearsFromLeader(state: CoreState): boolean {
  return (
    state.leaderId !== null &&
    state.leaderContactMs !== null &&
    state.nowMs - state.leaderContactMs < state.options.electionTimeoutMsMin
  );
}

/** Whether the node must not vote: it may have lost an entry that it acknowledged. */
export function mustAbstain(state: CoreState): boolean {
  return state.abstainThrough > 0;
}

/** The last index that is both known to be committed and durable here. */
export function applicableIndex(state: CoreState): LogIndex {
  return logIndex(Math.min(state.commitIndex, state.durableIndex));
}

/** Whether this leader has committed an entry of its own term; before, it cannot know what is committed (§8). */
export function hasCommittedInTerm(state: CoreState): boolean {
  return state.role === 'leader' && state.commitIndex >= state.termStartIndex;
}
