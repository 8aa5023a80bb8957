import { assert } from '../lib/assert.ts';

/** What the bodies of all requests under way may hold together, so that no crowd of clients exhausts the memory. */
export class BodyBudget {
  readonly #bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A share for one request. */
  share(): BodyShare {
    return new BodyShare((bytes) => this.#take(bytes));
  }

  #take(bytes: number): boolean {
    if (this.#taken + bytes > this.#bytesMax) return false;
    this.#taken += bytes;
    assert(this.#taken >= 0, 'More was given back than had been taken');
    return true;
  }
}

/** The part of one request. */
export class BodyShare {
  readonly #takeOfAll: (bytes: number) => boolean;
  #bytes = 0;

  constructor(take: (bytes: number) => boolean) {
    this.#takeOfAll = take;
  }

  /** Takes more; false where that is not to be had. */
  take(bytes: number): boolean {
    const isTaken = this.#takeOfAll(bytes);
    if (isTaken) this.#bytes += bytes;
    return isTaken;
  }

  /** Gives all of it back. */
  release(): void {
    this.#takeOfAll(-this.#bytes);
    this.#bytes = 0;
  }
}
