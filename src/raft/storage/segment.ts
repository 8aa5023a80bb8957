import { assert, present } from '../../lib/assert.ts';
import { type LogIndex, logIndex } from '../../lib/brands.ts';
import { segmentPath } from './layout.ts';

const OFFSETS_INITIAL = 64;

/**
 * Where the entries of one segment stand: 4 bytes of memory an entry. A segment is at most 4 GiB long (its limit is far
 * below), so offsets fit.
 */
export class Segment {
  readonly firstIndex: LogIndex;
  readonly path: string;
  #offsets = new Uint32Array(OFFSETS_INITIAL);
  #count = 0;
  #endBytes = 0;

  constructor(firstIndex: LogIndex) {
    this.firstIndex = firstIndex;
    this.path = segmentPath(firstIndex);
  }

  /** Index of the last entry; the one before `firstIndex` where the segment is empty. */
  get lastIndex(): LogIndex {
    return logIndex(this.firstIndex + this.#count - 1);
  }

  /** Where the last frame ends, in bytes. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** Notes the frame of the next entry. */
  append(frameBytes: number): void {
    assert(this.#endBytes + frameBytes <= 0xffff_ffff, `${this.path} would grow beyond 4 GiB`);
    if (this.#count === this.#offsets.length) {
      const grown = new Uint32Array(this.#offsets.length * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.#count] = this.#endBytes;
    this.#count++;
    this.#endBytes += frameBytes;
  }

  /** Forgets the entries from `index` on. */
  truncateFrom(index: LogIndex): void {
    this.#endBytes = this.offsetOf(index);
    this.#count = index - this.firstIndex;
  }

  /** The first entry whose frame begins at most `bytesMax` before the end; at least the last one. */
  firstIndexWithin(bytesMax: number): LogIndex {
    let index = this.lastIndex;
    while (index > this.firstIndex && this.#endBytes - this.offsetOf(logIndex(index - 1)) <= bytesMax) {
      index = logIndex(index - 1);
    }
    return index;
  }

  /** Where the frame of entry `index` begins; for the index after the last, where it would. */
  offsetOf(index: LogIndex): number {
    const position = index - this.firstIndex;
    assert(position >= 0 && position <= this.#count, `Entry ${index} is not in ${this.path}`);
    return position === this.#count ? this.#endBytes : present(this.#offsets[position], 'offset');
  }
}
