import { type LogIndex, logIndex, type NodeId, type Term } from '../../src/lib/brands.ts';
import { equalBytes } from '../../src/lib/bytes.ts';
import type { Configuration } from '../../src/lib/configuration.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { configurationIn } from '../../src/lib/entry.ts';
import type { Effects, HardState, Outcome, Outgoing, Persist } from '../../src/raft/core/effects.ts';
import { termAt } from '../../src/raft/core/log.ts';
import { check } from './check.ts';
import { describeEntries } from './describe.ts';
import {
  checkConfiguration,
  checkSuccession,
  expectedConfiguration,
  isMajorityOfAll,
  means,
} from './membership-invariants.ts';
import type { PendingWrite, SandboxNode, SandboxObserver } from './sandbox.ts';

/** What was seen of one run of a node, from its start to its crash. */
interface Witness {
  readonly run: number;
  /** The log as the core has it, durable or not. */
  readonly log: Entry[];
  term: Term;
  commitIndex: LogIndex;
  sequence: number;
  /** In force at the end of the last step. */
  configuration: Configuration;
  /** Whether any configuration that it has gone by means this node. */
  hasBeenMember: boolean;
}

/** What a client has asked of a run of a node, and has no answer to. */
interface Question {
  readonly node: NodeId;
  readonly run: number;
}

interface Committed {
  readonly entry: Entry;
  /** The term in which a leader committed it first. */
  readonly term: Term;
}

/**
 * Watches every step of a sandbox and throws where a property of figure 3 of the paper, or one that clients rely on,
 * does not hold.
 */
export class Invariants implements SandboxObserver {
  /** How often something worth checking was seen: a walk on which nothing happens proves nothing. */
  readonly seen = {
    ...{ leaders: 0, committed: 0, acknowledged: 0, reads: 0, truncations: 0 },
    ...{ changes: 0, transfers: 0 },
  };
  readonly committed = new Map<LogIndex, Committed>();
  readonly #nodes: () => ReadonlyMap<NodeId, SandboxNode>;
  readonly #witnesses = new Map<NodeId, Witness>();
  readonly #leaders = new Map<Term, NodeId>();
  readonly #entries = new Map<string, { readonly command: Uint8Array; readonly previousTerm: Term }>();
  readonly #hardStates = new Map<string, HardState>();
  readonly #rejected: Uint8Array[] = [];
  readonly #proposed = new Map<number, Uint8Array>();
  readonly #readsBegunAt = new Map<number, LogIndex>();
  /** By term, who has granted its vote to whom. */
  readonly #votes = new Map<string, Set<NodeId>>();
  readonly #questions = new Map<number, Question>();
  #acknowledgedThrough: LogIndex = logIndex(0);

  constructor(nodes: () => ReadonlyMap<NodeId, SandboxNode>) {
    this.#nodes = nodes;
  }

  /** A client asks something of a node: for a proposal, a read, a change or a transfer. */
  asks(id: number, { id: node, runs: run }: SandboxNode): void {
    this.#questions.set(id, { node, run });
  }

  /** A client proposes this command. Commands differ from each other. */
  proposes(proposalId: number, command: Uint8Array, node: SandboxNode): void {
    this.asks(proposalId, node);
    this.#proposed.set(proposalId, command);
  }

  /** A client begins to read. */
  reads(readId: number, node: SandboxNode): void {
    this.asks(readId, node);
    this.#readsBegunAt.set(readId, this.#acknowledgedThrough);
  }

  /** What a node has been asked since it started, and has not answered. */
  unanswered({ id, runs }: SandboxNode): readonly number[] {
    const own = [...this.#questions].filter(([, { node, run }]) => node === id && run === runs);
    return own.map(([question]) => question);
  }

  stepped(node: SandboxNode, effects: Effects): void {
    const witness = this.#witnessOf(node);
    if (effects.persist !== null) this.#checkPersist(node, witness, effects.persist);
    for (const event of effects.events) {
      if (event.type === 'role' && event.role === 'leader') this.#checkLeader(node, witness, event.term);
    }
    this.#checkProgress(node, witness);
    if (effects.commitIndex !== null) this.#checkApplicable(node, effects.commitIndex);
    for (const outcome of effects.outcomes) this.#checkOutcome(node, outcome);
  }

  written(node: SandboxNode, write: PendingWrite): void {
    const after = write.persist?.hardState;
    if (after === undefined) return;
    const self = `${node.id}/${node.births}`;
    const before = this.#hardStates.get(self);
    this.#hardStates.set(self, after);
    if (before === undefined) return;
    check(after.currentTerm >= before.currentTerm, `The term of ${node.id} goes back on its disk`);
    const changesVote = before.votedFor !== null && before.votedFor !== after.votedFor;
    check(
      after.currentTerm > before.currentTerm || !changesVote,
      `${node.id} votes twice in term ${after.currentTerm}`,
    );
  }

  /** A vote that leaves a node is on its disk (figure 2: "updated on stable storage before responding"). */
  sent(node: SandboxNode, { to, message }: Outgoing): void {
    if (message.type !== 'requestVoteResponse' || !message.voteGranted) return;
    const { currentTerm, votedFor } = node.durable.hardState;
    const isDurable = currentTerm > message.term || (currentTerm === message.term && votedFor === to);
    check(isDurable, `${node.id} grants ${to} a vote in term ${message.term} that is not on its disk`);
    check(
      this.#witnessOf(node).hasBeenMember,
      `${node.id} votes, and was never a member with the data that it has`,
    );
    this.#votesFor(to, message.term).add(node.id);
  }

  #votesFor(candidate: NodeId, term: Term): Set<NodeId> {
    const key = `${candidate}/${term}`;
    const votes = this.#votes.get(key) ?? new Set();
    this.#votes.set(key, votes);
    return votes;
  }

