import type { IndexedRow, LogLookup } from '../logtools/log-index.ts';
import { type RowBytes, type RowContent, readContents, readRowBytes } from '../logtools/row-content.ts';
import { type InspectorState, layoutOf } from './inspector-state.ts';
import { isSameRow } from './list-view.ts';

/** What was read is kept of so many rows: several screens of the largest terminal. */
const ROWS_KEPT_MAX = 1_000;

/** Reads what the screen shows of the log, as far as it is not there yet: a screenful, never more. */
export class RowLoader {
  readonly #log: LogLookup;
  #contents = new Map<number, RowContent>();
  #bytes: RowBytes | undefined;
  #isBusy = false;

  constructor(log: LogLookup) {
    this.#log = log;
  }

  get contents(): ReadonlyMap<number, RowContent> {
    return this.#contents;
  }

  /** Of the row that one was at when they were read. */
  get bytes(): RowBytes | undefined {
    return this.#bytes;
  }

  /**
   * Reads what a state needs; resolves with whether something came. While it reads, further calls resolve at once with
   * false: whoever draws what came asks again. Errors: `no-such-file`, `not-permitted`, `disk-failed`.
   */
  async load(state: InspectorState): Promise<boolean> {
    const wanted = this.#wantedRows(state);
    const row = this.#wantedBytes(state);
    if (this.#isBusy || (wanted.length === 0 && row === undefined)) return false;
    this.#isBusy = true;
    try {
      const rows = wanted.map(([, indexed]) => indexed);
      const [contents, bytes] = await Promise.all([
        readContents(rows),
        row === undefined ? undefined : readRowBytes(row),
      ]);
      if (this.#contents.size > ROWS_KEPT_MAX) this.#contents = new Map();
      const numbers = new Map(wanted.map(([number, indexed]) => [indexed, number]));
      for (const content of contents) {
        const number = numbers.get(content.row);
        if (number !== undefined) this.#contents.set(number, content);
      }
      if (bytes !== undefined) this.#bytes = bytes;
      return true;
    } finally {
      this.#isBusy = false;
    }
  }

  #wantedRows(state: InspectorState): readonly (readonly [number, IndexedRow])[] {
    const wanted: (readonly [number, IndexedRow])[] = [];
    const end = Math.min(this.#log.rowCount, state.top + layoutOf(state).listRows);
    for (let number = state.top; number < end; number++) {
      const row = this.#log.rowAt(number);
      const content = this.#contents.get(number);
      const isHere = content !== undefined && isSameRow(content.row, row);
      if (row.type === 'entry' && !isHere) wanted.push([number, row]);
    }
    return wanted;
  }

  #wantedBytes(state: InspectorState): IndexedRow | undefined {
    if (state.cursor >= this.#log.rowCount || layoutOf(state).detailRows === 0) return undefined;
    const row = this.#log.rowAt(state.cursor);
    return this.#bytes !== undefined && isSameBytes(this.#bytes.row, row) ? undefined : row;
  }
}

/** A damaged range at the end of a log grows with it. */
function isSameBytes(a: IndexedRow, b: IndexedRow): boolean {
  return isSameRow(a, b) && (a.type !== 'damage' || b.type !== 'damage' || a.length === b.length);
}
