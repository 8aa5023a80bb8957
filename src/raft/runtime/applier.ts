import { assert, assertNever } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex } from '../../lib/brands.ts';
import { decodePayload, type Entry } from '../../lib/entry.ts';
import { asRaftError, RaftError } from '../../lib/errors.ts';
import type { LogStore, StateMachine } from '../ports.ts';

/** Entries are read and applied this much at a time, so that nothing else waits long. */
const APPLY_BYTES_MAX = 256 * 1024;
const APPLY_ENTRIES_MAX = 512;

export interface ApplierHandlers {
  /** The machine's answer to the command at an index. Not called for entries of the protocol itself. */
  applied(entry: Entry, response: Uint8Array): void;
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
  readonly #machine: StateMachine;
  readonly #handlers: ApplierHandlers;
  #lastApplied: LogIndex = INDEX_ZERO;
  #commitIndex: LogIndex = INDEX_ZERO;
  #running: Promise<void> | null = null;
  #isStopped = false;
  #waiters: Waiter[] = [];

  constructor(store: LogStore, machine: StateMachine, handlers: ApplierHandlers) {
    this.#store = store;
    this.#machine = machine;
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

  /** Resolves once the entry at `index` is applied: at once where it is. Errors: `stopping`. */
  applied(index: LogIndex): Promise<void> {
    if (index <= this.#lastApplied) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ index, resolve, reject }));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const stopping = new RaftError('stopping', 'The node stopped before it had applied what was to be read.');
    for (const waiter of this.#waiters) waiter.reject(stopping);
    this.#waiters = [];
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#lastApplied < this.#commitIndex && !this.#isStopped) {
      const from = logIndex(this.#lastApplied + 1);
      const entriesMax = Math.min(APPLY_ENTRIES_MAX, this.#commitIndex - this.#lastApplied);
      const entries = await this.#store.read(from, APPLY_BYTES_MAX, entriesMax);
      assert(entries.length > 0, `The log store has no entry ${from}, which is committed`);
      for (const entry of entries) this.#apply(entry);
      this.#wake();
    }
    // In the same turn as the last look at the commit index, so that none that moves later is missed.
    this.#running = null;
  }

  #apply(entry: Entry): void {
    assert(
      entry.index === this.#lastApplied + 1,
      `Entry ${entry.index} does not follow ${this.#lastApplied}`,
    );
    const payload = decodePayload(entry.command);
    switch (payload.kind) {
      case 'command':
        this.#handlers.applied(entry, this.#machine.apply(entry.index, payload.command));
        break;
      case 'noop':
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

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.index <= this.#lastApplied);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > this.#lastApplied);
    for (const waiter of ready) waiter.resolve();
  }
}
