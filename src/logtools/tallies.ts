/** How many entries, and how many bytes they are together. */
export interface Tally {
  readonly entries: number;
  readonly bytes: number;
}

/** A tally and what it is of. */
export interface KeyedTally<Key> extends Tally {
  readonly key: Key;
}

interface OpenTally {
  entries: number;
  bytes: number;
}

/** Tallies by key. Beyond `keysMax` no key is added; what it would have had goes to the rest. */
export class Tallies<Key extends string | number> {
  readonly #keysMax: number;
  readonly #tallies = new Map<Key, OpenTally>();
  readonly #rest: OpenTally = { entries: 0, bytes: 0 };

  constructor(keysMax: number = Number.POSITIVE_INFINITY) {
    this.#keysMax = keysMax;
  }

  /** What came under keys that were too many. */
  get rest(): Tally {
    return { ...this.#rest };
  }

  /** Adds an entry of so many bytes. */
  add(key: Key, bytes: number): void {
    const tally = this.#tallies.get(key) ?? this.#open(key);
    tally.entries++;
    tally.bytes += bytes;
  }

  /** The largest first. */
  byBytes(): readonly KeyedTally<Key>[] {
    return this.#all().sort((a, b) => b.bytes - a.bytes || b.entries - a.entries);
  }

  /** In the order of the keys. */
  byKey(): readonly KeyedTally<Key>[] {
    return this.#all().sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #all(): KeyedTally<Key>[] {
    return [...this.#tallies].map(([key, tally]) => ({ key, ...tally }));
  }

  #open(key: Key): OpenTally {
    if (this.#tallies.size >= this.#keysMax) return this.#rest;
    const tally = { entries: 0, bytes: 0 };
    this.#tallies.set(key, tally);
    return tally;
  }
}
