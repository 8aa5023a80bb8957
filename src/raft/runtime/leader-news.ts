import type { Clock } from '../ports.ts';

/** Tells those who wait that this node sees another leader. */
export class LeaderNews {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  announce(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves with the next news, or after `waitMs`: there may have been some just before. */
  next(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        cancel();
        resolve();
      };
      const cancel = this.#clock.after(waitMs, wake);
      this.#waiting.add(wake);
    });
  }
}
