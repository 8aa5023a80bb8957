import { assert, present } from '../lib/assert.ts';

/** One typed array of a column, whichever kind it is. */
interface Page<T> {
  [position: number]: T;
}

/** So many values are in one page: a column grows by a page, and never copies what it has. */
const PAGE_VALUES = 65_536;

/**
 * Values of one kind, packed in typed arrays, that come and go at the end alone. Seven million offsets take 56 MB here and
 * several times that in an array of objects.
 */
export class Column<T extends number | bigint> {
  readonly #makePage: (length: number) => Page<T>;
  readonly #pages: Page<T>[] = [];
  #length = 0;

  constructor(makePage: (length: number) => Page<T>) {
    this.#makePage = makePage;
  }

  get length(): number {
    return this.#length;
  }

  at(position: number): T {
    assert(position >= 0 && position < this.#length, `No value at ${position} of ${this.#length}`);
    const page = present(this.#pages[Math.floor(position / PAGE_VALUES)], 'a page of a column');
    return present(page[position % PAGE_VALUES], 'a value of a column');
  }

  push(value: T): void {
    const at = this.#length % PAGE_VALUES;
    if (at === 0) this.#pages.push(this.#makePage(PAGE_VALUES));
    const page = present(this.#pages.at(-1), 'a page of a column');
    page[at] = value;
    this.#length++;
  }

  /** Keeps the first `length` values. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#length = length;
    this.#pages.length = Math.ceil(length / PAGE_VALUES);
  }
}

/** Row numbers, lengths or offsets in bytes: exact up to 2^53. */
export function numberColumn(): Column<number> {
  return new Column((length) => new Float64Array(length));
}

/**
 * Rows that fall into runs, each with a value: which value a row has follows from where its run begins. A log of one
 * term is one run, however long it is.
 */
export class Runs {
  readonly #rows = numberColumn();
  readonly #values = new Column<bigint>((length) => new BigUint64Array(length));

  get length(): number {
    return this.#rows.length;
  }

  /** Where a run begins. */
  rowOf(run: number): number {
    return this.#rows.at(run);
  }

  valueOf(run: number): bigint {
    return this.#values.at(run);
  }

  /** The run in which a row stands, or -1 where it stands before all of them. */
  runAt(row: number): number {
    return partition(this.#rows.length, (run) => this.#rows.at(run) <= row) - 1;
  }

  /** Begins a run. */
  start(row: number, value: bigint): void {
    this.#rows.push(row);
    this.#values.push(value);
  }

  /** Forgets the runs that begin at `row` and later. */
  truncate(row: number): void {
    const length = this.runAt(row - 1) + 1;
    this.#rows.truncate(length);
    this.#values.truncate(length);
  }
}

/** The first position of `length` for which `isBefore` does not hold: it holds for all before, and for none after. */
export function partition(length: number, isBefore: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
