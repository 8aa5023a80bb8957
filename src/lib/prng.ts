/**
 * A small seeded generator (sfc32) whose state is plain data: the core and the simulator draw from it, so a seed
 * decides everything.
 */
export interface Prng {
  a: number;
  b: number;
  c: number;
  counter: number;
}

const WARM_UP_ROUNDS = 12;

/** A generator for `seed`, a number or a text (an id of 64 bits, say). The same seed gives the same sequence. */
export function createPrng(seed: number | string): Prng {
  let hash = 2166136261;
  for (const character of String(seed)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  }
  const prng = { a: hash | 0, b: 0x9e3779b9 | 0, c: 0x243f6a88 | 0, counter: 1 };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) nextUint32(prng);
  return prng;
}

/** The next integer from 0 to 2^32-1. */
export function nextUint32(prng: Prng): number {
  const sum = (((prng.a + prng.b) | 0) + prng.counter) | 0;
  prng.counter = (prng.counter + 1) | 0;
  prng.a = prng.b ^ (prng.b >>> 9);
  prng.b = (prng.c + (prng.c << 3)) | 0;
  prng.c = (((prng.c << 21) | (prng.c >>> 11)) + sum) | 0;
  return sum >>> 0;
}

/** An integer from `min` to `max`, both included. */
export function nextInteger(prng: Prng, min: number, max: number): number {
  return min + Math.floor((nextUint32(prng) / 0x1_0000_0000) * (max - min + 1));
}

/** True with probability `probability` (0 to 1). */
export function nextChance(prng: Prng, probability: number): boolean {
  return nextUint32(prng) / 0x1_0000_0000 < probability;
}
