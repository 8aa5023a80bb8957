import { present } from '../lib/assert.ts';
import type { Clock } from '../raft/ports.ts';

/** Something that is to happen. */
interface Event {
  readonly atMs: number;
  /** Breaks ties: what was planned first happens first. */
  readonly sequence: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/**
 * The time of a simulated world. It stands still until somebody asks for the next event; then it is that event's time.
 */
export class SimClock implements Clock {
  /** A binary heap, the next event first. */
  readonly #events: Event[] = [];
  #nowMs = 0;
  #sequence = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const event: Event = {
      atMs: this.#nowMs + delayMs,
      sequence: this.#sequence++,
      callback,
      isCancelled: false,
    };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  /**
   * Lets everything happen until `untilMs`, or until `isDone`. After each event the promises that it settled run out,
   * so that the order of everything follows from the order of events.
   */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    // What was begun just before has no event yet where its disk takes no time.
    await settled();
    while (!isDone()) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#pop();
      if (next.isCancelled) continue;
      this.#nowMs = next.atMs;
      next.callback();
      await settled();
    }
    if (!isDone() && this.#nowMs < untilMs) this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#events;
    let position = heap.length;
    heap.push(event);
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = present(heap[parent], 'event');
      if (!isBefore(event, above)) break;
      heap[position] = above;
      position = parent;
    }
    heap[position] = event;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let position = 0;
    for (;;) {
      let child = 2 * position + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child++;
      const below = present(heap[child], 'event');
      if (!isBefore(below, last)) break;
      heap[position] = below;
      position = child;
    }
    heap[position] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.sequence < b.sequence;
}

/** Resolves when no promise is left that can settle by itself: they all run before the next turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
