import { asRaftError, RaftError } from '../lib/errors.ts';
import type { LogLocation } from '../logtools/locate.ts';
import { type IndexNews, type IndexOptions, keepIndexed, LogIndexer } from '../logtools/log-indexer.ts';
import { findRow } from '../logtools/search.ts';
import { Canvas } from './canvas.ts';
import type { Filter } from './filter-view.ts';
import { terminalSize } from './full-screen.ts';
import { reduce } from './inspector-reducer.ts';
import {
  type InspectorEvent,
  type InspectorState,
  initialState,
  type RunningSearch,
} from './inspector-state.ts';
import { frameOf, type Shown } from './inspector-view.ts';
import { KeyReader } from './key-reader.ts';
import { lowerPart } from './lower-view.ts';
import { Precedence } from './precedence.ts';
import { RowLoader } from './row-loader.ts';
import { StateLoader } from './state-loader.ts';

/** What is to be inspected. */
export interface InspectRequest extends IndexOptions {
  readonly location: LogLocation;
  /** For the title. */
  readonly name: string;
  /** Begin at the end, and stay there while the log grows. */
  readonly isFollowing: boolean;
  /** What its selection is, in words; only together with that. */
  readonly filter?: Filter;
}

/** How somebody left the inspector. */
export type InspectEnd = NonNullable<InspectorState['end']>;

/** Rows that take longer to read are drawn without their commands first, in milliseconds. */
const DRAW_WITHOUT_ROWS_MS = 15;

/** How far a search has come is said again after this time, in milliseconds. */
const SEARCH_NEWS_MS = 100;

/**
 * Shows a log on the whole terminal until somebody leaves. Standard input and output have to be terminals. The terminal is
 * left as it was, however this ends.
 */
export async function inspectOnScreen(request: InspectRequest): Promise<InspectEnd> {
  return new Inspector(request).run();
}

/** The state, what changes it, and what draws it. */
class Inspector {
  readonly #request: InspectRequest;
  readonly #indexer: LogIndexer;
  readonly #loader: RowLoader;
  readonly #states: StateLoader;
  readonly #ending = new AbortController();
  readonly #precedence = new Precedence();
  readonly #canvas = new Canvas((error) => this.#fail(error));
  #state: InspectorState;
  #searching: { readonly search: RunningSearch; readonly ending: AbortController } | undefined;
  #end: (end: InspectEnd) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(request: InspectRequest) {
    this.#request = request;
    this.#indexer = new LogIndexer(request.location, request);
    this.#loader = new RowLoader(this.#indexer.index);
    this.#states = new StateLoader(request.location, this.#indexer.index, {
      name: request.name,
      onNews: () => this.#redraw(),
      mayGoOn: this.#precedence.turn,
    });
    this.#state = { ...initialState(terminalSize()), isFollowing: request.isFollowing };
  }

  async run(): Promise<InspectEnd> {
    const ended = new Promise<InspectEnd>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    const keys = new KeyReader((key) => this.#dispatch({ type: 'key', key }));
    const onInput = (bytes: Uint8Array) => keys.take(bytes);
    const onResize = () => this.#resized();
    // A crash is told once the terminal is back: on the other screen nobody would read of it.
    const onCrash = (error: unknown) => this.#fail(error);
    process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
    process.stdin.on('data', onInput);
    process.stdout.on('resize', onResize);
    try {
      this.#canvas.enter();
      this.#open().catch(this.#fail);
      return await ended;
    } finally {
      this.#ending.abort();
      this.#searching?.ending.abort();
      this.#states.close();
      process.stdin.off('data', onInput);
      keys.close();
      process.stdout.off('resize', onResize);
      this.#canvas.leave();
      process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    }
  }

  /** The first rows are drawn, then Ink is loaded, and only then is more of the log indexed. */
  async #open(): Promise<void> {
    const options = { signal: this.#ending.signal, mayGoOn: this.#precedence.turn };
    const news = keepIndexed(this.#indexer, options);
    await this.#precedence.first(async () => {
      const first = await news.next();
      if (first.done !== true) await this.#take(eventOf(first.value));
      await this.#canvas.loadInk();
    });
    for await (const each of news) await this.#take(eventOf(each));
  }

  #resized(): void {
    this.#dispatch({ type: 'resized', size: terminalSize() });
    this.#canvas.redrawWhole(frameOf(this.#state, this.#shown()));
  }

  #shown(): Shown {
    return {
      ...{ log: this.#indexer.index, name: this.#request.name, filter: this.#request.filter },
      ...{ contents: this.#loader.contents, bytes: this.#loader.bytes },
      state: this.#states.answer(this.#state),
    };
  }

  #dispatch(event: InspectorEvent): void {
    this.#take(event).catch(this.#fail);
  }

  /** Resolves once what has become of the screen is drawn. */
  async #take(event: InspectorEvent): Promise<void> {
    this.#state = reduce(this.#state, event, this.#indexer.index);
    if (this.#state.end !== undefined) this.#end(this.#state.end);
    this.#search();
    await this.#precedence.first(() => this.#load());
  }

  #redraw(): void {
    const shown = this.#shown();
    const { lineCount } = lowerPart(this.#state, shown);
    if (lineCount !== this.#state.detailLines) {
      this.#state = reduce(this.#state, { type: 'detail', lines: lineCount }, this.#indexer.index);
    }
    this.#canvas.draw(frameOf(this.#state, shown));
  }

  /** Reads what is on the screen, until nothing of it is missing, and draws it: at once only where that takes long. */
  async #load(): Promise<void> {
    const patience = setTimeout(() => this.#redraw(), DRAW_WITHOUT_ROWS_MS);
    try {
      while (!this.#ending.signal.aborted && (await this.#loader.load(this.#state)));
    } catch (error) {
      this.#state = reduce(this.#state, { type: 'failed', reason: reasonOf(error) }, this.#indexer.index);
    } finally {
      clearTimeout(patience);
      this.#redraw();
    }
  }

  /** Begins the search that is wanted, and ends the one that is not wanted any more. */
  #search(): void {
    const { search } = this.#state;
    if (search?.number === this.#searching?.search.number) return;
    this.#searching?.ending.abort();
    this.#searching = undefined;
    if (search === undefined) return;
    const ending = new AbortController();
    this.#searching = { search, ending };
    this.#find(search, ending.signal).catch(this.#fail);
  }

  async #find(search: RunningSearch, signal: AbortSignal): Promise<void> {
    const { number } = search;
    let toldMs = performance.now();
    const onProgress = (row: number) => {
      if (signal.aborted || performance.now() - toldMs < SEARCH_NEWS_MS) return;
      toldMs = performance.now();
      this.#dispatch({ type: 'search-at', number, row });
    };
    try {
      const mayGoOn = this.#precedence.turn;
      const row = await findRow(this.#indexer.index, search, { signal, onProgress, mayGoOn });
      if (signal.aborted) return;
      const outcome = row === undefined ? ({ type: 'nothing' } as const) : ({ type: 'found', row } as const);
      this.#dispatch({ type: 'search-ended', number, outcome });
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      this.#dispatch({ type: 'search-ended', number, outcome: { type: 'refused', reason: error.message } });
    }
  }
}

function eventOf(news: IndexNews): InspectorEvent {
  if (news.type === 'failed') return { type: 'failed', reason: reasonOf(news.error) };
  return { type: 'indexed', progress: news.type === 'progress' ? news.progress : undefined };
}

function reasonOf(error: unknown): string {
  return asRaftError(error).message;
}
