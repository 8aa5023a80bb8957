import { Agent } from 'node:http';
import { errorIn } from '../http/error-body.ts';
import type { Exchange } from '../http/exchange.ts';
import { PATHS } from '../http/paths.ts';
import type { NodeId } from '../lib/brands.ts';
import { utf8 } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import {
  CHANGE_TIMEOUT_MS,
  CLIENT_CONNECTIONS_MAX,
  CLIENT_TIMEOUT_MS,
  COMMAND_BYTES_MAX,
  IDLE_CONNECTION_TIMEOUT_MS,
  RESPONSE_BYTES_MAX,
} from '../lib/limits.ts';
import type { CommandResult, MembershipRequest, MembershipResult, TransferResult } from '../raft/ports.ts';
import { baseUrl } from './base-url.ts';
import { ClientSession, type Turn } from './client-session.ts';
import type { CallOptions, ClientOptions, Leader, QueryOptions, RaftClient } from './client-types.ts';
import { CommandTries } from './command-tries.ts';
import { httpCall } from './http-call.ts';
import { membershipJson, membershipResultIn, transferResultIn } from './membership.ts';
import { nodeStatusIn } from './node-status.ts';
import { Patience } from './patience.ts';
import type { NodeStatus, WatchEvent } from './schema.ts';
import { sessionHeaders } from './session-headers.ts';
import { type Call, calledOff, surrender } from './surrender.ts';
import {
  leaderAmong,
  logTimeAmong,
  membersIn,
  type ServerReport,
  serverForStaleReads,
  serverForWrites,
  survey,
  turnoutOf,
} from './survey.ts';
import {
  noNode,
  unreachable,
  type Verdict,
  verdictOnAdministration,
  verdictOnCommand,
  verdictOnQuery,
} from './verdict.ts';
import { type WatchOptions, watchCluster } from './watch.ts';

/** A server that is asked for its status answers within this time, or is passed over, in milliseconds. */
const STATUS_TIMEOUT_MS = 500;

/** A read that is not answered in this time is asked elsewhere, in milliseconds: it changes nothing. */
const READ_ATTEMPT_TIMEOUT_MS = 1_500;

/** Pauses between attempts while no leader is known, in milliseconds; the last one repeats. */
const PAUSES_MS: readonly number[] = [20, 50, 100, 200];

