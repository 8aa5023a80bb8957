import type { LogIndex } from '../../lib/brands.ts';
import { asRaftError, RaftError } from '../../lib/errors.ts';
import type { CoreEvent, Outcome, Outgoing, Persist } from '../core/effects.ts';
import type { Input, LogRead, Proposal } from '../core/inputs.ts';
import type { CoreState } from '../core/state.ts';
import { step } from '../core/step.ts';
import type { Clock, LogStore } from '../ports.ts';
import { type Batch, emptyBatch, mergeEffects, mergePersist } from './merge-effects.ts';

/** What the driver does with the effects that are not its own affair. */
export interface DriverHandlers {
  send(outgoing: Outgoing): void;
  /** Entries up to and with this one may be applied. Called after `outcomes` of the same pass. */
  committed(commitIndex: LogIndex): void;
  outcome(outcome: Outcome): void;
  event(event: CoreEvent): void;
  /** The node must stop: its disk failed, or going on would be a guess. Called at most once. */
  failed(reason: RaftError): void;
}

/** What waits for the write that is under way to end. */
interface Waiting {
  persist: Persist | null;
  readonly afterPersist: Outgoing[];
}

/**
 * Feeds the core: collects what comes in, steps it in one pass, merges the effects, and carries them out in the order
 * that `Effects` demands. One write is under way at a time; while it is, the next collects, so that everything that
 * waits shares one write and one fdatasync (group commit).
 */
export class CoreDriver {
  readonly #core: CoreState;
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #handlers: DriverHandlers;
  readonly #tickMs: number;
  #inputs: Input[] = [];
  #proposals: Proposal[] = [];
  #readIds: number[] = [];
  #isScheduled = false;
  #isStopped = false;
  #lastPassMs: number;
  #cancelTick: () => void = () => {};
  #waiting: Waiting | null = null;
  #writing: Promise<void> | null = null;

  constructor(core: CoreState, store: LogStore, clock: Clock, tickMs: number, handlers: DriverHandlers) {
    this.#core = core;
    this.#store = store;
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#handlers = handlers;
    this.#lastPassMs = clock.nowMs();
  }

  start(): void {
    this.#lastPassMs = this.#clock.nowMs();
    this.#armTick();
  }

  /** Takes no more input; resolves once the write that is under way has ended, or after `waitMs`: a disk may hang. */
  async stop(waitMs: number): Promise<'ended' | 'under way'> {
    this.#isStopped = true;
    this.#cancelTick();
    this.#waiting = null;
    if (this.#writing === null) return 'ended';
    let cancel = (): void => {};
    const waited = new Promise<'under way'>((resolve) => {
      cancel = this.#clock.after(waitMs, () => resolve('under way'));
    });
    const outcome = await Promise.race([this.#writing.then(() => 'ended' as const), waited]);
    cancel();
    return outcome;
  }

  /** What comes after the end is dropped. */
  enqueue(input: Input): void {
    if (this.#isStopped) return;
    this.#inputs.push(input);
    this.#schedule();
  }

  /** Proposals that come together are appended together. */
  propose(proposal: Proposal): void {
    this.#proposals.push(proposal);
    this.#schedule();
  }

  readIndex(readId: number): void {
    this.#readIds.push(readId);
    this.#schedule();
  }

  #armTick(): void {
    this.#cancelTick = this.#clock.after(this.#tickMs, () => {
      this.#pass();
      if (!this.#isStopped) this.#armTick();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    this.#clock.soon(() => {
      this.#isScheduled = false;
      this.#pass();
    });
  }

  /** A contradiction in the program stops the node in order, like a disk that fails. */
  #pass(): void {
    if (this.#isStopped) return;
    try {
      this.#stepAll();
    } catch (error) {
      this.#fail(asRaftError(error));
    }
  }

  /** Steps the core through everything that waits. Time goes first: what was asleep must know before it hears. */
  #stepAll(): void {
    const batch = emptyBatch();
    const nowMs = this.#clock.nowMs();
    mergeEffects(batch, step(this.#core, { type: 'tick', elapsedMs: nowMs - this.#lastPassMs }));
    this.#lastPassMs = nowMs;
    for (const input of this.#takeInputs()) {
      mergeEffects(batch, step(this.#core, input));
      if (batch.halt !== null) break;
    }
    this.#carryOut(batch);
  }

  #takeInputs(): Input[] {
    const inputs = this.#inputs;
    if (this.#proposals.length > 0) inputs.push({ type: 'propose', proposals: this.#proposals });
    if (this.#readIds.length > 0) inputs.push({ type: 'readIndex', readIds: this.#readIds });
    this.#inputs = [];
    this.#proposals = [];
    this.#readIds = [];
    return inputs;
  }

  #carryOut(batch: Batch): void {
    if (batch.halt !== null) {
      this.#fail(
        new RaftError('configuration', `${batch.halt.message}.`, {
          suggestions: ['Run this node with a version that knows it: the other nodes may be newer.'],
        }),
      );
      return;
    }
    this.#sendOrHold(batch);
    for (const event of batch.events) this.#handlers.event(event);
    for (const outcome of batch.outcomes) this.#handlers.outcome(outcome);
    if (batch.commitIndex !== null) this.#handlers.committed(batch.commitIndex);
    for (const read of batch.logReads) this.#readLog(read);
    this.#writeNext();
  }

  /** A batch that changes hard state sends nothing before it is durable; others send their AppendEntries at once. */
  #sendOrHold(batch: Batch): void {
    const holdsAll =
      batch.persist?.hardState !== undefined || this.#waiting?.persist?.hardState !== undefined;
    if (!holdsAll) for (const outgoing of batch.sendBeforePersist) this.#handlers.send(outgoing);
    const held = holdsAll ? [...batch.sendBeforePersist, ...batch.sendAfterPersist] : batch.sendAfterPersist;
    const isIdle = this.#writing === null && this.#waiting === null;
    if (isIdle && batch.persist === null) {
      for (const outgoing of held) this.#handlers.send(outgoing);
      return;
    }
    if (held.length === 0 && batch.persist === null) return;
    this.#waiting ??= { persist: null, afterPersist: [] };
    this.#waiting.afterPersist.push(...held);
    if (batch.persist !== null) this.#waiting.persist = mergePersist(this.#waiting.persist, batch.persist);
  }

  #writeNext(): void {
    if (this.#writing !== null || this.#isStopped) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) return;
    this.#writing = this.#write(waiting).then(
      () => {
        this.#writing = null;
        this.#writeNext();
      },
      (error: unknown) => {
        this.#writing = null;
        this.#fail(asRaftError(error));
      },
    );
  }

  async #write(waiting: Waiting): Promise<void> {
    if (waiting.persist !== null) await this.#store.persist(waiting.persist);
    if (this.#isStopped) return;
    for (const outgoing of waiting.afterPersist) this.#handlers.send(outgoing);
    if (waiting.persist !== null) this.enqueue({ type: 'persisted', sequence: waiting.persist.sequence });
  }

  #readLog(read: LogRead): void {
    this.#store.read(read.from, read.bytesMax, read.entriesMax).then(
      (entries) => this.enqueue({ type: 'logRead', to: read.to, entries }),
      (error: unknown) => this.#fail(asRaftError(error)),
    );
  }

  #fail(reason: RaftError): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelTick();
    this.#handlers.failed(reason);
  }
}
