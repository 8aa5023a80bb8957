import type { Payload } from '../../lib/entry.ts';
import { LOG_TIME_MS_MAX, LOG_TIME_STEP_MS_MAX } from '../../lib/limits.ts';
import type { ClientCommand, Clock } from '../ports.ts';

/**
 * What a leader stamps commands in sessions with: the replicated log time, and the milliseconds that it has counted
 * since it saw that value change. No wall clock has a part in it, and nodes need not agree on the time of day.
 *
 * A silence counts as a step at most, so that a session opens whose client read the log time before the silence ended.
 */
export class LogTime {
  readonly #clock: Clock;
  readonly #replicatedMs: () => number;
  #seenMs: number;
  #seenAtMs: number;

  constructor(clock: Clock, replicatedMs: () => number) {
    this.#clock = clock;
    this.#replicatedMs = replicatedMs;
    this.#seenMs = replicatedMs();
    this.#seenAtMs = clock.nowMs();
  }

  /** To be called when an entry was applied: it may have moved the replicated log time. */
  observe(): void {
    const replicatedMs = this.#replicatedMs();
    if (replicatedMs === this.#seenMs) return;
    this.#seenMs = replicatedMs;
    this.#seenAtMs = this.#clock.nowMs();
  }

  /** The payload of a client's command; in a session, with the time at which the leader took it. */
  payloadOf({ command, place }: ClientCommand): Payload {
    if (place === undefined) return { kind: 'command', command };
    return { kind: 'session', place: { ...place, logTimeMs: this.#now() }, command };
  }

  /** The log time now, in whole milliseconds. */
  #now(): number {
    this.observe();
    const countedMs = Math.floor(this.#clock.nowMs() - this.#seenAtMs);
    return Math.min(this.#seenMs + Math.min(countedMs, LOG_TIME_STEP_MS_MAX), LOG_TIME_MS_MAX);
  }
}
