import type { LogIndex, Term } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import type { SessionCommand } from '../../lib/session-command.ts';
import type { StateMachine } from '../ports.ts';
import { decodeSessionSnapshot, encodeSessionSnapshot } from './session-snapshot.ts';
import {
  SESSION_LIMITS,
  type SessionLimits,
  type SessionRefusal,
  SessionTable,
  type SessionVerdict,
} from './session-table.ts';

/** What becomes of a committed command: the machine's answer and the entry that it answers, or why it was not applied. */
export type Answer = Exclude<SessionVerdict, { readonly type: 'apply' }>;

/** The entry at which a command stands. */
export interface EntryPosition {
  readonly index: LogIndex;
  readonly term: Term;
}

/**
 * A machine with the sessions of its clients around it, so that a command that comes again is answered and not applied
 * again (trap 21). The sessions are replicated state like the machine's own, and go with it into a snapshot.
 */
export class SessionMachine implements StateMachine {
  readonly #machine: StateMachine;
  readonly #limits: SessionLimits;
  #table: SessionTable;

  constructor(machine: StateMachine, limits: SessionLimits = SESSION_LIMITS) {
    this.#machine = machine;
    this.#limits = limits;
    this.#table = new SessionTable(limits);
  }

  /** The log time, in milliseconds: what a client names when it opens a session. */
  get logTimeMs(): number {
    return this.#table.logTimeMs;
  }

  /** Applies a command without a session: it is applied as often as it was committed. */
  apply(index: LogIndex, command: Uint8Array): Uint8Array {
    // Users bring their own machines, also from plain JavaScript.
    const answer: unknown = this.#machine.apply(index, command);
    if (answer instanceof Uint8Array) return answer;
    throw new RaftError(
      'machine-error',
      `The machine answered the command at index ${index} with no bytes.`,
      {
        suggestions: ['Return a Uint8Array from apply, an empty one where there is nothing to say.'],
      },
    );
  }

  /** Applies a command in a session, unless it was applied before or has to be refused. */
  applyInSession({ index, term }: EntryPosition, { place, command }: SessionCommand): Answer {
    const verdict = this.#table.decide(place);
    if (verdict.type !== 'apply') return verdict;
    const response = this.apply(index, command);
    this.#table.note(place, { index, term }, response);
    return { type: 'answered', index, term, response };
  }

  query(query: Uint8Array): Uint8Array {
    return this.#machine.query(query);
  }

  snapshot(): Uint8Array {
    return encodeSessionSnapshot(this.#table.state(), this.#machine.snapshot());
  }

  /** Throws a `RaftError` (`damaged`) where the bytes are no snapshot; the state is then what it was. */
  restore(snapshot: Uint8Array): void {
    const { state, machine } = decodeSessionSnapshot(snapshot);
    this.#machine.restore(machine);
    this.#table = new SessionTable(this.#limits, state);
  }
}

/** What a client is told whose command was refused by its session. */
export function refusalError(refusal: SessionRefusal): RaftError {
  switch (refusal.reason) {
    case 'no-session':
      return expired('The session is not known any more; this try was not applied.');
    case 'acknowledged':
      return expired('The command was acknowledged before; this try was not applied.');
    case 'answer-dropped':
      return expired(
        `The command was applied as entry ${refusal.index} of term ${refusal.term}, and its answer is not kept any more.`,
      );
    case 'sessions-full':
      return new RaftError(
        'too-many',
        'The cluster keeps as many sessions as it may; the command was not applied.',
        {
          suggestions: [
            'Send commands over one client, or one standard input: raft command -',
            'Without a session, and at most once: raft command --once TEXT',
          ],
        },
      );
    case 'commands-full':
      return new RaftError(
        'too-many',
        'Too many commands of one session are under way; this try was not applied.',
        {
          suggestions: ['Acknowledge the answers that have come, then send this one again.'],
        },
      );
  }
}

function expired(message: string): RaftError {
  return new RaftError('session-expired', message, {
    suggestions: [
      'If it was tried before, look whether it was done then.',
      'Send further commands in a new session.',
    ],
  });
}
