/** Node's timers count whole milliseconds: what was waited for until the end may be over this much before it. */
const TIMER_ERROR_MS = 2;

/** How many servers were asked at once, and how many of them answered. */
export interface Turnout {
  readonly answered: number;
  readonly asked: number;
}

/** How long a call may still go on, and what it has seen of the servers until then. */
export class Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #endMs: number;
  #turnout: Turnout | undefined;

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Milliseconds that are left, at least 1: a timer of 0 would mean something else to some. */
  leftMs(): number {
    return Math.max(1, this.#endMs - performance.now());
  }

  /** Notes how many servers answered when all that are known were asked. */
  noteTurnout(turnout: Turnout): void {
    if (this.#turnout === undefined || turnout.answered >= this.#turnout.answered) this.#turnout = turnout;
  }

  /** The best turnout that there ever was, because the last time may have come too late for any. */
  get turnout(): Turnout | undefined {
    return this.#turnout;
  }

  /** Whether time is up: nothing may be sent any more. */
  get isOver(): boolean {
    return this.#endMs - performance.now() < TIMER_ERROR_MS;
  }

  /** Whether the caller has called the whole off. */
  get isCalledOff(): boolean {
    return this.signal?.aborted === true;
  }

  /**
   * Waits between two attempts, or until the function that `wakeable` gets is called; not any longer once the caller
   * calls the whole off.
   */
  async pause(ms: number, wakeable: (wake: () => void) => void = () => {}): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, ms);
      const { signal } = this;
      function finish(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      }
      wakeable(finish);
      if (signal?.aborted === true) finish();
      else signal?.addEventListener('abort', finish, { once: true });
    });
  }
}
