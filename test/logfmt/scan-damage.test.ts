import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { BATCH_BYTES_MAX, PROBLEMS_KEPT_MAX } from '../../src/lib/limits.ts';
import { encodeFrames, encodeRawFrame, FRAME_HEADER_BYTES } from '../../src/logfmt/frame.ts';
import { fixture, fixturePath, plainLog, recordScan } from './logs.ts';

interface Expected {
  readonly kind: string | null;
  readonly offset?: number;
  readonly index?: string;
  readonly problems?: number;
  readonly offsets?: readonly number[];
  readonly goodEntries?: number;
  readonly goodEntriesBefore?: number;
  readonly goodEntriesAfter?: number;
  readonly fatal: boolean;
}

const expected: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(fixturePath('damaged-log/expected.json'), 'utf8'),
);

/** The frames of entries 1 to `count`, each 24 + 76 = 100 bytes long: entry i begins at 100 * (i - 1). */
function hundreds(count: number): Uint8Array {
  return encodeFrames(plainLog(count, 76));
}

/** A copy with some bytes changed. */
function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return changed(bytes, (copy) => copy.set([(copy[at] ?? 0) ^ 0x10], at));
}

function zeros(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return changed(bytes, (copy) => copy.fill(0, from, to));
}

describe('a stretch of damage', () => {
  const details = (bytes: Uint8Array) =>
    recordScan(bytes).problems.map(({ kind, detail }) => ({ kind, detail }));

  it('says which entries stood in it, where it is more than one', () => {
    const one = {
      kind: 'checksum-mismatch',
      detail: 'the checksum of the frame of index 3 does not match its bytes',
    };
    expect(details(flip(hundreds(9), 250))).toEqual([one]);
    const more = { ...one, detail: `${one.detail}; entries 3 to 5 stood here` };
    expect(details(zeros(hundreds(9), 250, 450))).toEqual([more]);
    const claimed = changed(hundreds(9), (copy) => copy.set([255, 255, 255, 255], 220));
    expect(details(zeros(claimed, 250, 450))).toEqual([
      { kind: 'oversized', detail: expect.stringMatching(/of command; entries 3 to 5 stood here$/) },
    ]);
  });

  it('does not say so of entries for which it has no room', () => {
    const gap = concatBytes([flip(hundreds(3), 250), hundreds(90).subarray(8000)]);
    expect(details(gap)).toEqual([
      { kind: 'checksum-mismatch', detail: 'the checksum of the frame of index 3 does not match its bytes' },
      { kind: 'index-gap', detail: expect.any(String) },
    ]);
  });
});

describe('the damaged logs of the fixtures', () => {
  it.each(Object.entries(expected))('%s.log gets its verdict', (name, verdict) => {
    const { result, frames, problems } = recordScan(fixture(`damaged-log/${name}.log`));
    const [first] = problems;
    expect(first?.kind ?? null).toBe(verdict.kind);
    expect(result.fatal).toBe(verdict.fatal);
    if (verdict.kind === null) expect(problems).toEqual([]);
    if (verdict.offset !== undefined) expect(first?.offset).toBe(verdict.offset);
    if (verdict.index !== undefined) expect(first?.index?.toString()).toBe(verdict.index);
    if (verdict.offsets !== undefined) expect(problems.map(({ offset }) => offset)).toEqual(verdict.offsets);
    expect(problems.length).toBe(verdict.problems ?? (verdict.kind === null ? 0 : 1));
    if (verdict.goodEntries !== undefined) expect(result.entries).toBe(verdict.goodEntries);
    if (verdict.goodEntriesBefore !== undefined) {
      const before = frames.filter((frame) => frame.offset < (verdict.offset ?? 0));
      expect(before.length).toBe(verdict.goodEntriesBefore);
    }
    if (verdict.goodEntriesAfter !== undefined) {
      const after = frames.filter((frame) => frame.offset >= (verdict.offset ?? 0));
      expect(after.length).toBe(verdict.goodEntriesAfter);
    }
  });

  it('has a verdict for every file', () => {
    expect(Object.keys(expected).length).toBe(15);
  });

  it.each([25, 100, 512, 4096, 100_000])(
    'the verdicts do not depend on reading in chunks of %i bytes',
    (chunkBytes) => {
      for (const name of Object.keys(expected)) {
        const bytes = fixture(`damaged-log/${name}.log`);
        expect(recordScan(bytes, { chunkBytes }).result).toEqual(recordScan(bytes).result);
      }
    },
  );
});

