import { locateLog } from '../../src/logtools/locate.ts';
import { LogIndexer } from '../../src/logtools/log-indexer.ts';
import { detailOf } from '../../src/tui/detail-view.ts';
import { reduce } from '../../src/tui/inspector-reducer.ts';
import {
  type InspectorEvent,
  type InspectorState,
  initialState,
  type Size,
} from '../../src/tui/inspector-state.ts';
import { frameOf } from '../../src/tui/inspector-view.ts';
import { keyOf } from '../../src/tui/keys.ts';
import { type Line, textOfLine } from '../../src/tui/line.ts';
import { RowLoader } from '../../src/tui/row-loader.ts';

/** Keys that have a name, as a test writes them. */
const NAMES: Readonly<Record<string, string>> = {
  '<enter>': 'return',
  '<esc>': 'escape',
  '<up>': 'up',
  '<down>': 'down',
  '<pgup>': 'pageup',
  '<pgdn>': 'pagedown',
  '<home>': 'home',
  '<end>': 'end',
  '<backspace>': 'backspace',
};

/** The inspector without a terminal: the reducer, the view, and a real log. */
export class Inspected {
  readonly #indexer: LogIndexer;
  readonly #loader: RowLoader;
  readonly #name: string;
  state: InspectorState;

  private constructor(indexer: LogIndexer, name: string, size: Size) {
    this.#indexer = indexer;
    this.#loader = new RowLoader(indexer.index);
    this.#name = name;
    this.state = initialState(size);
  }

  /** A log that is indexed as a whole. */
  static async open(path: string, size: Size, name = 'node.log'): Promise<Inspected> {
    const inspected = new Inspected(new LogIndexer(await locateLog(path)), name, size);
    await inspected.update();
    return inspected;
  }

  /** Takes in what the log holds now. */
  async update(): Promise<void> {
    await this.#indexer.update();
    await this.tell({ type: 'indexed', progress: undefined });
  }

  async tell(event: InspectorEvent): Promise<void> {
    this.state = reduce(this.state, event, this.#indexer.index);
    while (await this.#loader.load(this.state));
    const { lineCount } = detailOf(this.state, this.#indexer.index, this.#loader.bytes, 0);
    this.state = reduce(this.state, { type: 'detail', lines: lineCount }, this.#indexer.index);
  }

  /** Presses keys, one after the other: letters, and names in angle brackets. */
  async press(keys: string): Promise<void> {
    for (const text of keys.match(/<\w+>|[\s\S]/gu) ?? []) {
      const name = NAMES[text];
      const key = name === undefined ? keyOf(text, {}) : keyOf(undefined, { name });
      if (key !== undefined) await this.tell({ type: 'key', key });
    }
  }

  get lines(): readonly Line[] {
    return frameOf(this.state, {
      ...{ log: this.#indexer.index, contents: this.#loader.contents },
      ...{ bytes: this.#loader.bytes, name: this.#name },
    });
  }

  get frame(): string {
    return this.lines.map(textOfLine).join('\n');
  }

  /** The index of the entry that one is at, or the kind of damage. */
  get at(): string {
    const row = this.#indexer.index.rowAt(this.state.cursor);
    return row.type === 'entry' ? String(row.index) : row.kind;
  }
}
