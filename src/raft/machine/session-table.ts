import { assert, present } from '../../lib/assert.ts';
import type { LogIndex, SessionId, Term } from '../../lib/brands.ts';
import {
  SESSION_ANSWER_BYTES_MAX,
  SESSION_COMMANDS_MAX,
  SESSION_EXPIRY_MS,
  SESSION_OPEN_WINDOW_MS,
  SESSIONS_ANSWER_BYTES_MAX,
  SESSIONS_MAX,
} from '../../lib/limits.ts';
import type { StampedPlace } from '../../lib/session-command.ts';

/** How much a table keeps. Every node of a cluster has to have the same limits. */
export interface SessionLimits {
  readonly sessionsMax: number;
  readonly openWindowMs: number;
  readonly expiryMs: number;
  readonly commandsMax: number;
  readonly sessionAnswerBytesMax: number;
  readonly answerBytesMax: number;
}

export const SESSION_LIMITS: SessionLimits = {
  sessionsMax: SESSIONS_MAX,
  openWindowMs: SESSION_OPEN_WINDOW_MS,
  expiryMs: SESSION_EXPIRY_MS,
  commandsMax: SESSION_COMMANDS_MAX,
  sessionAnswerBytesMax: SESSION_ANSWER_BYTES_MAX,
  answerBytesMax: SESSIONS_ANSWER_BYTES_MAX,
};

/** The entry that was applied for a sequence, and what the machine said. */
export interface KeptAnswer {
  readonly sequence: number;
  readonly index: LogIndex;
  readonly term: Term;
  /** Null where it was dropped for want of room: that the command was applied is remembered all the same. */
  readonly response: Uint8Array | null;
}

/** One client's session, as plain data. */
export interface SessionRecord {
  readonly id: SessionId;
  /** The log time at which its last command was applied. */
  readonly lastUsedMs: number;
  readonly acknowledgedBelow: number;
  /** In the order in which they were applied. */
  readonly answers: readonly KeptAnswer[];
}

/** A table as plain data. */
export interface SessionTableState {
  readonly logTimeMs: number;
  /** The one that was used least recently comes first. */
  readonly sessions: readonly SessionRecord[];
}

/** Why a command in a session is not applied. Where it came before, it may have been applied then. */
export type SessionRefusal =
  /** There is no such session any more, and the command comes too late to open it. */
  | { readonly reason: 'no-session' }
  /** The client has said that it needs no answer to this sequence any more. */
  | { readonly reason: 'acknowledged' }
  /** It was applied as this entry; the answer is not kept any more. */
  | { readonly reason: 'answer-dropped'; readonly index: LogIndex; readonly term: Term }
  | { readonly reason: 'sessions-full' }
  | { readonly reason: 'commands-full' };

/** What is to be done with a command in a session. */
export type SessionVerdict =
  /** Apply it, and note its answer. */
  | { readonly type: 'apply' }
  /** It was applied before, and this was the answer. */
  | {
      readonly type: 'answered';
      readonly index: LogIndex;
      readonly term: Term;
      readonly response: Uint8Array;
    }
  | { readonly type: 'refused'; readonly refusal: SessionRefusal };

interface Session {
  lastUsedMs: number;
  acknowledgedBelow: number;
  readonly answers: Map<number, Answer>;
  bytes: number;
}

interface Answer {
  readonly session: Session;
  readonly sequence: number;
  readonly index: LogIndex;
  readonly term: Term;
  response: Uint8Array | null;
}

/**
 * The sessions of clients (§8; dissertation 6.3): which commands were applied, and what was answered. Part of the
 * replicated state: every node decides the same from the same entries, with log time in place of a clock.
 *
 * No late copy of a command can open a session for the second time: a session opens within `openWindowMs` of the log
 * time that its client had read, and none is dropped before it was idle for longer than that.
 */
export class SessionTable {
  readonly #limits: SessionLimits;
  /** The one that was used least recently comes first. */
  readonly #sessions = new Map<SessionId, Session>();
  /** Answers whose response is kept, the oldest first. */
  readonly #kept = new Set<Answer>();
  #bytes = 0;
  #logTimeMs = 0;
  /** No session was used last before this. To look at the first of a Map costs as much as was deleted before it. */
  #oldestUsedMs = 0;