describe('a torn tail', () => {
  it('tells where to cut and which index goes', () => {
    const { result } = recordScan(hundreds(5).subarray(0, 470));
    expect(result.tornTail).toEqual({
      offset: 400,
      maybeAcknowledged: false,
      entriesCut: 0,
      firstIndex: 5n,
      lastIndex: 5n,
    });
    expect(result.keptBytes).toBe(400);
    expect(result.lastKept).toEqual({ index: 4n, term: 3n });
  });

  it('is found at every length at which the last frame can be cut', () => {
    const bytes = hundreds(3);
    for (let length = 201; length < 300; length++) {
      const { result, problems } = recordScan(bytes.subarray(0, length));
      expect(problems.map(({ kind, offset }) => [kind, offset])).toEqual([['torn-tail', 200]]);
      expect(result).toMatchObject({ fatal: false, entries: 2, tornTail: { maybeAcknowledged: false } });
    }
  });

  it('is found at every length at which the last frame can be cut in a file that was filled ahead', () => {
    const bytes = hundreds(3);
    for (let length = 201; length < 300; length++) {
      const filled = concatBytes([bytes.subarray(0, length), new Uint8Array(2000 - length)]);
      const { result, problems } = recordScan(filled);
      expect(problems.map(({ kind, offset }) => [kind, offset])).toEqual([['torn-tail', 200]]);
      expect(result).toMatchObject({ fatal: false, entries: 2 });
    }
  });

  it('may be bit rot in an acknowledged entry where the last frame is whole but for its checksum', () => {
    for (const bytes of [
      flip(hundreds(3), 250),
      concatBytes([flip(hundreds(3), 250), new Uint8Array(5000)]),
    ]) {
      expect(recordScan(bytes).result.tornTail).toMatchObject({ offset: 200, maybeAcknowledged: true });
    }
  });

  it.each([204, 212])('may be bit rot also where the header of the last frame is hit, at %i', (at) => {
    const { result, problems } = recordScan(flip(hundreds(3), at));
    expect(problems[0]).toMatchObject({ kind: 'torn-tail', offset: 200 });
    expect(result.tornTail).toMatchObject({ maybeAcknowledged: true });
  });

  it('may be bit rot where one bit of the last SIZE makes the frame seem cut short', () => {
    const longer = changed(hundreds(3), (copy) => copy.set([76 | 0x80], 220));
    const { result, problems } = recordScan(longer);
    expect(problems[0]).toMatchObject({ kind: 'torn-tail', offset: 200 });
    expect(result.tornTail).toMatchObject({ maybeAcknowledged: true });
  });

  it('cannot be bit rot where a whole sector of the last frame is zeros', () => {
    const big = encodeFrames(plainLog(2, 4000));
    const { result } = recordScan(zeros(big, 5120, 5632));
    expect(result.tornTail).toMatchObject({ offset: 4024, maybeAcknowledged: false });
  });

  it('reaches over good frames where a sector before them never reached the disk', () => {
    const { result, problems, frames } = recordScan(zeros(hundreds(40), 1024, 1536));
    expect(problems).toMatchObject([
      { kind: 'torn-tail', offset: 1000, length: 600, index: 11n, fatal: false },
    ]);
    expect(frames.length).toBe(34);
    expect(result).toMatchObject({
      fatal: false,
      lastKept: { index: 10n },
      keptBytes: 1000,
      tornTail: { offset: 1000, maybeAcknowledged: false, entriesCut: 24, firstIndex: 11n, lastIndex: 40n },
    });
  });

  it('begins where the lost sector held older frames too: they stay, and the rest of the sector is zeros', () => {
    // Entries 1 to 4 were synced before; the sector that they share with entry 5 lost what it gained.
    const { result, problems } = recordScan(zeros(hundreds(40), 400, 512));
    expect(problems).toMatchObject([{ kind: 'torn-tail', offset: 400, length: 200 }]);
    expect(result).toMatchObject({ fatal: false, tornTail: { maybeAcknowledged: false, entriesCut: 34 } });
  });

  it.each([1, 2, 3, 4, 5, 8, 11, 12, 20])(
    'begins where %i bytes of the new frame stood in the lost sector',
    (bytes) => {
      const first = plainLog(1, 512 - bytes - FRAME_HEADER_BYTES);
      const whole = encodeFrames([...first, ...plainLog(30, 77).slice(1)]);
      const { result, problems } = recordScan(zeros(whole, 512 - bytes, 512));
      expect(problems).toMatchObject([{ kind: 'torn-tail', offset: 512 - bytes }]);
      expect(result.fatal).toBe(false);
    },
  );

  it('is not believed where one flipped bit would do: a byte of the checksum that lost its only set bit', () => {
    const whole = encodeFrames([...plainLog(1, 512 - 1 - FRAME_HEADER_BYTES), ...plainLog(30, 76).slice(1)]);
    expect(whole[511]).toBe(0x02);
    expect(recordScan(zeros(whole, 511, 512)).problems).toMatchObject([
      { kind: 'checksum-mismatch', fatal: true },
    ]);
  });

  it('takes later damage with it, but not into account', () => {
    const { result, problems } = recordScan(flip(zeros(hundreds(40), 1024, 1536), 2050));
    expect(problems.map(({ kind, fatal }) => [kind, fatal])).toEqual([
      ['torn-tail', false],
      ['checksum-mismatch', false],
    ]);
    expect(result.fatal).toBe(false);
    expect(result.tornTail).toMatchObject({ offset: 1000, maybeAcknowledged: true });
  });

  it('is no torn tail where the lost sector is further back than one batch', () => {
    const bytes = zeros(encodeFrames(plainLog(60, 76 * 1000)), 1024, 1536);
    expect(bytes.length).toBeGreaterThan(BATCH_BYTES_MAX);
    expect(recordScan(bytes).result).toMatchObject({ fatal: true, tornTail: undefined, entries: 59 });
    const small = zeros(hundreds(40), 1024, 1536);
    expect(recordScan(small, { batchBytesMax: 3000 }).result).toMatchObject({ fatal: false });
    expect(recordScan(small, { batchBytesMax: 2999 }).result).toMatchObject({
      fatal: true,
      tornTail: undefined,
    });
  });

  it('is no torn tail in a segment that is not the last', () => {
    const lost = recordScan(zeros(hundreds(40), 1024, 1536), { segment: 'earlier' });
    expect(lost.problems).toMatchObject([{ kind: 'checksum-mismatch', fatal: true }]);
    const cut = recordScan(hundreds(5).subarray(0, 470), { segment: 'earlier' });
    expect(cut.problems).toMatchObject([{ kind: 'torn-tail', fatal: true }]);
    expect(cut.result.tornTail).toBeUndefined();
    const filled = recordScan(concatBytes([hundreds(2), new Uint8Array(10)]), { segment: 'earlier' });
    expect(filled.problems).toMatchObject([{ kind: 'zero-tail', fatal: true }]);
  });

  it('is told of the very first write to a segment, whose first index the name says', () => {
    const firstIndex = 1n;
    const half = concatBytes([hundreds(1).subarray(0, 60), new Uint8Array(4000)]);
    expect(recordScan(half, { firstIndex }).problems).toMatchObject([
      { kind: 'torn-tail', offset: 0, fatal: false },
    ]);
    const lost = zeros(hundreds(40), 0, 512);
    expect(recordScan(lost, { firstIndex }).problems).toMatchObject([
      { kind: 'torn-tail', offset: 0, fatal: false },
    ]);
  });
});

