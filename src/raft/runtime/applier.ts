import { assert, assertNever } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex } from '../../lib/brands.ts';
import { decodePayload, type Entry } from '../../lib/entry.ts';
import { asRaftError, RaftError } from '../../lib/errors.ts';
import { PENDING_READS_MAX } from '../../lib/limits.ts';
import type { Answer, SessionMachine } from '../machine/sessions.ts';
import type { Clock, LogStore } from '../ports.ts';
import type { Patience } from './pending-requests.ts';

/** Entries are read and applied this much at a time, so that nothing else waits long. */
const APPLY_BYTES_MAX = 256 * 1024;
const APPLY_ENTRIES_MAX = 512;

export interface ApplierHandlers {
  /** The machine's answer to the command at an index. Not called for entries of the protocol itself. */
  applied(entry: Entry, answer: Answer): void;
  /** The machine has come further. */
  progressed(): void;
  failed(reason: RaftError): void;
}

/** A read that waits until the machine has come far enough. */
interface Waiter {
  readonly index: LogIndex;
  readonly resolve: () => void;
  readonly reject: (reason: RaftError) => void;
}

/**
 * Applies committed entries to the machine, in order and each once (figure 2: lastApplied). The machine starts empty
 * with the process, so that it is always what the log says.
 */
export class Applier {
  readonly #store: LogStore;
  readonly #machine: SessionMachine;
  readonly #clock: Clock;
  readonly #handlers: ApplierHandlers;
  readonly #waiters = new Set<Waiter>();
  #lastApplied: LogIndex = INDEX_ZERO;
  #commitIndex: LogIndex = INDEX_ZERO;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(store: LogStore, machine: SessionMachine, clock: Clock, handlers: ApplierHandlers) {
    this.#store = store;
    this.#machine = machine;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get lastApplied(): LogIndex {
    return this.#lastApplied;
  }

  /** Entries up to and with `commitIndex` may be applied. */
  advance(commitIndex: LogIndex): void {
    assert(commitIndex >= this.#commitIndex, 'The commit index went back');
    this.#commitIndex = commitIndex;
    if (this.#running !== null || this.#isStopped || commitIndex === this.#lastApplied) return;
    this.#running = this.#run().catch((error: unknown) => {
      this.#running = null;
      this.#handlers.failed(asRaftError(error));
    });
  }

  /**
   * Resolves once the entry at `index` is applied: at once where it is. Errors: `stopping`, `too-many`, and
   * `unreachable` where patience ends first, because the disk or the machine is too slow.
   */
  applied(index: LogIndex, { timeoutMs, signal }: Patience): Promise<void> {
    if (index <= this.#lastApplied) return Promise.resolve();
    if (this.#isStopped || signal?.aborted === true) return Promise.reject(stopping());
    if (this.#waiters.size >= PENDING_READS_MAX) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiters.delete(waiter);
        cancelTimer();
        signal?.removeEventListener('abort', callOff);
      };
      const waiter: Waiter = {
        index,
        resolve: () => {
          settle();
          resolve();
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      const callOff = () => waiter.reject(stopping());
      const cancelTimer = this.#clock.after(timeoutMs, () => waiter.reject(tooSlow(index, timeoutMs)));
      signal?.addEventListener('abort', callOff);
      this.#waiters.add(waiter);
    });
  }

  /** Answers those who wait, and applies nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const waiter of this.#waiters) waiter.reject(stopping());
  }

  async #run(): Promise<void> {
    while (this.#lastApplied < this.#commitIndex && !this.#isStopped) {
      const from = logIndex(this.#lastApplied + 1);
      const entriesMax = Math.min(APPLY_ENTRIES_MAX, this.#commitIndex - this.#lastApplied);
      const entries = await this.#store.read(from, APPLY_BYTES_MAX, entriesMax);
      if (this.#isStopped) break;
      assert(entries.length > 0, `The log store has no entry ${from}, which is committed`);
      for (const entry of entries) this.#apply(entry);
      this.#wake();
      // Entries from memory come at once: without a turn for others, a long backlog would hold heartbeats up.
      if (this.#lastApplied < this.#commitIndex) await this.#turn();
    }
    // In the same turn as the last look at the commit index, so that none that moves later is missed.
    this.#running = null;
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve));
  }

  #apply(entry: Entry): void {
    assert(
      entry.index === this.#lastApplied + 1,
      `Entry ${entry.index} does not follow ${this.#lastApplied}`,
    );
    const payload = decodePayload(entry.command);
    switch (payload.kind) {
      case 'command':
        this.#handlers.applied(entry, this.#answer(entry, payload.command));
        break;
      case 'session':
        this.#handlers.applied(entry, this.#machine.applyInSession(entry, payload));
        break;
      case 'noop':
      case 'configuration':
        break;
      case 'unknown':
        throw new RaftError(
          'configuration',
          `The entry at index ${entry.index} is of kind ${payload.kindByte}, which this version does not know.`,
          { suggestions: ['Run this node with the version that wrote its log, or a newer one.'] },
        );
      default:
        assertNever(payload, 'payload');
    }
    this.#lastApplied = entry.index;
  }

  #answer({ index, term }: Entry, command: Uint8Array): Answer {
    return { type: 'answered', index, term, response: this.#machine.apply(index, command) };
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.index <= this.#lastApplied) waiter.resolve();
    this.#handlers.progressed();
  }
}

function stopping(): RaftError {
  return new RaftError(
    'stopping',
    'The node stopped, or the read was called off, before it could be answered.',
  );
}

function tooMany(): RaftError {
  return new RaftError('too-many', 'Too many reads wait for the machine; this one was not done.', {
    suggestions: ['Send fewer at a time, and this one again.'],
  });
}

function tooSlow(index: LogIndex, timeoutMs: number): RaftError {
  return new RaftError('unreachable', `The entry at index ${index} was not applied within ${timeoutMs} ms.`, {
    suggestions: ['raft status   # says how far each node has come', 'Look at the disk of the leader.'],
  });
}
