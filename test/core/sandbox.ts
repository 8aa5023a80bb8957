import { present } from '../../src/lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex, type NodeId, nodeId } from '../../src/lib/brands.ts';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { configurationOf, type Member, membersOf } from '../../src/lib/configuration.ts';
import { ENTRY_MARK, type Entry, encodePayload, isMarked } from '../../src/lib/entry.ts';
import type { Effects, Outgoing, Persist } from '../../src/raft/core/effects.ts';
import type { Input } from '../../src/raft/core/inputs.ts';
import { type CoreLimits, type CoreState, createCore } from '../../src/raft/core/state.ts';
import { step } from '../../src/raft/core/step.ts';
import {
  applyPersist,
  applyTorn,
  blankDisk,
  configurationsIn,
  type DurableState,
  runsOf,
  type Torn,
} from './disk.ts';

/** A write that the disk has been given and has not finished, and the messages that wait for it. */
export interface PendingWrite {
  readonly persist: Persist | null;
  readonly afterPersist: readonly Outgoing[];
}

/** What the disk has found for a peer, and not told the core yet. */
interface FinishedRead {
  readonly to: NodeId;
  readonly entries: readonly Entry[];
}

export interface SandboxNode {
  readonly id: NodeId;
  /** How many times the node has lost its data: each time it is another one under the same id. */
  births: number;
  /** It has been told that it was removed. The runtime stops such a node, and does not start it on its data again. */
  isRemoved: boolean;
  core: CoreState;
  durable: DurableState;
  writes: PendingWrite[];
  reads: FinishedRead[];
  /** Writes wait until they are told to finish. */
  isDiskHeld: boolean;
  /** What is read from the log store is told later. */
  areReadsHeld: boolean;
  isUp: boolean;
  /** How many times the node has been started. */
  runs: number;
  /** The highest commit index that it remembers when it starts again. */
  commitHint: LogIndex;
}

export interface InTransit extends Outgoing {
  readonly from: NodeId;
}

export interface SandboxOptions {
  /** The initial members. */
  readonly ids: readonly NodeId[];
  /** Nodes that are made to join: they begin with no members at all. */
  readonly spare: readonly NodeId[];
  /** Members that speak only the original's protocol: nobody runs them here, their answers are made by hand. */
  readonly originals: readonly NodeId[];
  /** Members of which nobody knows yet what they speak. */
  readonly unknown: readonly NodeId[];
  readonly appendsInFlightMax: number;
  readonly windowBytesMax: number;
  readonly appendEntriesMax: number;
  /** Whether a node that starts again knows what it knew to be committed; else it knows of nothing. */
  readonly keepsCommitHints: boolean;
  readonly seed: string;
  readonly observer: SandboxObserver;
}

/** Who watches what the nodes do. */
export interface SandboxObserver {
  /** A core has taken an input. `isWaiting` tells that earlier writes are still under way. */
  stepped(node: SandboxNode, effects: Effects, isWaiting: boolean): void;
  /** A write has reached the disk. */
  written(node: SandboxNode, write: PendingWrite): void;
  /** A message leaves a node. */
  sent(node: SandboxNode, outgoing: Outgoing): void;
}

const LIMITS: Omit<CoreLimits, 'windowBytesMax' | 'appendEntriesMax'> = {
  appendBytesMax: 1024,
  pendingProposalsMax: 4,
  pendingProposalBytesMax: 1024,
  pendingReadsMax: 4,
  termJumpMax: 2 ** 32,
};

export const ELECTION_TIMEOUT_MS_MIN = 100;
const REQUEST_IDS_PER_RUN = 100_000;

/**
 * A few cores, each with a disk that can be held and a power cord that can be pulled, and a network on which messages
 * lie until somebody delivers or drops them. It carries out effects in the order that `Effects` demands, as the
 * runtime does.
 */
