import { assert } from '../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex, type NodeId, TERM_ZERO, type Term } from '../lib/brands.ts';
import { encodePayload } from '../lib/entry.ts';
import { asRaftError, type LeaderHint, RaftError } from '../lib/errors.ts';
import { REQUEST_TIMEOUT_MS } from '../lib/limits.ts';
import type { Outgoing } from './core/effects.ts';
import { isRequest, type Response } from './core/messages.ts';
import { type CoreState, createCore } from './core/state.ts';
import type {
  Clock,
  CommandResult,
  Connection,
  Forward,
  Logger,
  LogStore,
  Network,
  OpenedStore,
  PeerAddress,
  Recovered,
  StateMachine,
  Transport,
  TransportHandlers,
} from './ports.ts';
import { Applier } from './runtime/applier.ts';
import { checkCommand, checkMembers } from './runtime/checks.ts';
import { CoreDriver } from './runtime/core-driver.ts';
import { coreOptions } from './runtime/core-options.ts';
import { describeEvent } from './runtime/describe-event.ts';
import { Mailroom } from './runtime/mailroom.ts';
import { type Patience, PendingRequests } from './runtime/pending-requests.ts';
import type { Consistency, RaftService, RequestOptions, ServiceStatus } from './service.ts';
import type { Timing } from './timing.ts';

/** The commit hint is written this often at most, in milliseconds. */
const COMMIT_HINT_INTERVAL_MS = 1_000;

/** What a server is made with. */
export interface ServerOptions {
  readonly id: NodeId;
  readonly name: string;
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timing: Timing;
  /** Decides the random choices of this run of the server. */
  readonly seed: number;
  /** Opens the disk when the server starts; members are given unless the disk is to tell them. */
  openStore(members: readonly PeerAddress[] | undefined): Promise<OpenedStore>;
}

/** What exists only while the server runs. */
interface Running {
  readonly core: CoreState;
  readonly driver: CoreDriver;
  readonly applier: Applier;
  readonly store: LogStore;
  readonly members: readonly PeerAddress[];
  readonly transport: Transport;
  readonly forward: Forward;
  cancelCommitHint: () => void;
}

/**
 * A Raft server (the original's `Server`): the core, its disk, its machine and its network, run together. Make it,
 * give it its members with `setConfiguration`, connect it with a transport, `start` it.
 */
export class Server implements RaftService {
  readonly id: NodeId;
  /** Resolves when the server has stopped: with the reason where it stopped by itself, with null after `stop`. */
  readonly stopped: Promise<RaftError | null>;
  readonly #options: ServerOptions;
  readonly #pending: PendingRequests;
  readonly #mailroom: Mailroom;
  #members: readonly PeerAddress[] | undefined;
  #network: Network | undefined;
  #running: Running | undefined;
  #hasStarted = false;
  #stopping: Promise<void> | undefined;
  #resolveStopped: (reason: RaftError | null) => void = () => {};

