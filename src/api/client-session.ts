import { randomBytes } from 'node:crypto';
import { assert } from '../lib/assert.ts';
import { parseSessionId, type SessionId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { SESSION_COMMANDS_MAX } from '../lib/limits.ts';
import type { SessionPlace } from '../lib/session-command.ts';
import type { Patience } from './patience.ts';

const SESSION_ID_BYTES = 16;

/** A sequence of a session, from the first try of its command until the client has done with it. */
export interface Turn {
  /** The same in every try, but for what it acknowledges. */
  place(): SessionPlace;
  /** The client has its answer, or does not want it any more. */
  end(): void;
}

/**
 * One session of a client (dissertation 6.3): gives each command a sequence of its own, and says with each which answers
 * need not be kept any more. Many commands may be under way at a time, within what the cluster keeps.
 */
export class ClientSession {
  readonly #id: SessionId = newSessionId();
  readonly #openedAtMs: number;
  /** Sequences of commands that are under way, the lowest first. */
  readonly #open = new Set<number>();
  /** Who waits for room, the first first. */
  readonly #waiting = new Set<() => void>();
  #next = 1;

  /** `openedAtMs` is the log time, in milliseconds, that a node of the cluster has told. */
  constructor(openedAtMs: number) {
    this.#openedAtMs = openedAtMs;
  }

  /** Takes the next sequence, as soon as the cluster would keep its answer. Errors: `too-many`, `stopping`. */
  async begin(patience: Patience): Promise<Turn> {
    try {
      while (this.#next - this.#lowest() >= SESSION_COMMANDS_MAX) {
        if (patience.isOver) throw tooMany();
        await this.#someEnd(patience);
      }
    } finally {
      // There may be room for more than one, and whoever gave up leaves it to others.
      this.#wakeNext();
    }
    return this.#take();
  }

  #take(): Turn {
    const sequence = this.#next++;
    this.#open.add(sequence);
    return {
      place: () => ({
        session: this.#id,
        sequence,
        acknowledgedBelow: this.#lowest(),
        openedAtMs: this.#openedAtMs,
      }),
      end: () => {
        this.#open.delete(sequence);
        this.#wakeNext();
      },
    };
  }

  #lowest(): number {
    for (const sequence of this.#open) return sequence;
    return this.#next;
  }

  /** Resolves when a command has ended, or when patience has. */
  async #someEnd(patience: Patience): Promise<void> {
    let wake = (): void => {};
    try {
      await patience.pause(patience.leftMs(), (end) => {
        wake = end;
        this.#waiting.add(wake);
      });
    } finally {
      this.#waiting.delete(wake);
    }
  }

  #wakeNext(): void {
    for (const wake of this.#waiting) {
      this.#waiting.delete(wake);
      wake();
      return;
    }
  }
}

function newSessionId(): SessionId {
  const id = parseSessionId(randomBytes(SESSION_ID_BYTES).toString('hex'));
  assert(id !== undefined, 'The random bytes are no session id');
  return id;
}

function tooMany(): RaftError {
  return new RaftError('too-many', 'Too many commands of this client are under way; this one was not sent.', {
    suggestions: ['Send fewer at a time, and this one again.'],
  });
}
