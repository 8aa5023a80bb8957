import { RaftError } from '../../src/lib/errors.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { LogIndexer } from '../../src/logtools/log-indexer.ts';
import { findRow } from '../../src/logtools/search.ts';
import type { Selection } from '../../src/logtools/selection.ts';
import type { Filter } from '../../src/tui/filter-view.ts';
import { reduce } from '../../src/tui/inspector-reducer.ts';
import {
  type InspectorEvent,
  type InspectorState,
  initialState,
  type Size,
} from '../../src/tui/inspector-state.ts';
import { frameOf, type Shown } from '../../src/tui/inspector-view.ts';
import { type Line, textOfLine } from '../../src/tui/line.ts';
import { lowerPart } from '../../src/tui/lower-view.ts';
import { RowLoader } from '../../src/tui/row-loader.ts';
import { StateLoader } from '../../src/tui/state-loader.ts';
import { keysOfRest, typedKeys } from '../../src/tui/typed-keys.ts';

/** Keys that have a name, as a test writes them, and what a terminal sends for them. */
const NAMES: Readonly<Record<string, string>> = {
  '<enter>': '\r',
  '<esc>': '\u001b',
  '<up>': '\u001b[A',
  '<down>': '\u001b[B',
  '<pgup>': '\u001b[5~',
  '<pgdn>': '\u001b[6~',
  '<home>': '\u001b[H',
  '<end>': '\u001b[F',
  '<backspace>': '\u007f',
};

/** Entries that alone are wanted. */
export interface Chosen {
  readonly selection: Selection;
  readonly filter: Filter;
}

/** The inspector without a terminal: the reducer, the view, and a real log. */
export class Inspected {
  readonly #indexer: LogIndexer;
  readonly #loader: RowLoader;
  readonly #states: StateLoader;
  readonly #name: string;
  readonly #filter: Filter | undefined;
  #hasNews: () => void = () => {};
  state: InspectorState;

  private constructor(location: LogLocation, name: string, size: Size, chosen: Chosen | undefined) {
    this.#indexer = new LogIndexer(location, chosen);
    this.#filter = chosen?.filter;
    this.#loader = new RowLoader(this.#indexer.index);
    this.#states = new StateLoader(location, this.#indexer.index, { name, onNews: () => this.#hasNews() });
    this.#name = name;
    this.state = initialState(size);
  }

  /** A log that is indexed as a whole. */
  static async open(path: string, size: Size, name = 'node.log', chosen?: Chosen): Promise<Inspected> {
    const inspected = new Inspected(await locateLog(path), name, size, chosen);
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
    while (this.#states.answer(this.state)?.type === 'replaying') {
      await new Promise<void>((resolve) => {
        this.#hasNews = resolve;
      });
    }
    const { lineCount } = lowerPart(this.state, this.#shown());
    this.state = reduce(this.state, { type: 'detail', lines: lineCount }, this.#indexer.index);
  }

  /** Presses keys, one after the other: letters, and names in angle brackets. */
  async press(keys: string): Promise<void> {
    for (const text of keys.match(/<\w+>|[\s\S]/gu) ?? []) {
      const { keys: typed, rest } = typedKeys(NAMES[text] ?? text);
      for (const key of [...typed, ...keysOfRest(rest)]) await this.tell({ type: 'key', key });
    }
  }

  /** Ends a search that is under way as it would end. */
  async search(): Promise<void> {
    const { search } = this.state;
    if (search === undefined) return;
    const { number } = search;
    try {
      const row = await findRow(this.#indexer.index, search, { signal: new AbortController().signal });
      const outcome = row === undefined ? ({ type: 'nothing' } as const) : ({ type: 'found', row } as const);
      await this.tell({ type: 'search-ended', number, outcome });
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      await this.tell({ type: 'search-ended', number, outcome: { type: 'refused', reason: error.message } });
    }
  }

  get rowCount(): number {
    return this.#indexer.index.rowCount;
  }

  get lines(): readonly Line[] {
    return frameOf(this.state, this.#shown());
  }

  #shown(): Shown {
    return {
      ...{ log: this.#indexer.index, name: this.#name, filter: this.#filter },
      ...{ contents: this.#loader.contents, bytes: this.#loader.bytes },
      state: this.#states.answer(this.state),
    };
  }

  /** Applies the log no more. */
  close(): void {
    this.#states.close();
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
