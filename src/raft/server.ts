import { assert } from '../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, type NodeId, TERM_ZERO, type Term } from '../lib/brands.ts';
import { encodePayload } from '../lib/entry.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { REQUEST_TIMEOUT_MS } from '../lib/limits.ts';
import type { Outgoing } from './core/effects.ts';
import { isRequest, type Response } from './core/messages.ts';
import { type CoreState, createCore } from './core/state.ts';
import { SessionMachine } from './machine/sessions.ts';
import type {
  ChangeSelector,
  Clock,
  CommandResult,
  Connection,
  Forward,
  Logger,
  LogStore,
  MismatchKind,
  Network,
  OpenedStore,
  PeerAddress,
  Recovered,
  StateMachine,
  Transport,
  TransportHandlers,
} from './ports.ts';
import { Applier } from './runtime/applier.ts';
import { checkCommand, checkMembers, disagreement, noLeader } from './runtime/checks.ts';
import { CoreDriver } from './runtime/core-driver.ts';
import { coreOptions } from './runtime/core-options.ts';
import { describeEvent } from './runtime/describe-event.ts';
import { describeServer, leaderHint } from './runtime/describe-server.ts';
import { LogTime } from './runtime/log-time.ts';
import { Mailroom } from './runtime/mailroom.ts';
import { type Patience, PendingRequests } from './runtime/pending-requests.ts';
import { unfailing } from './runtime/unfailing-logger.ts';
import { Watches } from './runtime/watches.ts';
import { withDeadline } from './runtime/with-deadline.ts';
import type {
  CommandOptions,
  Consistency,
  OpenWatchOptions,
  RaftService,
  RequestOptions,
  ServiceStatus,
  Watch,
} from './service.ts';
import type { Timing } from './timing.ts';

/** The commit hint is written this often at most, in milliseconds. */
const COMMIT_HINT_INTERVAL_MS = 1_000;