describe('damage in the middle', () => {
  it('is named once for each damaged frame, also where they stand side by side', () => {
    const { result, problems } = recordScan(flip(flip(hundreds(20), 550), 650));
    expect(problems.map(({ kind, offset, length, index }) => [kind, offset, length, index])).toEqual([
      ['checksum-mismatch', 500, 100, 6n],
      ['checksum-mismatch', 600, 100, 7n],
    ]);
    expect(result.entries).toBe(18);
  });

  it('is found in each field of a header, and the frames after it are good', () => {
    for (let at = 500; at < 524; at++) {
      const { result, problems } = recordScan(flip(hundreds(20), at));
      expect(problems).toMatchObject([{ offset: 500, length: 100, index: 6n, fatal: true }]);
      expect(['checksum-mismatch', 'oversized']).toContain(problems[0]?.kind);
      expect(result.entries).toBe(19);
    }
  });

  it('does not hide a gap that it cannot explain', () => {
    const bytes = hundreds(50);
    const { problems } = recordScan(concatBytes([bytes.subarray(0, 550), bytes.subarray(4000)]));
    expect(problems.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['checksum-mismatch', 500],
      ['index-gap', 550],
    ]);
  });

  it('is not followed into a frame that stands inside a command, whatever the damage', () => {
    const inner = encodeRawFrame({ index: 4n, term: 3n, command: utf8('inner') });
    const outer = plainLog(6, 50).map((entry, i) =>
      i === 2
        ? { ...entry, command: concatBytes([utf8('before'), inner, utf8('{"after":"the inner frame"}')]) }
        : entry,
    );
    const bytes = encodeFrames(outer);
    const start = 148;
    for (let at = start; at < start + FRAME_HEADER_BYTES + 6; at++) {
      const { frames, problems } = recordScan(flip(bytes, at));
      expect(problems).toMatchObject([{ offset: start, index: 3n }]);
      expect(frames.map(({ index }) => index)).toEqual([1n, 2n, 4n, 5n, 6n]);
      expect(frames.every(({ command }) => command.length === 50)).toBe(true);
    }
  });

  it('is told in each of a thousand places, and how many more there are', () => {
    let bytes = hundreds(2500);
    for (let i = 1; i < 2400; i += 2) bytes = changed(bytes, (copy) => copy.set([0], 100 * i + 50));
    const { result, problems } = recordScan(bytes);
    expect(problems.length).toBe(1200);
    expect(result.problems.length).toBe(PROBLEMS_KEPT_MAX);
    expect(result.problemsLeftOut).toBe(200);
    expect(result.entries).toBe(1300);
  });
});

