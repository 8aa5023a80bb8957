/** Where a live area is written: standard error, or what stands for it in a test. */
export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const COLUMNS_DEFAULT = 80;

/** Some lines at the end of a terminal that are written anew while something goes on, and are gone afterwards. */
export class LiveArea {
  readonly #terminal: Terminal;
  #shown = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows these lines in place of the last ones. Each is cut to the width: a line that wraps could not be taken back. */
  show(lines: readonly string[]): void {
    // Some terminals say that they are 0 wide.
    const width = (this.#terminal.columns || COLUMNS_DEFAULT) - 1;
    const text = lines.map((line) => `${[...line].slice(0, width).join('')}\n`).join('');
    this.#terminal.write(`${this.#back()}${text}`);
    this.#shown = lines.length;
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#shown > 0) this.#terminal.write(this.#back());
    this.#shown = 0;
  }

  /** Up to the first line that is shown (CSI A), and erase from there to the end of the screen (CSI J). */
  #back(): string {
    return this.#shown === 0 ? '' : `\u001b[${this.#shown}A\r\u001b[J`;
  }
}
