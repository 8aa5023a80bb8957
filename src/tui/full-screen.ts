const ESCAPE = '\u001b';

/** The other screen of a terminal, which leaves what stood there before untouched; without a cursor. */
const ENTER = `${ESCAPE}[?1049h${ESCAPE}[?25l${ESCAPE}[2J${ESCAPE}[H`;

/** What comes between the two is shown at once, by terminals that know them: nobody sees half a frame. */
const BEGIN_FRAME = `${ESCAPE}[?2026h`;
const END_FRAME = `${ESCAPE}[?2026l`;

/** A frame that was begun shown, colours as before, long lines wrapped, the cursor seen again, the first screen back. */
const LEAVE = `${END_FRAME}${ESCAPE}[0m${ESCAPE}[?7h${ESCAPE}[?25h${ESCAPE}[?1049l`;

const CLEAR = `${ESCAPE}[2J${ESCAPE}[H`;
const HOME = `${ESCAPE}[H`;
const ERASE_LINE = `${ESCAPE}[2K`;

/** Whether the terminal goes on in the next line where one is too long. */
const WRAP_OFF = `${ESCAPE}[?7l`;
const WRAP_ON = `${ESCAPE}[?7h`;

/** How Ink goes up to the first line before it draws. */
const UP = new RegExp(`^${ESCAPE}\\[\\d+A`);

/**
 * Takes the whole terminal, and gives it back as it was: when it is left, and however else the process ends, short of a
 * SIGKILL. Ink knows nothing of the other screen, so a signal or a crash would leave the terminal in it.
 */
export class FullScreen {
  readonly #beforeLeaving: () => void;
  readonly #leave = () => this.leave();
  #isOpen = false;

  /** `beforeLeaving` ends what draws on the screen. */
  constructor(beforeLeaving: () => void) {
    this.#beforeLeaving = beforeLeaving;
  }

  enter(): void {
    this.#isOpen = true;
    process.on('exit', this.#leave);
    process.stdin.setRawMode(true);
    process.stdout.write(ENTER);
  }

  /**
   * Where Ink is to draw. Incremental rendering of Ink 6.8 goes up one line less than it wrote, so that every other frame
   * would be a line too low; here it goes to the upper left corner, where all frames begin. Nor does it hear of another
   * size: it would draw the old frame on the new screen.
   */
  readonly output: NodeJS.WriteStream = Object.create(process.stdout, {
    write: { value: (text: string): boolean => process.stdout.write(text.replace(UP, HOME)) },
    on: { value: () => process.stdout },
    off: { value: () => process.stdout },
  });

  clear(): void {
    process.stdout.write(CLEAR);
  }

  /** Goes to the upper left corner. */
  goHome(): void {
    process.stdout.write(HOME);
  }

  /** Writes lines from the upper left corner on. Each is erased before: behind a full one that would take its last column. */
  paint(lines: readonly string[]): void {
    const text = lines.map((line) => ERASE_LINE + line).join('\r\n');
    process.stdout.write(BEGIN_FRAME + WRAP_OFF + HOME + text + WRAP_ON + END_FRAME);
  }

  /** Does nothing the second time. */
  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#leave);
    this.#beforeLeaving();
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdin.unref();
    // A terminal is written to at once, so this is out even where the process ends now.
    process.stdout.write(LEAVE);
  }
}

/** The size of the terminal, in characters. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}
