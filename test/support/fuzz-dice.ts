import { createPrng, nextChance, nextInteger, type Prng } from '../../src/lib/prng.ts';

/** Random choices that a seed decides: the same seed makes the same requests. */
export class Dice {
  readonly #prng: Prng;

  constructor(seed: string) {
    this.#prng = createPrng(seed);
  }

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return nextInteger(this.#prng, min, max);
  }

  chance(probability: number): boolean {
    return nextChance(this.#prng, probability);
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.integer(0, choices.length - 1)] ?? choices[0];
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.integer(0, 255)));
  }

  /** Printable ASCII without a space. */
  word(length: number): string {
    return String.fromCharCode(...Array.from({ length }, () => this.integer(0x21, 0x7e)));
  }

  /** The bytes with a few of them changed, dropped, repeated or put in. */
  mutate(bytes: Uint8Array): Buffer {
    let mutated = Buffer.from(bytes);
    for (let times = this.integer(1, 4); times > 0; times--) mutated = this.#mutateOnce(mutated);
    return mutated;
  }

  #mutateOnce(bytes: Buffer): Buffer<ArrayBuffer> {
    const at = this.integer(0, bytes.length);
    const end = Math.min(bytes.length, at + this.integer(1, 8));
    const before = bytes.subarray(0, at);
    switch (this.integer(0, 4)) {
      case 0:
        return Buffer.concat([before, this.bytes(end - at), bytes.subarray(end)]);
      case 1:
        return Buffer.concat([before, bytes.subarray(end)]);
      case 2:
        return Buffer.concat([before, bytes.subarray(at, end), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([before, Buffer.from(this.pick(INSERTIONS)), bytes.subarray(at)]);
      default:
        return Buffer.from(before);
    }
  }
}

/** What tends to upset a reader of JSON or of HTTP. */
const INSERTIONS: readonly [string, ...string[]] = [
  ...(['"', '{', '}', '[', ']', ',', ':', '\\', '\\u0000', '\u0000', '\r\n', '\r\n\r\n', ' '] as const),
  ...(['-', '.', 'e9', '99999999999999999999', 'null', 'true', '\u00ff', '%00', '../', '\ufeff'] as const),
];