  constructor(options: ServerOptions) {
    this.id = options.id;
    this.#options = options;
    this.#pending = new PendingRequests(options.clock);
    this.#mailroom = new Mailroom();
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  /**
   * Sets the members of the cluster, this server among them. Before `start` only: the original changes a running
   * cluster through here as well, which this version refuses (`unsupported`).
   */
  setConfiguration(members: readonly PeerAddress[]): void {
    if (this.#hasStarted) {
      throw new RaftError(
        'unsupported',
        'The members of a running cluster cannot be changed by this version.',
        {
          suggestions: ['Stop every node and start a new cluster with the members that you want.'],
        },
      );
    }
    checkMembers(this.id, members);
    this.#members = [...members];
  }

  /** Gives the server its network, which it closes when it stops. Before `start`. */
  connect(network: Network): void {
    assert(!this.#hasStarted, 'The network of a running server cannot be changed');
    this.#network = network;
  }

  /**
   * Opens the disk and begins to take part. Where it throws, nothing runs: `damaged`, `configuration`, `disk-failed`,
   * `address-in-use`, `usage`.
   */
  async start(): Promise<void> {
    const network = this.#network;
    if (network === undefined) {
      throw new RaftError('usage', 'The server has no network yet.', {
        suggestions: ['Call connect() or httpTransport() before start().'],
      });
    }
    if (this.#hasStarted) throw new RaftError('already-running', 'The server has been started before.');
    this.#hasStarted = true;
    try {
      await this.#open(network);
    } catch (error) {
      await network.close();
      this.#resolveStopped(asRaftError(error));
      throw error;
    }
  }

  /** Stops cleanly; whoever still waits is answered. May be called more than once. */
  async stop(): Promise<void> {
    await this.#end(null);
  }

  async command(command: Uint8Array, options: RequestOptions = {}): Promise<CommandResult> {
    checkCommand(command);
    const running = this.#requireRunning();
    const { core, driver, forward } = running;
    if (core.role === 'leader') {
      const payload = encodePayload({ kind: 'command', command });
      return this.#pending.command(patienceOf(options), (proposalId) => {
        driver.propose({ proposalId, command: payload });
      });
    }
    const leader = this.#leaderElsewhere(running, options);
    return this.#withDeadline(options, (signal) => forward.command(leader, command, signal));
  }

  async query(
    query: Uint8Array,
    consistency: Consistency,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    const running = this.#requireRunning();
    const { core, driver, applier, forward } = running;
    if (consistency === 'stale') return this.#options.machine.query(query);
    if (core.role !== 'leader') {
      const leader = this.#leaderElsewhere(running, options);
      return this.#withDeadline(options, (signal) => forward.query(leader, query, signal));
    }
    const readIndex = await this.#pending.read(patienceOf(options), (readId) => driver.readIndex(readId));
    await applier.applied(readIndex);
    return this.#options.machine.query(query);
  }

  /** Whether it takes part: between `start` and `stop`, or whatever ended it. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** The current term: 0 before the server is started. */
  currentTerm(): Term {
    return this.#running?.core.currentTerm ?? TERM_ZERO;
  }

  status(): ServiceStatus {
    const { core, applier, members } = this.#requireRunning();
    return {
      id: this.id,
      name: this.#options.name,
      role: core.role,
      term: core.currentTerm,
      votedFor: core.votedFor,
      leaderId: core.leaderId,
      leaderUrl: leaderHint(core, members)?.url ?? null,
      lastIndex: core.log.lastIndex,
      commitIndex: core.commitIndex,
      lastApplied: applier.lastApplied,
      members: members.map(({ id, url }) => ({
        id,
        url: url ?? null,
        matchIndex: matchIndexOf(core, id),
        dialect: core.dialects.get(id) ?? null,
      })),
    };
  }

  async #open(network: Network): Promise<void> {
    const opened = await this.#options.openStore(this.#members);
    try {
      await this.#run(opened, network);
    } catch (error) {
      await opened.store.close();
      throw error;
    }
  }

  async #run({ store, recovered, self, members }: OpenedStore, network: Network): Promise<void> {
    checkMembers(this.id, members);
    for (const warning of recovered.warnings) this.#options.logger.warn(warning);
    const core = this.#createCore(recovered, members);
    const connection = await network.open(self, members);
    const running = this.#assemble(core, store, members, connection);
    this.#running = running;
    if (core.commitIndex > 0) running.applier.advance(core.commitIndex);
    connection.transport.start(this.#transportHandlers());
    running.driver.start();
    this.#armCommitHint(running, INDEX_ZERO);
  }

  #createCore(recovered: Recovered, members: readonly PeerAddress[]): CoreState {
    const voters = members.map((member) => member.id);
    if (recovered.hardState.abstainThrough > 0 && voters.length === 1) {
      throw new RaftError(
        'damaged',
        'The end of the log was damaged, and this cluster has no other node that could tell what stood there.',
        { suggestions: ['raft log verify <data-dir>', 'Restore the data directory from a copy.'] },
      );
    }
    return createCore(
      coreOptions({ id: this.id, voters, timing: this.#options.timing, seed: this.#options.seed }),
      { ...recovered, commitIndex: recovered.commitHint },
    );
  }

  #assemble(
    core: CoreState,
    store: LogStore,
    members: readonly PeerAddress[],
    connection: Connection,
  ): Running {
    const { machine, clock, timing } = this.#options;
    const failed = (reason: RaftError) => void this.#end(reason);
    const applier = new Applier(store, machine, {
      applied: (entry, response) => this.#pending.applied(entry.index, response),
      failed,
    });
    const driver = new CoreDriver(core, store, clock, timing.heartbeatMs / 2, {
      send: (outgoing) => this.#send(connection.transport, outgoing),
      committed: (commitIndex) => applier.advance(commitIndex),
      outcome: (outcome) => this.#pending.decide(outcome),
      event: (event) => this.#options.logger.info(describeEvent(event)),
      failed,
    });
    return { core, driver, applier, store, members, ...connection, cancelCommitHint: () => {} };
  }