describe('order', () => {
  it('is checked against the first index that the name of the segment says', () => {
    expect(recordScan(hundreds(3), { firstIndex: 1n }).problems).toEqual([]);
    expect(recordScan(hundreds(3), { firstIndex: 9n }).problems).toMatchObject([
      { kind: 'index-repeat', index: 1n },
    ]);
    const late = hundreds(3).subarray(100);
    expect(recordScan(late, { firstIndex: 1n }).problems).toMatchObject([
      { kind: 'index-gap', offset: 0, index: 2n },
    ]);
  });

  it('is checked against the term of the segment before', () => {
    expect(recordScan(hundreds(3), { previousTerm: 4n }).problems).toMatchObject([
      { kind: 'term-regression', offset: 0 },
    ]);
  });

  it('is told once where a whole log stands twice', () => {
    const { result, problems } = recordScan(concatBytes([hundreds(30), hundreds(30)]));
    expect(problems).toMatchObject([{ kind: 'index-repeat', offset: 3000, length: 0, index: 1n }]);
    expect(result.entries).toBe(60);
  });

  it('is exact beyond 2^53', () => {
    const command = utf8('x');
    const indexes = [2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 64n - 2n, 2n ** 64n - 1n];
    const bytes = concatBytes(
      indexes.map((index) => encodeRawFrame({ index, term: 2n ** 63n + 1n, command })),
    );
    const { result, problems, frames } = recordScan(bytes);
    expect(frames.map(({ index }) => index)).toEqual(indexes);
    expect(problems).toMatchObject([{ kind: 'index-gap', index: 2n ** 64n - 2n }]);
    expect(result.last).toEqual({ index: 2n ** 64n - 1n, term: 2n ** 63n + 1n });
  });

  it('of the extremes fixture has its gaps, and every entry', () => {
    const { result, problems } = recordScan(fixture('seed-log/uint64-extremes.log'));
    expect(result.entries).toBe(4);
    expect(problems.map(({ kind }) => kind)).toEqual(['index-gap', 'index-gap', 'index-gap']);
  });
});

describe('files that are no logs', () => {
  it.each([
    ['text', utf8('The quick brown fox jumps over the lazy dog. '.repeat(200))],
    ['a short text', utf8('hello')],
    ['a picture', Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 0xff)],
    [
      'text with zeros in it',
      concatBytes([utf8('abc '.repeat(300)), new Uint8Array(2048), utf8('abc '.repeat(300))]),
    ],
  ])('%s is named so once', (_name, bytes) => {
    const { problems } = recordScan(bytes);
    expect(problems).toMatchObject([{ kind: 'not-a-log', offset: 0, length: bytes.length, fatal: true }]);
  });

  it('zeros alone are a log that was filled ahead and never written', () => {
    expect(recordScan(new Uint8Array(5000)).problems).toMatchObject([
      { kind: 'zero-tail', offset: 0, fatal: false },
    ]);
  });
});