export class Sandbox {
  readonly nodes = new Map<NodeId, SandboxNode>();
  readonly wire: InTransit[] = [];
  readonly isolated = new Set<NodeId>();
  readonly cutLinks = new Set<string>();
  readonly #options: SandboxOptions;
  #nextId = 1;

  constructor(options: SandboxOptions) {
    this.#options = options;
    for (const id of [...options.ids, ...options.spare]) {
      const durable = blankDisk();
      const commitHint = INDEX_ZERO;
      const core = this.#createCore({ id, durable, births: 0, runs: 1, commitHint });
      const isUp = !options.originals.includes(id);
      const held = { isDiskHeld: false, areReadsHeld: false };
      const identity = { id, births: 0, isRemoved: false };
      this.nodes.set(id, {
        ...identity,
        core,
        durable,
        writes: [],
        reads: [],
        ...held,
        isUp,
        runs: 1,
        commitHint,
      });
    }
  }

  node(id: NodeId): SandboxNode {
    return present(this.nodes.get(id), `node ${id}`);
  }

  /** Steps one core and carries its effects out. A node that is down hears nothing. */
  input(id: NodeId, input: Input): void {
    const node = this.node(id);
    if (!node.isUp) return;
    const effects = step(node.core, input);
    this.#options.observer.stepped(node, effects, node.writes.length > 0);
    if (effects.halt === null) this.#carryOut(node, effects);
    else this.crash(id);
    if (effects.events.some((event) => event.type === 'removed')) this.#retire(node);
  }

  /** Proposes commands as one batch. `begun` is told the id of each before its outcome. */
  propose(id: NodeId, texts: readonly string[], begun: (proposalId: number) => void = () => {}): void {
    this.#proposeAll(id, texts.map(utf8), begun);
  }

