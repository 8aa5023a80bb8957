import type { LogIndex, NodeId } from '../../lib/brands.ts';
import { encodePayload } from '../../lib/entry.ts';
import { RaftError } from '../../lib/errors.ts';
import { CHANGE_WAIT_MS_MAX, REQUEST_TIMEOUT_MS } from '../../lib/limits.ts';
import type { CoreState } from '../core/state.ts';
import type { SessionMachine } from '../machine/sessions.ts';
import type {
  ClientCommand,
  Clock,
  CommandResult,
  Connection,
  MembershipRequest,
  MembershipResult,
  PeerMemory,
  Self,
  TransferResult,
} from '../ports.ts';
import type { CommandOptions, Consistency, RequestOptions } from '../service.ts';
import type { Applier } from './applier.ts';
import { noLeader } from './checks.ts';
import type { CoreDriver } from './core-driver.ts';
import { leaderHint } from './describe-server.ts';
import type { LeaderNews } from './leader-news.ts';
import type { LogTime } from './log-time.ts';
import { checkMembership, identifyMembers } from './membership.ts';
import type { Patience, PendingRequests } from './pending-requests.ts';
import { withDeadline } from './with-deadline.ts';

/** What requests need of the server that runs. */
export interface ServingParts {
  readonly core: CoreState;
  readonly driver: CoreDriver;
  readonly applier: Applier;
  readonly connection: Connection;
  readonly self: Self;
  readonly peerMemory: PeerMemory;
  readonly machine: SessionMachine;
  readonly logTime: LogTime;
  readonly pending: PendingRequests;
  readonly leaderNews: LeaderNews;
  readonly clock: Clock;
}

/** While leadership is handed over, a request waits for the next leader for this many election timeouts. */
const HANDOVER_TIMEOUTS = 2;

/** What users ask of a server that runs: done here where it leads, and passed on to the leader where it does not. */
export class Requests {
  readonly #parts: ServingParts;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  async command(command: Uint8Array, options: CommandOptions): Promise<CommandResult> {
    const { place } = options;
    return await this.#throughHandover(options, (patience) =>
      this.#atLeader(
        options,
        patience,
        () => this.#propose({ command, place }, patience),
        (leader, signal) => this.#parts.connection.forward.command(leader, { command, place }, signal),
      ),
    );
  }

  async query(query: Uint8Array, consistency: Consistency, options: RequestOptions): Promise<Uint8Array> {
    const { machine, connection } = this.#parts;
    if (consistency === 'stale') return machine.query(query);
    return await this.#throughHandover(options, (patience) =>
      this.#atLeader(
        options,
        patience,
        async () => {
          await this.#parts.applier.applied(await this.readIndex(patience), patience);
          return machine.query(query);
        },
        (leader, signal) => connection.forward.query(leader, query, signal),
      ),
    );
  }

  /** The index that a linearizable read has to wait for. This server leads. */
  readIndex(patience: Patience): Promise<LogIndex> {
    const { pending, driver } = this.#parts;
    return pending.read(patience, (readId) => driver.readIndex(readId));
  }

  /** Not sent again when the leader changes on the way: the next leader may be finishing it. */
  async changeConfiguration(request: MembershipRequest, options: RequestOptions): Promise<MembershipResult> {
    checkMembership(request);
    const patience = patienceOf(options, CHANGE_WAIT_MS_MAX);
    return await this.#atLeader(
      options,
      patience,
      () => this.#change(request, patience),
      (leader, signal) => this.#parts.connection.forward.changeConfiguration(leader, request, signal),
    );
  }

  async transferLeadership(target: NodeId | null, options: RequestOptions): Promise<TransferResult> {
    const { pending, driver, connection } = this.#parts;
    const patience = patienceOf(options);
    return await this.#atLeader(
      options,
      patience,
      () =>
        pending.transfer(patience, (transferId) =>
          driver.enqueue({ type: 'transferLeadership', transferId, target }),
        ),
      (leader, signal) => connection.forward.transferLeadership(leader, target, signal),
    );
  }

  #propose(command: ClientCommand, patience: Patience): Promise<CommandResult> {
    const { pending, driver, logTime } = this.#parts;
    const payload = encodePayload(logTime.payloadOf(command));
    return pending.command(patience, (proposalId) => driver.propose({ proposalId, command: payload }));
  }

  async #change(request: MembershipRequest, patience: Patience): Promise<MembershipResult> {
    const { pending, driver } = this.#parts;
    const { expectIndex, isForced } = request;
    const members = await identifyMembers(request, this.#parts);
    return await pending.change(patience, (changeId) =>
      driver.enqueue({
        type: 'changeConfiguration',
        request: { changeId, ...members, expectIndex, isForced },
      }),
    );
  }

  #atLeader<T>(
    options: RequestOptions,
    patience: Patience,
    here: () => Promise<T>,
    there: (leader: NodeId, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { core, clock } = this.#parts;
    if (core.role === 'leader') return here();
    const leader = core.leaderId;
    if (leader === null || leader === core.options.id || options.forwarded === true)
      throw noLeader(leaderHint(core));
    return withDeadline(clock, patience, (signal) => there(leader, signal));
  }

  /**
   * Tries again at the next leader where the last one says that it stopped leading before it took the request: while it
   * hands over, nobody need hear of it. A request that was forwarded goes back to whoever forwarded it.
   */
  async #throughHandover<T>(
    options: RequestOptions,
    attempt: (patience: Patience) => Promise<T>,
  ): Promise<T> {
    const { clock, core, leaderNews } = this.#parts;
    const patience = patienceOf(options);
    const beganMs = clock.nowMs();
    const patienceMs = Math.min(patience.timeoutMs, HANDOVER_TIMEOUTS * core.options.electionTimeoutMsMax);
    let isHandover = false;
    for (;;) {
      const waitedMs = clock.nowMs() - beganMs;
      try {
        return await attempt({ ...patience, timeoutMs: Math.max(1, patience.timeoutMs - waitedMs) });
      } catch (error) {
        isHandover ||= error instanceof RaftError && error.code === 'not-leader';
        if (!isHandover || !isBetweenLeaders(error) || options.forwarded === true) throw error;
        if (clock.nowMs() - beganMs >= patienceMs) throw error;
      }
      await leaderNews.next(core.options.heartbeatMs);
    }
  }
}

function isBetweenLeaders(error: unknown): boolean {
  return error instanceof RaftError && (error.code === 'not-leader' || error.code === 'no-leader');
}

/** How long a request may wait. */
export function patienceOf(options: RequestOptions, timeoutMs: number = REQUEST_TIMEOUT_MS): Patience {
  return { timeoutMs: options.timeoutMs ?? timeoutMs, signal: options.signal };
}
