import { assert, assertNever } from '../lib/assert.ts';
import { type NodeId, TERM_ZERO, type Term } from '../lib/brands.ts';
import { configurationOf, membersOf } from '../lib/configuration.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { voterIds } from './core/configuration.ts';
import { knownMembers } from './core/configuration-log.ts';
import type { CoreEvent } from './core/effects.ts';
import { type CoreState, createCore } from './core/state.ts';
import { SessionMachine } from './machine/sessions.ts';
import type {
  ChangeSelector,
  Clock,
  CommandResult,
  Connection,
  KnownMembers,
  Logger,
  LogPosition,
  LogStore,
  MembershipRequest,
  MembershipResult,
  Network,
  OpenedStore,
  PeerAddress,
  PeerMemory,
  Recovered,
  Self,
  StateMachine,
  TransferResult,
} from './ports.ts';
import { Applier } from './runtime/applier.ts';
import { checkCommand, checkMembers, removed } from './runtime/checks.ts';
import { CommitHintSaver } from './runtime/commit-hint-saver.ts';
import { CoreDriver } from './runtime/core-driver.ts';
import { coreOptions } from './runtime/core-options.ts';
import { describeEvent } from './runtime/describe-event.ts';
import { describeServer, lastLogPosition, leaderHint } from './runtime/describe-server.ts';
import { LeaderNews } from './runtime/leader-news.ts';
import { LogTime } from './runtime/log-time.ts';
import { Mailroom } from './runtime/mailroom.ts';
import { membersOfOurs } from './runtime/membership.ts';
import { PendingRequests } from './runtime/pending-requests.ts';
import { patienceOf, Requests } from './runtime/requests.ts';
import { unfailing } from './runtime/unfailing-logger.ts';
import { Watches } from './runtime/watches.ts';
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
  readonly self: Self;
  readonly peerMemory: PeerMemory;
  readonly driver: CoreDriver;
  readonly applier: Applier;
  readonly mailroom: Mailroom;
  readonly requests: Requests;
  readonly watches: Watches;
  readonly store: LogStore;
  readonly connection: Connection;
  readonly commitHint: CommitHintSaver;
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
  readonly #leaderNews: LeaderNews;
  #members: readonly PeerAddress[] | undefined;
  #network: Network | undefined;
  #running: Running | undefined;
  #hasStarted = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #stopInOrder: Promise<void> | undefined;
  #resolveStopped: (reason: RaftError | null) => void = () => {};

  constructor(options: ServerOptions) {
    this.id = options.id;
    this.#options = { ...options, logger: unfailing(options.logger) };
    this.#machine = new SessionMachine(options.machine);
    this.#logTime = new LogTime(options.clock, () => this.#machine.logTimeMs);
    this.#pending = new PendingRequests(options.clock);
    this.#leaderNews = new LeaderNews(options.clock);
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  /**
   * Sets the initial members of the cluster, this server among them. Before `start` only; without it, and with a blank
   * data directory, the server waits for a cluster to make it a member. `changeConfiguration` changes a cluster that runs.
   */
  setConfiguration(members: readonly PeerAddress[]): void {
    if (this.#hasStarted) {
      throw new RaftError('usage', 'setConfiguration sets the initial members, before start.', {
        suggestions: ['Call changeConfiguration to change the members of a cluster that runs.'],
      });
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

  /**
   * Stops cleanly; whoever still waits is answered. A leader hands over first, so that the others need not wait for an
   * election timeout. May be called more than once.
   */
  stop(): Promise<void> {
    this.#stopInOrder ??= this.#handOver().then(() => this.#end(null));
    return this.#stopInOrder;
  }

  /** For an election timeout at most, within which the core gives up. */
  async #handOver(): Promise<void> {
    const running = this.#running;
    if (running?.core.role !== 'leader') return;
    const voters = voterIds(running.core.configuration);
    // A voter that is alone has nobody to hand over to.
    if (voters.size === 1 && voters.has(this.id)) return;
    try {
      await running.requests.transferLeadership(null, {});
    } catch (error) {
      // Nobody else can lead, or this node stops leading in another way: it stops all the same.
      const why = asRaftError(error).message;
      this.#options.logger.info(`stops without a successor: ${why}`);
    }
  }

  async command(command: Uint8Array, options: CommandOptions = {}): Promise<CommandResult> {
    checkCommand(command, options.place);
    return await this.#requireRunning().requests.command(command, options);
  }

  async query(
    query: Uint8Array,
    consistency: Consistency,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    return await this.#requireRunning().requests.query(query, consistency, options);
  }

  async changeConfiguration(
    request: MembershipRequest,
    options: RequestOptions = {},
  ): Promise<MembershipResult> {
    return await this.#requireRunning().requests.changeConfiguration(request, options);
  }

  async transferLeadership(target: NodeId | null, options: RequestOptions = {}): Promise<TransferResult> {
    return await this.#requireRunning().requests.transferLeadership(target, options);
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

  /** Where the log ends: at its start before the server is started. */
  lastLogPosition(): LogPosition {
    return lastLogPosition(this.#running?.core);
  }

  status(): ServiceStatus {
    const { core, applier, self, peerMemory } = this.#requireRunning();
    const { lastApplied } = applier;
    const { logTimeMs } = this.#machine;
    return describeServer({ name: this.#options.name, core, self, peerMemory, lastApplied, logTimeMs });
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

  async #run(opened: OpenedStore, network: Network): Promise<void> {
    const { recovered, self, members, peerMemory } = opened;
    // A node that is to join a cluster has no initial members.
    if (members.length > 0) checkMembers(this.id, members);
    for (const warning of recovered.warnings) this.#options.logger.warn(warning);
    const core = this.#createCore(recovered, self, members);
    const connection = await network.open(self, membersOfCore(core), peerMemory);
    const running = this.#assemble(core, opened, connection);
    this.#running = running;
    if (core.commitIndex > 0) running.applier.advance(core.commitIndex);
    // Before the network says anything: what a member turns out to be counts for more.
    for (const peer of membersOfOurs(core, peerMemory))
      running.driver.enqueue({ type: 'dialect', peer, dialect: 'extended' });
    connection.transport.start(running.mailroom.handlers());
    running.driver.start();
    running.commitHint.start();
  }

  #createCore(recovered: Recovered, self: Self, initial: readonly PeerAddress[]): CoreState {
    const voters = initial.map(({ id, url = null }) => ({ id, url, incarnation: null }));
    const core = createCore(
      coreOptions({
        id: this.id,
        incarnation: self.incarnation,
        configuration: configurationOf({ voters }),
        timing: this.#options.timing,
        seed: this.#options.seed,
      }),
      { ...recovered, commitIndex: recovered.commitHint },
    );
    if (core.abstainThrough > 0 && core.configuration.voters.length === 1) {
      throw new RaftError(
        'damaged',
        'The end of the log was damaged, and this cluster has no other node that could tell what stood there.',
        { suggestions: ['raft log verify <data-dir>', 'Restore the data directory from a copy.'] },
      );
    }
    return core;
  }

  #assemble(
    core: CoreState,
    { store, self, peerMemory }: Pick<OpenedStore, 'store' | 'self' | 'peerMemory'>,
    connection: Connection,
  ): Running {
    const { machine, clock, timing, logger } = this.#options;
    const pending = this.#pending;
    const mailroom = new Mailroom({
      core,
      logger,
      driver: () => driver,
      failed: (reason) => void this.#end(reason),
    });
    const failed = (reason: RaftError) => void this.#end(reason);
    const applier = new Applier(store, this.#machine, clock, {
      applied: (entry, answer) => {
        this.#logTime.observe();
        pending.applied(entry.index, answer);
      },
      progressed: () => watches.wake(),
      failed,
    });
    const driver = new CoreDriver(core, store, clock, timing.heartbeatMs / 2, {
      send: (outgoing) => mailroom.send(connection.transport, outgoing),
      committed: (commitIndex) => applier.advance(commitIndex),
      outcome: (outcome) => pending.decide(outcome),
      event: (event) => this.#notice(event, connection),
      failed,
    });
    const requests = new Requests({
      ...{ core, driver, applier, connection, self, peerMemory, pending, clock },
      ...{ machine: this.#machine, logTime: this.#logTime, leaderNews: this.#leaderNews },
    });
    const watches: Watches = new Watches({
      ...{ machine, clock, core, applier },
      readIndex: (options) => requests.readIndex(patienceOf(options)),
      leader: () => leaderHint(core),
    });
    const commitHint = new CommitHintSaver({ core, store, clock, logger });
    const parts = { core, driver, applier, mailroom, requests, watches, store, connection, commitHint };
    return { ...parts, self, peerMemory };
  }

  /** What happened in the core, as far as others than the core have to act on it. */
  #notice(event: CoreEvent, connection: Connection): void {
    this.#options.logger.info(describeEvent(event));
    switch (event.type) {
      case 'leader':
        this.#leaderNews.announce();
        return;
      case 'configuration':
        connection.setMembers({ inForce: membersOf(event.configuration), all: event.members });
        return;
      case 'removed':
        void this.#end(removed(event.index));
        return;
      case 'role':
      case 'caughtUp':
        return;
      default:
        assertNever(event, 'event');
    }
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
      running.commitHint.stop();
      this.#pending.stop();
      running.applier.stop();
      running.watches.stop();
      const writes = await running.driver.stop(WRITE_WAIT_MS);
      await running.connection.transport.stop();
      // Under a write that hangs, the files and the lock stay taken until the process ends.
      if (writes === 'ended') await this.#closeStore(running, reason);
      else this.#options.logger.warn('The disk has not finished a write; the log is left as it is.');
    }
    await this.#network?.close();
    this.#resolveStopped(reason);
  }

  /** A clean stop leaves the disk tidy. After a failure the store leaves it as it is: nothing more may be written. */
  async #closeStore({ commitHint, store }: Running, reason: RaftError | null): Promise<void> {
    if (reason === null) await commitHint.saveLast();
    try {
      await store.close();
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
}

function membersOfCore(core: CoreState): KnownMembers {
  return { inForce: membersOf(core.configuration), all: knownMembers(core) };
}
