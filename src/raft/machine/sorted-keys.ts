/** A chunk that grows beyond this is split in two. */
const CHUNK_KEYS_MAX = 512;

/**
 * A set of keys in the order of their code units, for lists by prefix. It is cut into short sorted chunks, so that an
 * insertion moves hundreds of keys and not all of them.
 */
export class SortedKeys {
  /** No chunk is empty; each one's keys are all below the next one's. */
  readonly #chunks: string[][] = [];

  /** Adds a key that is not yet here. */
  add(key: string): void {
    const at = Math.max(0, this.#chunkOf(key));
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > CHUNK_KEYS_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_KEYS_MAX / 2));
  }

  /** Removes a key that is here. */
  remove(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const position = lowerBound(chunk, key);
    if (chunk[position] !== key) return;
    chunk.splice(position, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** All keys from `first` on, in order. */
  *from(first: string): Generator<string> {
    const start = Math.max(0, this.#chunkOf(first));
    for (let at = start; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] ?? [];
      for (let i = at === start ? lowerBound(chunk, first) : 0; i < chunk.length; i++) yield chunk[i] ?? '';
    }
  }

  /** The last chunk whose first key is not above `key`; -1 where there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.[0] ?? '') <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The position of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
