import { logIndex, type SessionId, term } from '../../src/lib/brands.ts';
import { concatBytes, textOf, utf8 } from '../../src/lib/bytes.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import type { SessionLimits } from '../../src/raft/machine/session-table.ts';
import { type Answer, SessionMachine } from '../../src/raft/machine/sessions.ts';
import type { StateMachine } from '../../src/raft/ports.ts';

/** Small, so that a short scenario reaches all of them. Times in milliseconds of log time. */
export const SMALL_LIMITS: SessionLimits = {
  sessionsMax: 3,
  openWindowMs: 100,
  expiryMs: 1_000,
  commandsMax: 4,
  sessionAnswerBytesMax: 40,
  answerBytesMax: 60,
};

/** Remembers every command that it was given, and answers with their number and the command. */
export class Recorder implements StateMachine {
  commands: string[] = [];

  apply(_index: number, command: Uint8Array): Uint8Array {
    this.commands.push(textOf(command));
    return concatBytes([utf8(`${this.commands.length}:`), command]);
  }

  query(query: Uint8Array): Uint8Array {
    return query;
  }

  snapshot(): Uint8Array {
    return utf8(JSON.stringify(this.commands));
  }

  restore(snapshot: Uint8Array): void {
    this.commands = JSON.parse(textOf(snapshot));
  }
}

export function sessionId(n: number): SessionId {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, n);
  return sessionIdOfBytes(bytes);
}

/** A command of a test: session 1, acknowledging nothing, opened at 0, unless it says otherwise. */
export interface Sent {
  readonly session?: number;
  readonly sequence: number;
  readonly acknowledgedBelow?: number;
  readonly openedAtMs?: number;
  readonly atMs?: number;
  readonly command?: string;
}

/** One node's machine, to which the entries of a log come one after the other. */
export class Replica {
  readonly recorder = new Recorder();
  readonly machine: SessionMachine;
  #index = 0;

  constructor(limits: SessionLimits = SMALL_LIMITS, restored?: Replica) {
    this.machine = new SessionMachine(this.recorder, limits);
    if (restored === undefined) return;
    this.machine.restore(restored.machine.snapshot());
    this.#index = restored.#index;
  }

  send(sent: Sent): Answer {
    const { session = 1, sequence, acknowledgedBelow = 1, openedAtMs = 0, atMs = 0 } = sent;
    const index = logIndex(++this.#index);
    const command = utf8(sent.command ?? `${session}/${sequence}`);
    const place = { session: sessionId(session), sequence, acknowledgedBelow, openedAtMs, logTimeMs: atMs };
    return this.machine.applyInSession({ index, term: term(1) }, { place, command });
  }

  /** What a client is told: the answer, or why there is none. */
  say(sent: Sent): string {
    return describeAnswer(this.send(sent));
  }
}

export function describeAnswer(answer: Answer): string {
  return answer.type === 'refused'
    ? answer.refusal.reason
    : `${textOf(answer.response)} @${answer.index}.${answer.term}`;
}
