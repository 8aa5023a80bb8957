import type { Exchange } from '../http/exchange.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { SESSION_TRY_TIMEOUT_MS } from '../lib/limits.ts';
import type { CommandResult } from '../raft/ports.ts';
import type { ClientSession, Turn } from './client-session.ts';
import type { Patience } from './patience.ts';
import { type Verdict, verdictInSession } from './verdict.ts';

/**
 * One command of a client from its first try to its last. In a session it keeps its sequence through all of them, so
 * that it is applied once; without one it is sent at most once.
 */
export class CommandTries {
  #session: ClientSession | undefined;
  #turn: Turn | undefined;
  #count = 0;
  /** The cluster takes no commands in sessions. */
  #isRefused = false;
  /** Why an earlier try may have been done, or may yet be. */
  #doubt: RaftError | undefined;

  /** Whether nothing can be said of the earlier tries; then another is worth while as long as there is time. */
  get isInDoubt(): boolean {
    return this.#doubt !== undefined;
  }

  /** Whether this command is to be sent in a session. */
  get wantsSession(): boolean {
    return !this.#isRefused;
  }

  /** The turn of this command in its session, which is taken where there is none yet. */
  async turnIn(session: ClientSession, patience: Patience): Promise<Turn> {
    if (this.#turn !== undefined) return this.#turn;
    this.#session = session;
    this.#turn = await session.begin(patience);
    return this.#turn;
  }

  /** The session in which this command has its turn. */
  get session(): ClientSession | undefined {
    return this.#turn === undefined ? undefined : this.#session;
  }

  /** How long the next try may take, in milliseconds: longer each time, so that slow answers arrive in the end. */
  nextTimeoutMs(patience: Patience): number {
    return Math.min(patience.leftMs(), SESSION_TRY_TIMEOUT_MS * 2 ** this.#count++);
  }

  /** Judges the answer to a try. Throws where another is of no use; `forget` is called where the session is no more. */
  judge(server: string, outcome: Exchange, forget: (session: ClientSession) => void): Verdict<CommandResult> {
    const verdict = verdictInSession(server, outcome);
    switch (verdict.type) {
      case 'done':
      case 'again':
        return verdict;
      case 'doubtful':
        this.#doubt ??= verdict.error;
        return { type: 'again', error: verdict.error };
      case 'expired':
      case 'unsupported':
        // In another session, or in none, nobody would know this command again.
        if (this.isInDoubt) throw verdict.error;
        if (this.#session !== undefined && verdict.type === 'expired') forget(this.#session);
        this.#isRefused = verdict.type === 'unsupported';
        this.end();
        return { type: 'again', error: verdict.error };
    }
  }

  /** The error with which the command ends: whatever the last try says, an earlier one may have been done. */
  failure(error: unknown): unknown {
    const last = asRaftError(error);
    if (this.#doubt === undefined || last.code === 'session-expired') return error;
    const suggestions = [...new Set([...this.#doubt.suggestions, ...last.suggestions])];
    return new RaftError('outcome-unknown', this.#doubt.message, { suggestions, cause: error });
  }

  /** Gives the turn back. */
  end(): void {
    this.#turn?.end();
    this.#turn = undefined;
  }
}
