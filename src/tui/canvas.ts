import { terminalText } from './ansi.ts';
import { FullScreen } from './full-screen.ts';
import type { Line } from './line.ts';
import type { Drawing } from './screen-lines.tsx';

/**
 * Draws frames on the whole terminal. Ink takes half a second to load, and a person waits for the first screen: until it
 * is there, frames are written as they are.
 */
export class Canvas {
  readonly #screen = new FullScreen(() => this.#drawing?.end());
  readonly #hasColor = process.stdout.hasColors();
  readonly #fail: (error: unknown) => void;
  #drawLines: typeof import('./screen-lines.tsx').drawLines | undefined;
  #drawing: Drawing | undefined;
  #isOver = false;
  #texts: readonly string[] = [];
  #changed: () => void = () => {};

  /** `fail` hears of what goes wrong while Ink draws. */
  constructor(fail: (error: unknown) => void) {
    this.#fail = fail;
  }

  enter(): void {
    this.#screen.enter();
  }

  /** Gives the terminal back as it was. */
  leave(): void {
    this.#isOver = true;
    this.#screen.leave();
  }

  draw(lines: readonly Line[]): void {
    if (this.#isOver) return;
    this.#texts = lines.map((line) => terminalText(line, { hasColor: this.#hasColor }));
    if (this.#drawing === undefined) this.#screen.paint(this.#texts);
    else this.#changed();
  }

  /**
   * Has Ink draw from now on. It needs WebAssembly, which a process may be without (`--jitless`, no room for a memory):
   * there frames go on to be written as they are, which is the same picture.
   */
  async loadInk(): Promise<void> {
    const ink = await import('./screen-lines.tsx').catch(() => undefined);
    this.#drawLines = ink?.drawLines;
    this.#begin();
  }

  /** What stands on the screen is moved by terminals each in its own way when their size changes: it is drawn from nothing. */
  redrawWhole(lines: readonly Line[]): void {
    this.#drawing?.end();
    this.#drawing = undefined;
    this.#screen.clear();
    this.draw(lines);
    this.#begin();
  }

  /** What stands on the screen is what Ink draws first, so that nothing flickers and nothing is left of it. */
  #begin(): void {
    if (this.#isOver || this.#drawLines === undefined) return;
    this.#screen.goHome();
    const source = {
      subscribe: (changed: () => void) => {
        this.#changed = changed;
        return () => {};
      },
      lines: () => this.#texts,
    };
    this.#drawing = this.#drawLines(source, this.#screen.output);
    this.#drawing.failed.catch(this.#fail);
  }
}
