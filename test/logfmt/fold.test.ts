import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import type { Stretch } from '../../src/logfmt/fold.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { assembled, foldModuleText } from './fold-module.ts';
import { makeFold } from './folds.ts';
import { arbitraryLog, headerOfSize, plainLog } from './logs.ts';

const LOGFMT = fileURLToPath(new URL('../../src/logfmt/', import.meta.url));

const fold = makeFold();

/** What the fold says of frames that follow `previous`, from the first byte on. */
function check(bytes: Uint8Array, previous = { index: 0n, term: 1n }): Stretch | undefined {
  return fold.check({ bytes, from: 0, beginBefore: bytes.length, previous });
}

/** The bytes with one bit turned over. */
function flipped(bytes: Uint8Array, ...bits: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  for (const bit of bits) copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe('the module', () => {
  it('is what its text says', async () => {
    const wat = readFileSync(`${LOGFMT}fold.wat`, 'utf8');
    const written = readFileSync(`${LOGFMT}fold-module.ts`, 'utf8');
    expect(written, 'npx tsx scripts/fold-module.ts writes it anew').toBe(
      foldModuleText(await assembled(wat)),
    );
  });

  it('folds by a multiple of the polynomial', () => {
    const multiple = new Uint8Array(4019);
    for (const at of [0, 1927, 2181, 4018]) multiple[at] = 1;
    expect(crc32(multiple)).toBe(crc32(new Uint8Array(4019)));
  });
});

describe('frames that are checked together', () => {
  it('are good in any log, wherever they stand, and left as they are', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.nat({ max: 100 }), (entries, from) => {
        const frames = encodeFrames(entries);
        const bytes = concatBytes([new Uint8Array(from).fill(7), frames, new Uint8Array(9).fill(8)]);
        const before = bytes.slice();
        const room = fold.room(bytes.length)?.subarray(0, bytes.length) ?? bytes;
        const last = entries.at(-1);
        for (const place of [bytes, room]) {
          place.set(bytes);
          const request = {
            bytes: place,
            from,
            beginBefore: bytes.length,
            previous: { index: 0n, term: 0n },
          };
          expect(fold.check(request)).toEqual({
            end: from + frames.length,
            entries: entries.length,
            last: { index: BigInt(last?.index ?? 0), term: BigInt(last?.term ?? 0) },
            isGood: true,
          });
          expect(Buffer.compare(place, before)).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are not good where any one bit was turned over, in a short stretch or a long one', () => {
    for (const frames of [encodeFrames(plainLog(30, 40)), encodeFrames(plainLog(1200, 100))]) {
      fc.assert(
        fc.property(fc.nat({ max: 8 * frames.length - 1 }), (bit) => {
          const stretch = check(flipped(frames, bit));
          // A wrong SIZE, INDEX or TERM may end the stretch before it.
          const isBehind = stretch === undefined || stretch.end <= bit >>> 3;
          expect(isBehind || stretch.isGood === false).toBe(true);
        }),
        { numRuns: 1000 },
      );
    }
  });

  it('are not good where two bits were, least of all at the distances by which they are folded', () => {
    const frames = encodeFrames(plainLog(1200, 100));
    // All in commands, so that headers stay as they are.
    const inCommand = (at: number) => at - (at % 124) + 24 + (at % 100);
    const distances = [1927, 2181, 4018, 2181 - 1927, 4018 - 1927, 4018 - 2181];
    for (const distance of distances) {
      for (let first = 24; first + distance + 8 < frames.length; first += 977) {
        if ((first + distance) % 124 < 24 || first % 124 < 24) continue;
        expect(check(flipped(frames, 8 * first, 8 * (first + distance)))?.isGood).toBe(false);
      }
    }
    fc.assert(
      fc.property(fc.nat({ max: 140_000 }), fc.nat({ max: 140_000 }), fc.nat({ max: 7 }), (a, b, bit) => {
        const [first, second] = [inCommand(a), inCommand(b)];
        fc.pre(first !== second);
        expect(check(flipped(frames, 8 * first + bit, 8 * second + bit))?.isGood).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('may have any length, whatever its place in the parts that are folded', () => {
    const folded = [16_384, 32_768].flatMap((part) =>
      [-65, -64, -25, -24, -23, -4, 0, 1].map((more) => part + more),
    );
    for (const bytes of [1, 15, 16, 17, 4000, 4018, ...folded, 65_536, 200_000, FRAME_COMMAND_BYTES_MAX]) {
      const frames = encodeFrames(plainLog(3, bytes));
      const stretch = check(frames);
      expect(stretch?.isGood).toBe(true);
      // There is room for two of the longest frames.
      const entries = bytes === FRAME_COMMAND_BYTES_MAX ? 2 : 3;
      expect(stretch?.end).toBe(entries * (bytes + 24));
      for (const bit of [8 * 24, 8 * (bytes + 24) - 1, 8 * (2 * bytes + 48) - 1]) {
        expect(check(flipped(frames, bit))?.isGood).toBe(false);
      }
    }
  });

  it('end before what does not follow', () => {
    const entries = plainLog(10, 30);
    const cut = (at: number, bytes: readonly number[]) => {
      const frames = encodeFrames(entries);
      frames.set(bytes, 4 * 54 + at);
      return check(frames)?.entries;
    };
    expect(cut(0, [])).toBe(10);
    // Another index, a lower term, a SIZE of nothing, one beyond the limit, one beyond the bytes.
    expect(cut(12, [6])).toBe(4);
    expect(cut(4, [2])).toBe(4);
    expect(cut(20, [0])).toBe(4);
    expect(cut(20, [255, 255, 255, 255])).toBe(4);
    expect(cut(20, [255, 2, 0, 0])).toBe(4);
    expect(check(encodeFrames(entries).subarray(0, 400))).toMatchObject({
      entries: 7,
      end: 378,
      isGood: true,
    });
    expect(check(new Uint8Array(20))).toBeUndefined();
  });

  it('end before one whose SIZE no frame has, also where that is the first of the stretch', () => {
    const entries = plainLog(10, 30);
    const sizes = [0, FRAME_COMMAND_BYTES_MAX + 1, 0x8000_0000, 0xffff_ffe7, 0xffff_ffff];
    for (const [at, entry] of entries.entries()) {
      for (const size of sizes) {
        const bytes = concatBytes([
          encodeFrames(entries.slice(0, at)),
          headerOfSize(size, entry),
          encodeFrames(entries.slice(at + 1)),
        ]);
        expect(check(bytes)?.entries ?? 0, `SIZE ${size} in entry ${entry.index}`).toBe(at);
      }
    }
  });

  it('go on over 2^32, and to the end of uint64', () => {
    const entries = Array.from({ length: 9 }, (_, i) => ({
      index: logIndex(2 ** 32 - 4 + i),
      term: term(2 ** 32 - 2 + Math.floor(i / 2)),
      command: Uint8Array.of(i + 1),
    }));
    const stretch = check(encodeFrames(entries), { index: 2n ** 32n - 5n, term: 1n });
    expect(stretch).toMatchObject({ entries: 9, isGood: true, last: { index: 2n ** 32n + 4n } });
    const highest = encodeFrames(plainLog(2, 10));
    highest.fill(0xff, 12, 20);
    highest.fill(0, 34 + 12, 34 + 20);
    expect(check(highest, { index: 2n ** 64n - 2n, term: 1n })).toMatchObject({
      entries: 1,
      last: { index: 2n ** 64n - 1n },
    });
  });
});