/** A write that is under way when the server stops is waited for this long, in milliseconds. */
const WRITE_WAIT_MS = 2_000;

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
  readonly watches: Watches;
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
  readonly #machine: SessionMachine;
  readonly #logTime: LogTime;
  readonly #pending: PendingRequests;
  readonly #mailroom: Mailroom;
  #members: readonly PeerAddress[] | undefined;
  #network: Network | undefined;
  #running: Running | undefined;
  #hasStarted = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #resolveStopped: (reason: RaftError | null) => void = () => {};

  constructor(options: ServerOptions) {
    this.id = options.id;
    this.#options = { ...options, logger: unfailing(options.logger) };
    this.#machine = new SessionMachine(options.machine);
    this.#logTime = new LogTime(options.clock, () => this.#machine.logTimeMs);
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
      this.#starting = this.#open(network);
      await this.#starting;
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

  async command(command: Uint8Array, options: CommandOptions = {}): Promise<CommandResult> {
    const { place } = options;
    checkCommand(command, place);
    const running = this.#requireRunning();
    const { core, driver, forward } = running;
    if (core.role === 'leader') {
      const payload = encodePayload(this.#logTime.payloadOf({ command, place }));
      return this.#pending.command(patienceOf(options), (proposalId) => {
        driver.propose({ proposalId, command: payload });
      });
    }
    const leader = this.#leaderElsewhere(running, options);
    return withDeadline(this.#options.clock, patienceOf(options), (signal) =>
      forward.command(leader, { command, place }, signal),
    );
  }

  async query(
    query: Uint8Array,
    consistency: Consistency,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    const running = this.#requireRunning();
    const { core, driver, applier, forward } = running;
    if (consistency === 'stale') return this.#machine.query(query);
    if (core.role !== 'leader') {
      const leader = this.#leaderElsewhere(running, options);
      return withDeadline(this.#options.clock, patienceOf(options), (signal) =>
        forward.query(leader, query, signal),
      );
    }
    const patience = patienceOf(options);
    const readIndex = await this.#pending.read(patience, (readId) => driver.readIndex(readId));
    await applier.applied(readIndex, patience);
    return this.#machine.query(query);
  }

  async watch(selector: ChangeSelector, options: OpenWatchOptions = {}): Promise<Watch> {
    return this.#requireRunning().watches.open(selector, options);
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
    const { lastApplied } = applier;
    const { logTimeMs } = this.#machine;
    return describeServer({ name: this.#options.name, core, lastApplied, logTimeMs, members });
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
    const applier = new Applier(store, this.#machine, clock, {
      applied: (entry, answer) => {
        this.#logTime.observe();
        this.#pending.applied(entry.index, answer);
      },
      progressed: () => watches.wake(),
      failed,
    });
    const driver = new CoreDriver(core, store, clock, timing.heartbeatMs / 2, {
      send: (outgoing) => this.#send(connection.transport, outgoing),
      committed: (commitIndex) => applier.advance(commitIndex),
      outcome: (outcome) => this.#pending.decide(outcome),
      event: (event) => this.#options.logger.info(describeEvent(event)),
      failed,
    });
    const readIndex = (options: OpenWatchOptions) =>
      this.#pending.read(patienceOf(options), (readId) => driver.readIndex(readId));
    const watches = new Watches({
      machine,
      clock,
      core,
      applier,
      readIndex,
      leader: () => leaderHint(core, members),
    });
    return { core, driver, applier, watches, store, members, ...connection, cancelCommitHint: () => {} };
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
      mismatch: (peer, reason, kind) => this.#disagree(peer, reason, kind),
    };
  }

  /**
   * A peer and this node do not work together. A node that has no log yet was set up wrongly and stops; one that has
   * been a member stays, because a stranger must not stop a healthy cluster.
   */
  #disagree(peer: NodeId, reason: string, kind: MismatchKind): void {
    const core = this.#running?.core;
    if (core === undefined) return;
    const error = disagreement(peer, reason, kind);
    if (core.log.lastIndex === 0) void this.#end(error);
    else if (this.#mailroom.isFirstComplaint(peer)) this.#options.logger.warn(error.message);
  }

  #armCommitHint(running: Running, saved: LogIndex): void {
    running.cancelCommitHint = this.#options.clock.after(COMMIT_HINT_INTERVAL_MS, () => {
      const index = running.core.reportedCommitIndex;
      if (index === saved) {
        this.#armCommitHint(running, saved);
        return;
      }
      // It is a hint: without it, the next start waits for a leader's word, and loses nothing.
      const rearm = (): void => {
        if (this.#running === running) this.#armCommitHint(running, index);
      };
      running.store.saveCommitHint(index).then(rearm, (error: unknown) => {
        this.#warnAbout('The commit hint was not saved', error);
        rearm();
      });
    });
  }

  #end(reason: RaftError | null): Promise<void> {
    this.#stopping ??= this.#shutDown(reason);
    return this.#stopping;
  }

  async #shutDown(reason: RaftError | null): Promise<void> {
    this.#hasStarted = true;
    // What is just being opened must be closed again, so that nothing of this server outlives it.
    if (this.#running === undefined) await this.#starting?.catch(() => {});
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) {
      running.cancelCommitHint();
      this.#pending.stop();
      running.applier.stop();
      running.watches.stop();
      const writes = await running.driver.stop(WRITE_WAIT_MS);
      await running.transport.stop();
      // Under a write that hangs, the files and the lock stay taken until the process ends.
      if (writes === 'ended') await this.#closeStore(running, reason);
      else this.#options.logger.warn('The disk has not finished a write; the log is left as it is.');
    }
    await this.#network?.close();
    this.#resolveStopped(reason);
  }

  /** A clean stop leaves the disk tidy. After a failure the store leaves it as it is: nothing more may be written. */
  async #closeStore({ core, store }: Running, reason: RaftError | null): Promise<void> {
    try {
      if (reason === null && core.reportedCommitIndex > 0)
        await store.saveCommitHint(core.reportedCommitIndex);
    } catch (error) {
      this.#warnAbout('The commit hint was not saved', error);
    }
    try {
      await store.close();
    } catch (error) {
      // What was acknowledged is durable already; only the tidying failed, and the next start does it again.
      this.#warnAbout('The log was not closed cleanly', error);
    }
  }

  #warnAbout(what: string, error: unknown): void {
    this.#options.logger.warn(`${what}: ${asRaftError(error).message}`);
  }

  #requireRunning(): Running {
    if (this.#running === undefined)
      throw new RaftError('stopping', 'This node is not running yet, or not any more.');
    return this.#running;
  }

  #leaderElsewhere({ core, members }: Running, options: RequestOptions): NodeId {
    const leader = core.leaderId;
    if (leader !== null && leader !== this.id && options.forwarded !== true) return leader;
    throw noLeader(leaderHint(core, members));
  }
}

function patienceOf(options: RequestOptions): Patience {
  return { timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS, signal: options.signal };
}