  /** Proposes commands that begin with the mark of our own entries, as those in sessions do. */
  proposeMarked(id: NodeId, texts: readonly string[]): void {
    this.#proposeAll(
      id,
      texts.map((text) => concatBytes([ENTRY_MARK, utf8(text)])),
      () => {},
    );
  }

  #proposeAll(id: NodeId, commands: readonly Uint8Array[], begun: (proposalId: number) => void): void {
    const proposals = commands.map((command) => ({
      proposalId: this.#nextId++,
      command: encodePayload({ kind: 'command', command }),
    }));
    for (const { proposalId } of proposals) begun(proposalId);
    this.input(id, { type: 'propose', proposals });
  }

  /** Asks for other members. `begun` is told the id of the change before its outcome. */
  change(
    id: NodeId,
    wanted: { readonly voters: readonly NodeId[]; readonly learners: readonly NodeId[] },
    options: { readonly expectIndex: LogIndex | null; readonly isForced: boolean },
    begun: (changeId: number) => void = () => {},
  ): void {
    const changeId = this.#nextId++;
    begun(changeId);
    const voters = wanted.voters.map((member) => this.member(member));
    const learners = wanted.learners.map((member) => this.member(member));
    this.input(id, { type: 'changeConfiguration', request: { changeId, voters, learners, ...options } });
  }

  /** A node as a member: who joined later is known by its incarnation too. */
  member(id: NodeId): Member {
    const births = this.nodes.get(id)?.births ?? 0;
    const isInitial = this.#options.ids.includes(id) && births === 0;
    return { id, url: null, incarnation: isInitial ? null : incarnationOf(id, births) };
  }

  /** Asks for another leader. `begun` is told the id of the transfer before its outcome. */
  transfer(id: NodeId, target: NodeId | null, begun: (transferId: number) => void = () => {}): void {
    const transferId = this.#nextId++;
    begun(transferId);
    this.input(id, { type: 'transferLeadership', transferId, target });
  }

  /** Asks for one linearizable read. */
  read(id: NodeId, begun: (readId: number) => void = () => {}): void {
    const readId = this.#nextId++;
    begun(readId);
    this.input(id, { type: 'readIndex', readIds: [readId] });
  }

  /** Finishes up to `count` of a node's writes, oldest first. */
  sync(id: NodeId, count: number): void {
    const node = this.node(id);
    for (let i = 0; i < count; i++) {
      const write = node.writes.shift();
      if (write === undefined) return;
      this.#finishWrite(node, write);
    }
  }

  /** Tells a node's core what was read from its log. */
  finishReads(id: NodeId): void {
    const node = this.node(id);
    for (const { to, entries } of node.reads.splice(0)) this.input(id, { type: 'logRead', to, entries });
  }

  /** Pulls the cord: of what was being written only `torn` is there, and nothing of what was in memory. */
  crash(id: NodeId, torn: Torn = 'nothing'): void {
    const node = this.node(id);
    const [write] = node.writes;
    if (write?.persist) applyTorn(node.durable, write.persist, torn);
    node.isUp = false;
    node.writes = [];
    node.reads = [];
  }

  restart(id: NodeId): void {
    const node = this.node(id);
    node.runs++;
    if (node.isRemoved && !this.#isWanted(node)) this.#wipe(node);
    node.isRemoved = false;
    node.core = this.#createCore(node);
    node.isUp = true;
  }

  /** The node loses its data, and comes back under its old id. */
  wipe(id: NodeId): void {
    this.crash(id);
    this.#wipe(this.node(id));
    this.restart(id);
  }

  /** Starts a node on what a disk holds. */
  given(id: NodeId, durable: DurableState): void {
    this.crash(id);
    this.node(id).durable = durable;
    this.restart(id);
  }

  /** Whether a message can travel from one node to another now. */
  isConnected(from: NodeId, to: NodeId): boolean {
    const isCut = this.cutLinks.has(`${from}->${to}`);
    return !this.isolated.has(from) && !this.isolated.has(to) && !isCut;
  }

  /**
   * The transport refuses the votes and acknowledgements of a node that is not the one that the configuration means: it
   * has lost its data. Entries are taken from whoever was elected, since the receiver's configuration may be old.
   */
  #isListenedTo({ from, to, message }: InTransit): boolean {
    if (message.type === 'appendEntries' || message.type === 'timeoutNow') return true;
    const incarnation = memberIn(this.node(to), from)?.incarnation ?? null;
    return incarnation === null || incarnation === incarnationOf(from, this.node(from).births);
  }

  /** Takes a message off the wire and gives it to its receiver, unless the link is cut or the receiver is down. */
  deliver(position: number): void {
    const [message] = this.wire.splice(position, 1);
    if (message === undefined || !this.isConnected(message.from, message.to)) return;
    if (!this.#isListenedTo(message)) return;
    const { from, to, requestId } = message;
    this.input(to, { type: 'receive', from, requestId, message: message.message });
  }

  /** What was sent before the node knew is still on its way. */
  #retire(node: SandboxNode): void {
    this.crash(node.id);
    node.isRemoved = true;
  }

  /** Whether anybody takes the node, with the data that it has, for a member. */
  #isWanted({ id, births }: SandboxNode): boolean {
    const incarnation = incarnationOf(id, births);
    return [...this.nodes.values()].some((other) => {
      if (other.id === id) return false;
      const target = other.core.change?.target;
      return [other.core.configuration, ...(target === undefined ? [] : [target])].some((configuration) => {
        const known = membersOf(configuration).find((member) => member.id === id);
        return known !== undefined && (known.incarnation ?? incarnation) === incarnation;
      });
    });
  }

  /** The node begins anew, with a blank disk: connections to its earlier self are gone. */
  #wipe(node: SandboxNode): void {
    node.births++;
    node.durable = blankDisk();
    node.commitHint = INDEX_ZERO;
    const others = this.wire.filter(({ from, to }) => from !== node.id && to !== node.id);
    this.wire.splice(0, this.wire.length, ...others);
  }

  #createCore(node: Pick<SandboxNode, 'id' | 'durable' | 'births' | 'runs' | 'commitHint'>): CoreState {
    const { id, durable, births, runs, commitHint } = node;
    const { ids, spare, originals, unknown, seed, appendsInFlightMax, windowBytesMax, appendEntriesMax } =
      this.#options;
    const isInitial = ids.includes(id) && births === 0;
    const voters = isInitial ? ids.map((member) => initialMember(member)) : [];
    const core = createCore(
      {
        id,
        incarnation: incarnationOf(id, births),
        configuration: configurationOf({ voters }),
        seed: `${seed}/${runs}`,
        electionTimeoutMsMin: ELECTION_TIMEOUT_MS_MIN,
        electionTimeoutMsMax: 200,
        heartbeatMs: 10,
        requestTimeoutMs: 150,
        appendsInFlightMax,
        firstRequestId: 1 + (runs - 1) * REQUEST_IDS_PER_RUN,
        limits: { ...LIMITS, windowBytesMax, appendEntriesMax },
      },
      {
        hardState: durable.hardState,
        lastIndex: logIndex(durable.entries.length),
        termRuns: runsOf(durable.entries),
        commitIndex: logIndex(Math.min(commitHint, durable.entries.length)),
        configurations: configurationsIn(durable.entries),
        isBegunByOriginal: durable.entries.slice(0, 1).some(({ command }) => !isMarked(command)),
      },
    );
    // The transport tells what a peer speaks before it gives the core anything that came from there.
    for (const peer of [...ids, ...spare]) {
      if (unknown.includes(peer)) continue;
      const dialect = originals.includes(peer) ? 'original' : 'extended';
      step(core, { type: 'dialect', peer, dialect });
    }
    return core;
  }

  #carryOut(node: SandboxNode, effects: Effects): void {
    if (this.#options.keepsCommitHints) node.commitHint = effects.commitIndex ?? node.commitHint;
    const holdsAll = effects.persist?.hardState !== undefined;
    if (!holdsAll) this.#send(node, effects.sendBeforePersist);
    const afterPersist = holdsAll
      ? [...effects.sendBeforePersist, ...effects.sendAfterPersist]
      : effects.sendAfterPersist;
    this.#readLog(node, effects);
    if (node.writes.length === 0 && effects.persist === null) {
      this.#send(node, afterPersist);
      return;
    }
    if (effects.persist === null && afterPersist.length === 0) return;
    node.writes.push({ persist: effects.persist, afterPersist });
    if (!node.isDiskHeld) this.sync(node.id, node.writes.length);
  }

  #readLog(node: SandboxNode, effects: Effects): void {
    for (const { to, from, entriesMax } of effects.logReads) {
      node.reads.push({ to, entries: node.durable.entries.slice(from - 1, from - 1 + entriesMax) });
    }
    if (!node.areReadsHeld) this.finishReads(node.id);
  }

  #finishWrite(node: SandboxNode, write: PendingWrite): void {
    const { persist } = write;
    if (persist !== null) applyPersist(node.durable, persist);
    this.#options.observer.written(node, write);
    this.#send(node, write.afterPersist);
    if (persist !== null) this.input(node.id, { type: 'persisted', sequence: persist.sequence });
  }

  #send(node: SandboxNode, messages: readonly Outgoing[]): void {
    for (const message of messages) {
      this.#options.observer.sent(node, message);
      if (this.isConnected(node.id, message.to)) this.wire.push({ ...message, from: node.id });
    }
  }
}

export function sandboxId(text: string): NodeId {
  return nodeId(text);
}

function memberIn(node: SandboxNode, id: NodeId): Member | undefined {
  return membersOf(node.core.configuration).find((member) => member.id === id);
}

function initialMember(id: NodeId): Member {
  return { id, url: null, incarnation: null };
}

function incarnationOf(id: NodeId, births: number): string {
  return `incarnation-${id}.${births}`;
}