interface PostRequest {
  readonly path: string;
  readonly body: Uint8Array;
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client for the nodes at `servers`. Throws a `RaftError` (`usage`) where there is none, or an address is none. */
export function createClient(options: ClientOptions): RaftClient {
  if (options.servers.length === 0)
    throw new RaftError('usage', 'A client needs the address of at least one server.');
  return new HttpClient(options);
}

class HttpClient implements RaftClient {
  readonly #servers: readonly string[];
  /** The members, as the last answers named them: the servers that the user named may be gone one day. */
  #members: readonly string[] = [];
  readonly #timeoutMs: number;
  /** A server drops a connection that was idle for long; ours ends first, or a command could be sent into its end. */
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: CLIENT_CONNECTIONS_MAX,
    timeout: IDLE_CONNECTION_TIMEOUT_MS / 2,
  });
  readonly #closed = new AbortController();
  readonly #usesSessions: boolean;
  #session: ClientSession | undefined;
  /** What the last survey said: null where sessions cannot be used. */
  #logTimeMs: number | null | undefined;
  /** Where the last command or linearizable read was answered. */
  #serverForWrites: string | undefined;

  constructor(options: ClientOptions) {
    this.#servers = options.servers.map(baseUrl);
    this.#timeoutMs = options.timeoutMs ?? CLIENT_TIMEOUT_MS;
    this.#usesSessions = options.session ?? true;
  }

  async command(command: Uint8Array, options: CallOptions = {}): Promise<CommandResult> {
    if (command.length === 0) throw new RaftError('bad-request', 'A command must have at least one byte.');
    if (command.length > COMMAND_BYTES_MAX) {
      throw new RaftError(
        'too-large',
        `A command has at most ${COMMAND_BYTES_MAX} bytes, not ${command.length}.`,
      );
    }
    const patience = this.#patience(options);
    const tries = new CommandTries();
    try {
      return await this.#untilDone('command', patience, () => this.#tryCommand(command, tries, patience));
    } catch (error) {
      throw tries.failure(error);
    } finally {
      tries.end();
    }
  }

  async query(query: Uint8Array, options: QueryOptions = {}): Promise<Uint8Array> {
    const consistency = options.consistency ?? 'linearizable';
    const patience = this.#patience(options);
    return this.#untilDone(consistency === 'stale' ? 'stale read' : 'read', patience, async () => {
      const server =
        consistency === 'stale'
          ? serverForStaleReads(this.#servers, await this.#survey(patience))
          : await this.#findServerForWrites(patience);
      if (server === undefined || patience.isOver) return undefined;
      const timeoutMs = Math.min(READ_ATTEMPT_TIMEOUT_MS, patience.leftMs());
      const path = `${PATHS.query}?consistency=${consistency}`;
      const outcome = await this.#post(server, { path, body: query, timeoutMs }, patience);
      return consistency === 'stale'
        ? verdictOnQuery(server, outcome)
        : this.#judge(server, outcome, verdictOnQuery);
    });
  }

  async status(server: string, options: CallOptions = {}): Promise<NodeStatus> {
    const report = await this.#ask(server, this.#patience(options).leftMs(), options.signal);
    if (report.type === 'status') return report.status;
    throw report.error;
  }

  async statusAll(): Promise<readonly ServerReport[]> {
    return Promise.all(this.#servers.map((server) => this.#ask(server, STATUS_TIMEOUT_MS)));
  }

  async leader(options: CallOptions = {}): Promise<Leader> {
    const patience = this.#patience(options);
    return this.#untilDone('leader', patience, async () => {
      const reports = await this.#survey(patience);
      const report = leaderAmong(reports) ?? (await this.#askForLeader(reports, patience));
      if (report?.type !== 'status' || report.status.role !== 'leader') return undefined;
      const { id, name, term, leaderUrl } = report.status;
      return { type: 'done', value: { id, name, url: leaderUrl ?? report.server, term } };
    });
  }

  async changeConfiguration(
    request: MembershipRequest,
    options: CallOptions = {},
  ): Promise<MembershipResult> {
    const patience = this.#patience({ timeoutMs: CHANGE_TIMEOUT_MS, ...options });
    return this.#administer(
      'change',
      PATHS.configuration,
      membershipJson(request),
      patience,
      membershipResultIn,
    );
  }

  async transferLeadership(target: NodeId | null, options: CallOptions = {}): Promise<TransferResult> {
    const patience = this.#patience(options);
    return this.#administer('transfer', PATHS.transfer, { target }, patience, transferResultIn);
  }

  watch(options: WatchOptions): AsyncIterable<WatchEvent> {
    const client = { agent: this.#agent, servers: this.#servers, timeoutMs: this.#timeoutMs };
    return watchCluster({ ...client, closed: this.#closed.signal }, options);
  }

  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  /** Has the leader do something to the cluster. Sent again only where it certainly was not begun. */
  async #administer<T>(
    call: Call,
    path: string,
    json: unknown,
    patience: Patience,
    resultIn: (body: Uint8Array) => T,
  ): Promise<T> {
    const body = utf8(JSON.stringify(json));
    return this.#untilDone(call, patience, async () => {
      const server = await this.#findServerForWrites(patience);
      if (server === undefined || patience.isOver) return undefined;
      const outcome = await this.#post(server, { path, body, timeoutMs: patience.leftMs() }, patience);
      return this.#judge(server, outcome, (at, exchange) => verdictOnAdministration(at, exchange, resultIn));
    });
  }

  async #tryCommand(
    command: Uint8Array,
    tries: CommandTries,
    patience: Patience,
  ): Promise<Verdict<CommandResult> | undefined> {
    const server = await this.#findServerForWrites(patience).catch((error: unknown) => {
      // Nobody listens, but it was sent to somebody: they may be back in time to say what became of it.
      if (tries.isInDoubt) return undefined;
      throw error;
    });
    if (server === undefined) return undefined;
    const turn = await this.#turnOf(tries, patience);
    // A command that left now could not be answered in time: that it was not sent at all is certain.
    if (turn === 'not-yet' || patience.isOver) return undefined;
    if (turn === 'no-session') {
      const once = { path: PATHS.command, body: command, timeoutMs: patience.leftMs() };
      return this.#judge(server, await this.#post(server, once, patience), verdictOnCommand);
    }
    const request = {
      path: PATHS.sessionCommand,
      body: command,
      timeoutMs: tries.nextTimeoutMs(patience),
      headers: sessionHeaders(turn.place()),
    };
    return this.#judge(server, await this.#post(server, request, patience), (at, outcome) =>
      tries.judge(at, outcome, (session) => this.#forget(session)),
    );
  }

  /** A command's turn in this client's session, which is opened where there is none. */
  async #turnOf(tries: CommandTries, patience: Patience): Promise<Turn | 'no-session' | 'not-yet'> {
    if (tries.session !== undefined) return tries.turnIn(tries.session, patience);
    if (!this.#usesSessions || !tries.wantsSession || this.#logTimeMs === null) return 'no-session';
    if (this.#logTimeMs === undefined) return 'not-yet';
    this.#session ??= new ClientSession(this.#logTimeMs);
    return tries.turnIn(this.#session, patience);
  }

  #forget(session: ClientSession): void {
    if (this.#session === session) this.#session = undefined;
  }

  #patience(options: CallOptions): Patience {
    return new Patience(options.timeoutMs ?? this.#timeoutMs, options.signal);
  }

  /** Tries until there is a verdict, or time is up. `attempt` gives undefined where nobody knows of a leader. */
  async #untilDone<T>(
    call: Call,
    patience: Patience,
    attempt: () => Promise<Verdict<T> | undefined>,
  ): Promise<T> {
    let last: RaftError | undefined;
    for (let round = 0; ; round++) {
      const verdict = await attempt();
      if (verdict?.type === 'done') return verdict.value;
      last = verdict?.error ?? last;
      const pauseMs = PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)] ?? 0;
      if (patience.leftMs() <= pauseMs) throw surrender(call, patience, last);
      await patience.pause(pauseMs);
      if (patience.isCalledOff) throw calledOff(call);
    }
  }

  /** The verdict on an answer. Whoever answered well is asked first the next time, and whoever did not is forgotten. */
  #judge<T>(
    server: string,
    outcome: Exchange,
    judge: (server: string, outcome: Exchange) => Verdict<T>,
  ): Verdict<T> {
    this.#serverForWrites = undefined;
    const verdict = judge(server, outcome);
    if (verdict.type === 'done') this.#serverForWrites = server;
    return verdict;
  }

  async #findServerForWrites(patience: Patience): Promise<string | undefined> {
    return this.#serverForWrites ?? serverForWrites(await this.#survey(patience));
  }

  /** Asks everyone who leads. Throws `unreachable` where nobody listens at any address: waiting would not help. */
  async #survey(patience: Patience): Promise<readonly ServerReport[]> {
    const timeoutMs = statusTimeoutMs(patience);
    const ask = (server: string) => this.#ask(server, timeoutMs, patience.signal);
    const given = await survey(this.#servers, ask);
    // The user's servers come first: they may be the only ones that can be reached from here.
    const others = this.#members.filter((url) => !this.#servers.includes(url));
    const isLed = leaderAmong(given) !== undefined || others.length === 0;
    const reports = isLed ? given : [...given, ...(await survey(others, ask))];
    const turnout = turnoutOf(reports, { servers: this.#servers, members: this.#members });
    patience.noteTurnout(turnout);
    this.#members = membersIn(reports) ?? this.#members;
    const logTimeMs = logTimeAmong(reports);
    if (logTimeMs !== undefined) this.#logTimeMs = logTimeMs;
    const [first] = reports;
    if (first?.type === 'silent' && reports.every((report) => report.type === 'silent' && report.isRefused)) {
      if (turnout.asked === 1) throw first.error;
      throw new RaftError('unreachable', `None of the ${turnout.asked} servers answers.`, {
        suggestions: first.error.suggestions,
        cause: first.error,
      });
    }
    return reports;
  }

  /** Where the leader is not in our list, those who are name its address. */
  async #askForLeader(
    reports: readonly ServerReport[],
    patience: Patience,
  ): Promise<ServerReport | undefined> {
    for (const report of reports) {
      const url = report.type === 'status' ? report.status.leaderUrl : null;
      if (url !== null) return this.#ask(url, statusTimeoutMs(patience), patience.signal);
    }
    return undefined;
  }

  async #ask(server: string, timeoutMs: number, signal?: AbortSignal): Promise<ServerReport> {
    const outcome = await httpCall(this.#agent, server, {
      method: 'GET',
      path: PATHS.status,
      headers: {},
      timeoutMs,
      responseBytesMax: RESPONSE_BYTES_MAX,
      ...(signal === undefined ? {} : { signal }),
    });
    if (outcome.type === 'failed') {
      const error = unreachable(server, outcome.reason);
      const isRefused = !outcome.sent && outcome.cause === 'connection';
      return { server, type: 'silent', isRefused, error };
    }
    const status = outcome.status === 200 ? nodeStatusIn(outcome.body) : undefined;
    if (status !== undefined) return { server, type: 'status', status };
    return { server, type: 'no-status', error: errorIn(outcome.body) ?? noNode(server, outcome.status) };
  }

  #post(server: string, request: PostRequest, { signal }: Patience): Promise<Exchange> {
    const { path, body, timeoutMs, headers = {} } = request;
    return httpCall(this.#agent, server, {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/octet-stream', ...headers },
      body,
      timeoutMs,
      responseBytesMax: RESPONSE_BYTES_MAX,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** How long a server is waited for when it is asked for its status, in milliseconds. */
function statusTimeoutMs(patience: Patience): number {
  return Math.min(STATUS_TIMEOUT_MS, patience.leftMs());
}
