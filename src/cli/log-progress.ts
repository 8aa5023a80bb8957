/** A bar appears when the work has gone on for this long, in milliseconds: what is done at once needs none. */
const APPEAR_MS = 400;

/** It is drawn again after this time, in milliseconds. */
const REDRAW_MS = 100;

const BAR_CHARACTERS = 24;
const MIB = 1024 * 1024;

/** Goes back to the start of the line and clears it. */
const CLEAR_LINE = '\r\u001b[K';

/**
 * How far a command has come, on one line of standard error where that is a terminal, and nothing anywhere else. Whoever
 * prints meanwhile clears it first; it comes back with the next step.
 */
export class ProgressBar {
  readonly #what: string;
  readonly #begunMs = performance.now();
  #drawnMs = 0;
  #isDrawn = false;

  constructor(what: string) {
    this.#what = what;
  }

  /** Notes that `done` of `total` bytes are done. */
  update(done: number, total: number): void {
    if (!process.stderr.isTTY) return;
    const nowMs = performance.now();
    if (nowMs - this.#begunMs < APPEAR_MS || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    const line = progressLine(this.#what, { done, total, elapsedMs: nowMs - this.#begunMs });
    process.stderr.write(`${CLEAR_LINE}${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#isDrawn) process.stderr.write(CLEAR_LINE);
    this.#isDrawn = false;
  }
}

/** The bar as text. */
export function progressLine(
  what: string,
  { done, total, elapsedMs }: { readonly done: number; readonly total: number; readonly elapsedMs: number },
): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_CHARACTERS);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CHARACTERS - filled)}`;
  const perSecond = done / (elapsedMs / 1000);
  const leftSeconds = perSecond === 0 ? 0 : Math.ceil((total - done) / perSecond);
  const speed = `${Math.round(perSecond / MIB)} MiB/s`;
  return `${what} ${bar} ${Math.floor(share * 100)}%  ${speed}, ${leftSeconds} s left`;
}
