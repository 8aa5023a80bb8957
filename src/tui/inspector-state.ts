import { assertNever } from '../lib/assert.ts';
import type { IndexProgress } from '../logtools/log-indexer.ts';
import type { SearchRequest } from '../logtools/search.ts';
import type { Key } from './keys.ts';

/** The size of the terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What stands between the heading and the status. */
export type Pane = 'split' | 'detail' | 'list';

/** What is being typed in the last line. */
export interface Prompt {
  readonly type: 'index' | 'offset' | 'search';
  readonly text: string;
}

/** A search that is under way. Each has a number, so that what a former one found is not taken for its. */
export interface RunningSearch extends SearchRequest {
  readonly number: number;
  /** The row that it has come to. */
  readonly atRow: number;
}

/** All that the screen depends on besides the log itself. */
export interface InspectorState {
  readonly size: Size;
  /** The row that one is at, and the first on the screen, from 0 on. */
  readonly cursor: number;
  readonly top: number;
  readonly pane: Pane;
  readonly form: 'hex' | 'text';
  /** The first line of the detail that is shown. */
  readonly detailTop: number;
  /** How many lines the detail has, or the state beside it where that has more. */
  readonly detailLines: number;
  /** Whether the key-value state is shown; `paneBefore` is what was shown before it, where there was no room for it. */
  readonly stateView: { readonly paneBefore: Pane | undefined } | undefined;
  readonly isFollowing: boolean;
  /** The first line of the help that is shown; undefined where it is closed. */
  readonly helpTop: number | undefined;
  readonly prompt: Prompt | undefined;
  /** The last pattern that was looked for. */
  readonly pattern: string | undefined;
  readonly search: RunningSearch | undefined;
  readonly searchCount: number;
  readonly mark: number | undefined;
  /** Where the last jump began. */
  readonly before: number | undefined;
  /** An index that is gone to as soon as it is indexed, or the end once all is. */
  readonly awaited: bigint | 'end' | undefined;
  /** A word for the last line, until the next key. */
  readonly message: string | undefined;
  /** Why the log cannot be read at the moment. */
  readonly failure: string | undefined;
  /** How far the index is; undefined once it is whole. */
  readonly progress: IndexProgress | undefined;
  /** How it ended: by `q`, or by Ctrl-C. */
  readonly end: 'quit' | 'interrupted' | undefined;
}

/** Everything that can happen to the screen. */
export type InspectorEvent =
  | { readonly type: 'key'; readonly key: Key }
  | { readonly type: 'resized'; readonly size: Size }
  /** The index has more, or other, rows. */
  | { readonly type: 'indexed'; readonly progress: IndexProgress | undefined }
  | { readonly type: 'failed'; readonly reason: string }
  /** The detail was drawn, and has so many lines. */
  | { readonly type: 'detail'; readonly lines: number }
  | { readonly type: 'search-at'; readonly number: number; readonly row: number }
  | { readonly type: 'search-ended'; readonly number: number; readonly outcome: SearchOutcome };

export type SearchOutcome =
  | { readonly type: 'found'; readonly row: number }
  | { readonly type: 'nothing' }
  | { readonly type: 'refused'; readonly reason: string };

export function initialState(size: Size): InspectorState {
  return {
    ...{ size, cursor: 0, top: 0, pane: 'split', form: 'hex', detailTop: 0, detailLines: 0 },
    ...{ stateView: undefined, isFollowing: false, helpTop: undefined, prompt: undefined },
    ...{ pattern: undefined, search: undefined, searchCount: 0 },
    ...{ mark: undefined, before: undefined, awaited: undefined },
    ...{ message: undefined, failure: undefined, end: undefined },
    progress: { doneBytes: 0, totalBytes: 0 },
  };
}

type LayoutState = Pick<InspectorState, 'size' | 'pane' | 'stateView'>;

/** How the lines of the screen are shared out. */
export interface Layout {
  /** The screen is too small for anything. */
  readonly isTiny: boolean;
  readonly listRows: number;
  readonly detailRows: number;
  readonly detailColumns: number;
  /** Of the key-value state: beside the detail, in its place where there is no room for both, or 0. */
  readonly stateColumns: number;
  /** What is shown: where there is no room for both, the list. */
  readonly pane: Pane;
}

/** The smallest terminal. */
export const SIZE_MIN: Size = { columns: 40, rows: 10 };

/** Title, heading and status. One line more of the screen stays empty: a full one flickers. */
const FIXED_ROWS = 4;

/** Below this there is no room for list and detail. */
const SPLIT_ROWS_MIN = 12;

/** Below this there is no room for the detail and the state side by side. */
const BESIDE_COLUMNS_MIN = 80;

/** The share of the state beside the detail: at the narrowest, eight bytes on a line still have room. */
const STATE_SHARE = 0.42;

export function layoutOf({ size, pane, stateView }: LayoutState): Layout {
  const isTiny = size.columns < SIZE_MIN.columns || size.rows < SIZE_MIN.rows;
  const body = Math.max(1, size.rows - FIXED_ROWS);
  const shown = pane === 'split' && body < SPLIT_ROWS_MIN ? 'list' : pane;
  const columns = columnsOf(size.columns, stateView !== undefined);
  switch (shown) {
    case 'list':
      return { isTiny, pane: shown, listRows: body, detailRows: 0, ...columns };
    case 'detail':
      return { isTiny, pane: shown, listRows: 0, detailRows: body - 1, ...columns };
    case 'split': {
      // One line between the two says what the detail is of.
      const detailRows = Math.floor((body - 1) / 2);
      return { isTiny, pane: shown, listRows: body - 1 - detailRows, detailRows, ...columns };
    }
    default:
      return assertNever(shown, 'pane');
  }
}

function columnsOf(columns: number, hasState: boolean): Pick<Layout, 'detailColumns' | 'stateColumns'> {
  if (!hasState) return { detailColumns: columns, stateColumns: 0 };
  if (columns < BESIDE_COLUMNS_MIN) return { detailColumns: 0, stateColumns: columns };
  const stateColumns = Math.floor(columns * STATE_SHARE);
  // One column between them is a line.
  return { detailColumns: columns - stateColumns - 1, stateColumns };
}