  #witnessOf(node: SandboxNode): Witness {
    const known = this.#witnesses.get(node.id);
    if (known?.run === node.runs) return known;
    const { entries, hardState } = node.durable;
    const fresh = {
      run: node.runs,
      log: [...entries],
      term: hardState.currentTerm,
      commitIndex: logIndex(0),
      sequence: 0,
      configuration: expectedConfiguration(node, entries).configuration,
      hasBeenMember:
        means(node.core.options.configuration, node) ||
        entries.some(({ command }) => isMeantBy(node, configurationIn(command))),
    };
    this.#witnesses.set(node.id, fresh);
    return fresh;
  }

  #checkPersist(node: SandboxNode, witness: Witness, persist: Persist): void {
    check(persist.sequence === witness.sequence + 1, `The persists of ${node.id} are out of order`);
    witness.sequence = persist.sequence;
    const { truncateFrom } = persist;
    if (truncateFrom !== undefined) {
      this.seen.truncations++;
      check(node.core.role !== 'leader', `Leader Append-Only: ${node.id} leads and removes ${truncateFrom}`);
      for (const entry of witness.log.splice(truncateFrom - 1)) {
        const isCommitted = this.committed.get(entry.index)?.entry.term === entry.term;
        check(!isCommitted, `${node.id} removes ${describeEntries([entry])}, which is committed`);
      }
    }
    for (const entry of persist.entries) {
      check(entry.index === witness.log.length + 1, `${node.id} appends ${entry.index} with a gap`);
      const isOwn = !this.#entries.has(`${entry.index}/${entry.term}`);
      const { core } = node;
      const termOfCommit = termAt(core.log, core.commitIndex) ?? core.currentTerm;
      if (isOwn) checkSuccession(node, expectedConfiguration(node, witness.log), entry, termOfCommit);
      this.#checkLogMatching(node, entry, witness.log.at(-1));
      witness.log.push(entry);
      if (isMeantBy(node, configurationIn(entry.command))) witness.hasBeenMember = true;
    }
  }

  /** Entries of one index and term are the same everywhere, and so are those before them; by induction, whole logs. */
  #checkLogMatching(node: SandboxNode, entry: Entry, previous: Entry | undefined): void {
    const key = `${entry.index}/${entry.term}`;
    const previousTerm = previous?.term ?? (0 as Term);
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, { command: entry.command, previousTerm });
    else {
      const same = equalBytes(known.command, entry.command) && known.previousTerm === previousTerm;
      check(same, `Log Matching: ${node.id} holds another ${key}`);
    }
  }

  #checkLeader(node: SandboxNode, witness: Witness, term: Term): void {
    this.seen.leaders++;
    const other = this.#leaders.get(term);
    check(other === undefined, `Election Safety: ${other} and ${node.id} lead term ${term}`);
    this.#leaders.set(term, node.id);
    const { hardState } = node.durable;
    const votes = this.#votesFor(node.id, term);
    if (hardState.currentTerm === term && hardState.votedFor === node.id) votes.add(node.id);
    check(
      isMajorityOfAll(witness.configuration, votes),
      `${node.id} leads term ${term} with the votes of ${[...votes]} alone`,
    );
    for (const { entry, term: committedIn } of this.committed.values()) {
      const holds = witness.log[entry.index - 1]?.term === entry.term;
      check(
        holds || committedIn >= term,
        `Leader Completeness: ${node.id} leads term ${term} without ${describeEntries([entry])}`,
      );
    }
  }

  #checkProgress(node: SandboxNode, witness: Witness): void {
    const { currentTerm, commitIndex, log } = node.core;
    check(currentTerm >= witness.term, `The term of ${node.id} goes back`);
    check(commitIndex >= witness.commitIndex, `The commit index of ${node.id} goes back`);
    check(log.lastIndex === witness.log.length, `The log of ${node.id} is not what it persisted`);
    check(
      termAt(log, log.lastIndex) === (witness.log.at(-1)?.term ?? 0),
      `The last term of ${node.id} is not what it persisted`,
    );
    const countsOwnTerm = termAt(log, commitIndex) === currentTerm;
    const leaderCommits = node.core.role === 'leader' && commitIndex > witness.commitIndex;
    check(!leaderCommits || countsOwnTerm, `${node.id} commits ${commitIndex} of an older term by counting`);
    for (let index = witness.commitIndex + 1; index <= commitIndex; index++) {
      this.#checkCommitted(node, witness, logIndex(index));
    }
    // A leader commits first and takes the next step of a change then, in one step of the core.
    const expected = expectedConfiguration(node, witness.log);
    checkConfiguration(node, expected, commitIndex);
    witness.configuration = expected.configuration;
    witness.term = currentTerm;
    witness.commitIndex = commitIndex;
  }

  #checkCommitted(node: SandboxNode, witness: Witness, index: LogIndex): void {
    const entry = witness.log[index - 1];
    if (entry === undefined) throw new Error(`${node.id} commits ${index}, which it does not hold`);
    const known = this.committed.get(index);
    if (known !== undefined) {
      check(known.entry.term === entry.term, `State Machine Safety: ${node.id} commits another ${index}`);
      return;
    }
    this.seen.committed++;
    this.committed.set(index, { entry, term: node.core.currentTerm });
    check(
      !this.#rejected.some((command) => equalBytes(command, entry.command)),
      `${index} was reported as not done`,
    );
    const nodes = [...this.#nodes().values()];
    // A node that lost the entry to a damaged disk keeps its promise by abstaining (trap 28).
    const holders = nodes.filter(
      ({ durable }) =>
        durable.entries[index - 1]?.term === entry.term || durable.hardState.abstainThrough >= index,
    );
    check(
      isMajorityOfAll(witness.configuration, new Set(holders.map(({ id }) => id))),
      `${describeEntries([entry])} is committed, and on the disks of ${holders.map(({ id }) => id)} alone`,
    );
  }

  /** What may be applied is on the own disk. */
  #checkApplicable(node: SandboxNode, commitIndex: LogIndex): void {
    const own = node.durable.entries[commitIndex - 1];
    const agreed = this.committed.get(commitIndex)?.entry;
    check(
      own !== undefined && own.term === agreed?.term,
      `${node.id} may apply ${commitIndex}, which is not on its disk`,
    );
  }

  #checkOutcome(node: SandboxNode, outcome: Outcome): void {
    const id = questionOf(outcome);
    const question = this.#questions.get(id);
    const isAsked = question?.node === node.id && question.run === node.runs;
    check(isAsked, `${node.id} answers ${id}, which nobody asks of it or which it has answered`);
    this.#questions.delete(id);
    switch (outcome.type) {
      case 'committed': {
        this.seen.acknowledged++;
        const entry = this.committed.get(outcome.index)?.entry;
        const command = this.#proposed.get(outcome.proposalId);
        const isOwn = entry !== undefined && command !== undefined && equalBytes(entry.command, command);
        check(isOwn, `Proposal ${outcome.proposalId} is answered with another's entry`);
        if (outcome.index > this.#acknowledgedThrough) this.#acknowledgedThrough = outcome.index;
        break;
      }
      case 'rejected': {
        const command = this.#proposed.get(outcome.proposalId) ?? new Uint8Array(0);
        this.#rejected.push(command);
        for (const { entry } of this.committed.values()) {
          check(
            !equalBytes(entry.command, command),
            `Proposal ${outcome.proposalId} is committed, and reported as not done`,
          );
        }
        break;
      }
      case 'readReady': {
        this.seen.reads++;
        const begunAt = this.#readsBegunAt.get(outcome.readId);
        check(
          begunAt !== undefined && outcome.readIndex >= begunAt,
          `Read ${outcome.readId} sees ${outcome.readIndex}, and ${begunAt} was acknowledged before it began`,
        );
        break;
      }
      case 'changed':
        this.seen.changes++;
        break;
      case 'transferred':
        this.seen.transfers++;
        break;
      case 'unknown': {
        const command = this.#proposed.get(outcome.proposalId) ?? new Uint8Array(0);
        const isAppended = [...this.#entries.values()].some((entry) => equalBytes(entry.command, command));
        check(isAppended, `Proposal ${outcome.proposalId} is in no log, and reported as unknown`);
        break;
      }
      case 'readRejected':
      case 'changeRejected':
      case 'changeUnknown':
      case 'transferRejected':
        break;
    }
  }
}

function isMeantBy(node: SandboxNode, configuration: Configuration | undefined): boolean {
  return configuration !== undefined && means(configuration, node);
}

/** The id of what an outcome answers: no two questions share one. */
function questionOf(outcome: Outcome): number {
  if ('proposalId' in outcome) return outcome.proposalId;
  if ('readId' in outcome) return outcome.readId;
  return 'changeId' in outcome ? outcome.changeId : outcome.transferId;
}