  constructor(limits: SessionLimits, state: SessionTableState = { logTimeMs: 0, sessions: [] }) {
    assert(limits.expiryMs >= limits.openWindowMs, 'A session would expire while it can still be opened');
    this.#limits = limits;
    this.#logTimeMs = state.logTimeMs;
    for (const record of state.sessions) this.#load(record);
    // Within a session answers stand in this order already; between them, the order in the log is that of their age.
    const byAge = [...this.#kept].sort((a, b) => a.index - b.index);
    this.#kept.clear();
    for (const answer of byAge) this.#kept.add(answer);
  }

  /** Milliseconds that leaders have counted, as far as entries have carried them. */
  get logTimeMs(): number {
    return this.#logTimeMs;
  }

  /** Decides on a command. Where it is to be applied, `note` has to follow. */
  decide(place: StampedPlace): SessionVerdict {
    this.#advanceTime(place.logTimeMs);
    const session = this.#sessions.get(place.session);
    if (session === undefined) return this.#open(place);
    this.#use(place.session, session);
    return this.#decideIn(session, place);
  }

  /** Notes the answer to a command that `decide` wanted applied. */
  note(place: StampedPlace, answer: Omit<KeptAnswer, 'sequence' | 'response'>, response: Uint8Array): void {
    const session = present(this.#sessions.get(place.session), `session ${place.session}`);
    assert(!session.answers.has(place.sequence), `Sequence ${place.sequence} was applied twice`);
    // A copy: the machine may use its bytes again, and a view would hold all that it is a view of.
    this.#add(session, { ...answer, sequence: place.sequence, response: new Uint8Array(response) });
    this.#dropOldest(session);
  }

  state(): SessionTableState {
    const sessions = [...this.#sessions].map(([id, { lastUsedMs, acknowledgedBelow, answers }]) => ({
      id,
      lastUsedMs,
      acknowledgedBelow,
      answers: [...answers.values()],
    }));
    return { logTimeMs: this.#logTimeMs, sessions };
  }

  #advanceTime(logTimeMs: number): void {
    this.#logTimeMs = Math.max(this.#logTimeMs, logTimeMs);
    if (!this.#isExpired(this.#oldestUsedMs)) return;
    this.#oldestUsedMs = this.#logTimeMs;
    for (const [id, session] of this.#sessions) {
      if (!this.#isExpired(session.lastUsedMs)) {
        this.#oldestUsedMs = session.lastUsedMs;
        return;
      }
      this.#forget(id, session);
    }
  }

  #isExpired(lastUsedMs: number): boolean {
    return this.#logTimeMs - lastUsedMs > this.#limits.expiryMs;
  }

  #open(place: StampedPlace): SessionVerdict {
    const ageMs = this.#logTimeMs - place.openedAtMs;
    // A time that is still to come was read nowhere in this cluster.
    if (ageMs < 0 || ageMs > this.#limits.openWindowMs) return refused({ reason: 'no-session' });
    if (!this.#makeRoom()) return refused({ reason: 'sessions-full' });
    const session = { lastUsedMs: this.#logTimeMs, acknowledgedBelow: 1, answers: new Map(), bytes: 0 };
    this.#sessions.set(place.session, session);
    return this.#decideIn(session, place);
  }

  /** Room for one more session: an idle one goes, if no late copy of a command could open it again. */
  #makeRoom(): boolean {
    if (this.#sessions.size < this.#limits.sessionsMax) return true;
    for (const [id, session] of this.#sessions) {
      if (this.#logTimeMs - session.lastUsedMs <= this.#limits.openWindowMs) return false;
      this.#forget(id, session);
      return true;
    }
    return false;
  }

  #use(id: SessionId, session: Session): void {
    session.lastUsedMs = this.#logTimeMs;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
  }

  #decideIn(session: Session, { sequence, acknowledgedBelow }: StampedPlace): SessionVerdict {
    this.#acknowledge(session, acknowledgedBelow);
    if (sequence < session.acknowledgedBelow) return refused({ reason: 'acknowledged' });
    const answer = session.answers.get(sequence);
    if (answer === undefined) {
      const isFull = sequence >= session.acknowledgedBelow + this.#limits.commandsMax;
      return isFull ? refused({ reason: 'commands-full' }) : { type: 'apply' };
    }
    const { index, term, response } = answer;
    if (response === null) return refused({ reason: 'answer-dropped', index, term });
    return { type: 'answered', index, term, response };
  }

  #acknowledge(session: Session, below: number): void {
    const first = session.acknowledgedBelow;
    if (below <= first) return;
    session.acknowledgedBelow = below;
    // Nothing was applied beyond these.
    const end = Math.min(below, first + this.#limits.commandsMax);
    for (let sequence = first; sequence < end; sequence++) {
      const answer = session.answers.get(sequence);
      if (answer === undefined) continue;
      this.#drop(answer);
      session.answers.delete(sequence);
    }
  }

  /** Keeps the answers of a session, and those of all, within their bytes. */
  #dropOldest(session: Session): void {
    const { sessionAnswerBytesMax, answerBytesMax } = this.#limits;
    if (session.bytes > sessionAnswerBytesMax) {
      for (const answer of session.answers.values()) {
        this.#drop(answer);
        if (session.bytes <= sessionAnswerBytesMax) break;
      }
    }
    if (this.#bytes <= answerBytesMax) return;
    for (const answer of this.#kept) {
      this.#drop(answer);
      if (this.#bytes <= answerBytesMax) break;
    }
  }

  #drop(answer: Answer): void {
    const length = answer.response?.length ?? 0;
    answer.session.bytes -= length;
    this.#bytes -= length;
    answer.response = null;
    this.#kept.delete(answer);
  }

  #forget(id: SessionId, session: Session): void {
    for (const answer of session.answers.values()) this.#drop(answer);
    this.#sessions.delete(id);
  }

  #load({ id, lastUsedMs, acknowledgedBelow, answers }: SessionRecord): void {
    const session = { lastUsedMs, acknowledgedBelow, answers: new Map(), bytes: 0 };
    this.#sessions.set(id, session);
    for (const answer of answers) this.#add(session, answer);
  }

  #add(session: Session, { sequence, index, term, response }: KeptAnswer): void {
    const answer = { session, sequence, index, term, response };
    session.answers.set(sequence, answer);
    if (response === null) return;
    session.bytes += response.length;
    this.#bytes += response.length;
    this.#kept.add(answer);
  }
}

function refused(refusal: SessionRefusal): SessionVerdict {
  return { type: 'refused', refusal };
}
