import { describe, expect, it } from 'vitest';
import { scaled } from '../support/scale.ts';
import { walk } from './walk.ts';

const STEPS = 600;
const BATCH = 50;
const WALKS = scaled(300, 20_000);
const SEED = process.env.SEED;

/** Walks once; a failure names its seed, and the one command that shows it again. */
function walkOrExplain(seed: number): ReturnType<typeof walk> {
  try {
    return walk(seed, STEPS);
  } catch (error) {
    const again = `SEED=${seed} npx vitest run --project unit test/core/properties.test.ts`;
    throw new Error(`Seed ${seed}: ${error instanceof Error ? error.message : error}\nAgain: ${again}`, {
      cause: error,
    });
  }
}

function transcriptOf(seed: number): string {
  const lines: string[] = [];
  walk(seed, STEPS, (line) => lines.push(line));
  return lines.join('\n');
}

describe.skipIf(SEED === undefined)('one random walk over a cluster', () => {
  it(`keeps every property with seed ${SEED}`, () => {
    walkOrExplain(Number(SEED));
  });
});

describe.skipIf(SEED !== undefined)(
  'random walks over a cluster with every fault that a sandbox knows',
  () => {
    for (let first = 1; first <= WALKS; first += BATCH) {
      const last = Math.min(first + BATCH - 1, WALKS);
      it(`keep every property of the paper's figure 3 with seeds ${first} to ${last}`, {
        timeout: 60_000,
      }, () => {
        const total = { leaders: 0, acknowledged: 0, reads: 0, truncations: 0, changes: 0, transfers: 0 };
        for (let seed = first; seed <= last; seed++) {
          const seen = walkOrExplain(seed);
          total.leaders += seen.leaders;
          total.acknowledged += seen.acknowledged;
          total.reads += seen.reads;
          total.truncations += seen.truncations;
          total.changes += seen.changes;
          total.transfers += seen.transfers;
        }
        // A batch of walks on which nothing happens would prove nothing.
        const walks = last - first + 1;
        expect(total.leaders).toBeGreaterThan(walks);
        expect(total.acknowledged).toBeGreaterThan(walks);
        expect(total.reads).toBeGreaterThan(walks / 2);
        expect(total.truncations).toBeGreaterThan(0);
        expect(total.changes).toBeGreaterThan(walks / 4);
        expect(total.transfers).toBeGreaterThan(0);
      });
    }

    it('give the same transcript twice with the same seed, and another with another', () => {
      expect(transcriptOf(7)).toBe(transcriptOf(7));
      expect(transcriptOf(7)).not.toBe(transcriptOf(8));
    });
  },
);