  #send(transport: Transport, outgoing: Outgoing): void {
    const { to, requestId, message } = outgoing;
    if (isRequest(message)) transport.send(to, { requestId, message });
    else this.#mailroom.answer(requestId, message);
  }

  #transportHandlers(): TransportHandlers {
    return {
      request: (from, message, reply) => {
        const running = this.#running;
        const requestId = running === undefined ? undefined : this.#mailroom.admit(reply);
        if (requestId !== undefined) running?.driver.enqueue({ type: 'receive', from, requestId, message });
      },
      response: (from, requestId, message: Response) =>
        this.#running?.driver.enqueue({ type: 'receive', from, requestId, message }),
      lost: (to, requestId) => this.#running?.driver.enqueue({ type: 'lost', to, requestId }),
      dialect: (peer, dialect) => this.#running?.driver.enqueue({ type: 'dialect', peer, dialect }),
      mismatch: (peer, reason) => this.#meetStranger(peer, reason),
    };
  }

  /**
   * A peer is of another cluster. A node that has no log yet was set up wrongly and stops; one that has been a member
   * stays, because a stranger must not stop a healthy cluster.
   */
  #meetStranger(peer: NodeId, reason: string): void {
    const core = this.#running?.core;
    if (core === undefined) return;
    const sentence = `Node ${peer} does not belong to this cluster: ${reason}.`;
    if (core.log.lastIndex > 0) {
      if (this.#mailroom.isFirstComplaint(peer)) this.#options.logger.warn(sentence);
      return;
    }
    void this.#end(
      new RaftError('configuration', sentence, {
        suggestions: ['Give every node the same --peers and the same --cluster-id.'],
      }),
    );
  }

  #armCommitHint(running: Running, saved: LogIndex): void {
    running.cancelCommitHint = this.#options.clock.after(COMMIT_HINT_INTERVAL_MS, () => {
      const index = running.core.reportedCommitIndex;
      if (index === saved) {
        this.#armCommitHint(running, saved);
        return;
      }
      running.store.saveCommitHint(index).then(
        () => {
          if (this.#running === running) this.#armCommitHint(running, index);
        },
        (error: unknown) => void this.#end(asRaftError(error)),
      );
    });
  }

  #end(reason: RaftError | null): Promise<void> {
    this.#stopping ??= this.#shutDown(reason);
    return this.#stopping;
  }

  async #shutDown(reason: RaftError | null): Promise<void> {
    const running = this.#running;
    this.#hasStarted = true;
    this.#running = undefined;
    if (running === undefined) {
      await this.#network?.close();
    } else {
      running.cancelCommitHint();
      await running.driver.stop();
      await running.applier.stop();
      this.#pending.stop();
      await running.transport.stop();
      await this.#network?.close();
      if (reason === null) await this.#closeStore(running);
    }
    this.#resolveStopped(reason);
  }

  /** A clean stop leaves the disk tidy. After a failure it is left as it is: nothing more may be written. */
  async #closeStore(running: Running): Promise<void> {
    try {
      const index = logIndex(Math.min(running.core.commitIndex, running.core.durableIndex));
      if (index > 0) await running.store.saveCommitHint(index);
      await running.store.close();
    } catch (error) {
      // What was acknowledged is durable already; only the tidying failed, and the next start does it again.
      this.#options.logger.warn(`The log was not closed cleanly: ${asRaftError(error).message}`);
    }
  }

  #requireRunning(): Running {
    if (this.#running === undefined)
      throw new RaftError('stopping', 'This node is not running yet, or not any more.');
    return this.#running;
  }

  /** Gives a forwarded request until its deadline, or until the client goes away. */
  async #withDeadline<T>(options: RequestOptions, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs, signal } = patienceOf(options);
    const deadline = new AbortController();
    const cancel = this.#options.clock.after(timeoutMs, () => deadline.abort());
    try {
      return await request(
        signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]),
      );
    } finally {
      cancel();
    }
  }

  #leaderElsewhere({ core, members }: Running, options: RequestOptions): NodeId {
    const leader = core.leaderId;
    if (leader !== null && leader !== this.id && options.forwarded !== true) return leader;
    const hint = leaderHint(core, members);
    throw new RaftError('no-leader', 'This node knows of no leader now; the request was not done.', {
      suggestions: ['raft status', 'A leader needs a majority of the nodes: start those that are down.'],
      ...(hint === undefined ? {} : { leader: hint }),
    });
  }
}

function leaderHint(core: CoreState, members: readonly PeerAddress[]): LeaderHint | undefined {
  if (core.leaderId === null) return undefined;
  const url = members.find((member) => member.id === core.leaderId)?.url;
  return { id: core.leaderId, ...(url === undefined ? {} : { url }) };
}

function matchIndexOf(core: CoreState, id: NodeId): LogIndex | null {
  if (core.role !== 'leader') return null;
  return id === core.options.id ? core.durableIndex : (core.peers.get(id)?.matchIndex ?? null);
}

function patienceOf(options: RequestOptions): Patience {
  return { timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS, signal: options.signal };
}
