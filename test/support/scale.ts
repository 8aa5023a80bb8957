/**
 * `npm run test:long` sets it. What takes many rounds or many seeds is done in full then, and a part of it in every other
 * run, which has to stay short.
 */
const IS_LONG = process.env.LONG === '1';

/** How many rounds, seeds or milliseconds: some in an ordinary run, and all of them in the long one. */
export function scaled(some: number, all: number): number {
  return IS_LONG ? all : some;
}

/** The seeds that `SEED=1,7` asks for, or else as many as this run takes, from 1 on. */
export function seeds(some: number, all: number): readonly number[] {
  const wanted = process.env.SEED;
  if (wanted !== undefined) return wanted.split(',').map(Number);
  return Array.from({ length: scaled(some, all) }, (_, i) => i + 1);
}
