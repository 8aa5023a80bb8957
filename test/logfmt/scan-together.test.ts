import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import { encodeFrames, type RawFrame } from '../../src/logfmt/frame.ts';
import type { ScanOptions } from '../../src/logfmt/scan.ts';
import { arbitraryDamage, damaged } from './damages.ts';
import { makeFold } from './folds.ts';
import { arbitraryLog, fixture, headerOfSize, plainLog, recordScan } from './logs.ts';

const fold = makeFold();

/** Sees that both ways to compare checksums find the same frames and the same problems, with the same requests. */
function expectAgreement(bytes: Uint8Array, options: Partial<ScanOptions> = {}): void {
  const each = recordScan(bytes, options);
  const together = recordScan(bytes, { ...options, fold });
  expect(together.result).toEqual(each.result);
  expect(together.problems).toEqual(each.problems);
  expect(together.frames.map(describeFrame).join('\n')).toBe(each.frames.map(describeFrame).join('\n'));
  expect(together.requestedBytes).toBe(each.requestedBytes);
}

/** A frame in a line: to compare thousands of commands byte by byte takes too long. */
function describeFrame({ offset, index, term, command }: RawFrame): string {
  return `${offset} ${index} ${term} ${command.length} ${crc32(command)}`;
}

describe('checksums that are compared together', () => {
  it('give what each by itself gives, whatever is damaged, wherever chunks end', () => {
    fc.assert(
      fc.property(
        arbitraryLog(),
        fc.array(arbitraryDamage, { maxLength: 4 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.constantFrom('last' as const, 'earlier' as const),
        (entries, hits, chunkBytes, segment) => {
          const bytes = hits.reduce(damaged, encodeFrames(entries));
          expectAgreement(bytes, { chunkBytes, segment, firstIndex: 1n });
          expectAgreement(bytes, { segment });
        },
      ),
      { numRuns: 1500 },
    );
  }, 60_000);

  it('give the same in files of many stretches, with damage in some of them', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryDamage, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        (hits, size) => {
          const bytes = hits.reduce(damaged, encodeFrames(plainLog(2500, size)));
          expectAgreement(bytes, { chunkBytes: 256 * 1024 });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('give the same where a frame has no command but a good checksum, wherever that stands', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.nat({ max: 39 }), (entries, place) => {
        const at = place % entries.length;
        const header = entries.slice(at, at + 1).map((entry) => headerOfSize(0, entry));
        const rest = encodeFrames(entries.slice(at + 1));
        const bytes = concatBytes([encodeFrames(entries.slice(0, at)), ...header, rest]);
        expectAgreement(bytes);
        expect(recordScan(bytes, { fold }).problems).not.toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('give the same where the order breaks at every turn', () => {
    const entries = plainLog(6000, 10).map((entry, i) =>
      i % 3 === 2 ? { ...entry, index: logIndex(i) } : entry,
    );
    expectAgreement(encodeFrames(entries));
  });

  it.each([
    ...[
      'bad-last-frame',
      'bitflip-command',
      'bitflip-size',
      'empty',
      'garbage-tail',
      'missing-entry',
      'not-a-log',
    ],
    ...['repeated-entry', 'term-regression', 'torn-header', 'torn-in-zeros', 'torn-sector', 'torn-tail'],
    ...['two-bitflips', 'zero-tail'],
  ])('give %s its verdict', (name) => {
    expectAgreement(fixture(`damaged-log/${name}.log`));
  });

  it('follow indexes over 2^32, and stop at the end of uint64', () => {
    const entries = Array.from({ length: 9 }, (_, i) => ({
      index: logIndex(2 ** 32 - 4 + i),
      term: term(2 ** 32 - 2 + Math.floor(i / 2)),
      command: Uint8Array.of(i + 1),
    }));
    const { result } = recordScan(encodeFrames(entries), { fold });
    expect(result).toMatchObject({ entries: 9, problems: [], last: { index: 2n ** 32n + 4n } });
    expectAgreement(fixture('seed-log/uint64-extremes.log'));
  });
});
