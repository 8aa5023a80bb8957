import { RaftError } from '../lib/errors.ts';

/** How long a call may still go on. */
export class Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #endMs: number;

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Milliseconds that are left, at least 1: a timer of 0 would mean something else to some. */
  leftMs(): number {
    return Math.max(1, this.#endMs - performance.now());
  }

  /** Waits between two attempts. Throws a `RaftError` (`stopping`) where the caller has called the whole off. */
  async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, ms);
      const { signal } = this;
      function finish(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      }
      if (signal?.aborted === true) finish();
      else signal?.addEventListener('abort', finish, { once: true });
    });
    if (this.signal?.aborted === true)
      throw new RaftError('stopping', 'The request was called off, and was not done.');
  }
}
