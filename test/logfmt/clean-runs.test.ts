import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/lib/bytes.ts';
import { type Block, cleanRuns, FoundRuns } from '../../src/logfmt/clean-runs.ts';
import type { FrameFold } from '../../src/logfmt/fold.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import type { CleanRun } from '../../src/logfmt/run.ts';
import { type ScanOptions, type ScanResult, scanLog } from '../../src/logfmt/scan.ts';
import type { Reading } from '../../src/logfmt/window.ts';
import { arbitraryDamage, damaged } from './damages.ts';
import { makeFold } from './folds.ts';
import { arbitraryLog, fixture, plainLog } from './logs.ts';

const fold = makeFold();

/** Runs a computation over bytes in memory, which are read into the room of a fold where one is given; with how much it read. */
function read<T>(
  reading: Reading<T>,
  bytes: Uint8Array,
  into?: FrameFold,
): { readonly value: T; readonly bytesRead: number } {
  let bytesRead = 0;
  let step = reading.next();
  while (!step.done) {
    const { position, length } = step.value;
    bytesRead += length;
    const part = bytes.subarray(position, position + length);
    const room = into?.room(part.length);
    room?.set(part);
    step = reading.next(room ?? part.slice());
  }
  return { value: step.value, bytesRead };
}

/** The runs of a file that is cut into blocks. */
function runsOf(bytes: Uint8Array, blockBytes: number, options: Partial<Block> = {}): CleanRun[] {
  const runs: CleanRun[] = [];
  for (let from = 0; from < bytes.length; from += blockBytes) {
    const to = Math.min(from + blockBytes, bytes.length);
    runs.push(...read(cleanRuns({ fileBytes: bytes.length, from, to, fold, ...options }), bytes, fold).value);
  }
  return runs;
}

/** The runs as a scan is given them; they come in any order. */
function found(runs: readonly CleanRun[]): FoundRuns {
  const known = new FoundRuns();
  for (const run of runs.toReversed()) known.add([run]);
  return known;
}

function scan(bytes: Uint8Array, options: Partial<ScanOptions>): ScanResult {
  return read(scanLog({ fileBytes: bytes.length, segment: 'last', ...options }), bytes, options.fold).value;
}

describe('runs of good frames', () => {
  it('of a good log meet end to end, so that a scan has nothing left to read', () => {
    const bytes = encodeFrames(plainLog(2000, 100));
    const runs = runsOf(bytes, 50_000);
    expect(runs.length).toBe(5);
    expect(runs[0]).toMatchObject({ from: 0, first: { index: 1n } });
    expect(runs.slice(1).map(({ from }) => from)).toEqual(runs.slice(0, -1).map(({ to }) => to));
    const { value, bytesRead } = read(
      scanLog({ fileBytes: bytes.length, segment: 'last', known: found(runs) }),
      bytes,
    );
    expect(value).toEqual(scan(bytes, {}));
    expect(bytesRead).toBe(0);
  });

  it('are found without reading beyond their block more than the rest of a frame', () => {
    const bytes = encodeFrames(plainLog(20_000, 100));
    for (const chunkBytes of [1000, 4096, 50_000, 200_000]) {
      const block = { fileBytes: bytes.length, from: 1_000_000, to: 1_200_000, fold, chunkBytes };
      const { value, bytesRead } = read(cleanRuns(block), bytes, fold);
      expect(value.reduce((sum, { entries }) => sum + entries, 0)).toBe(Math.round(200_000 / 124));
      // A frame that lies across the end of a chunk is read again from its start.
      const chunks = Math.ceil(200_000 / chunkBytes);
      expect(bytesRead).toBeLessThan(200_000 + (chunks + 3) * 2 * 124);
    }
  });

  it('of long frames are read once', () => {
    const bytes = encodeFrames(plainLog(40, 5000));
    for (const chunkBytes of [1000, 5000]) {
      const runs = { fileBytes: bytes.length, from: 0, to: bytes.length, fold, chunkBytes };
      expect(read(cleanRuns(runs), bytes, fold).bytesRead).toBeLessThan(1.1 * bytes.length + chunkBytes);
      const whole = scanLog({ fileBytes: bytes.length, segment: 'last', fold, chunkBytes });
      expect(read(whole, bytes, fold).bytesRead).toBeLessThan(1.1 * bytes.length + chunkBytes);
    }
  });

  it('of a block with much damage are few, and try each byte together with others once at most', () => {
    const bytes = encodeFrames(plainLog(10_000, 100));
    for (let at = 5_000; at < bytes.length; at += 12_400) bytes[at] = (bytes[at] ?? 0) ^ 1;
    let triedBytes = 0;
    const counted: FrameFold = Object.create(fold ?? null, {
      check: {
        value: (request: Parameters<FrameFold['check']>[0]) => {
          const stretch = fold?.check(request);
          if (stretch?.isGood === false) triedBytes += stretch.end - request.from;
          return stretch;
        },
      },
      room: { value: () => undefined },
    });
    const block = { fileBytes: bytes.length, from: 0, to: bytes.length, fold: counted, chunkBytes: 300_000 };

    const { value } = read(cleanRuns(block), bytes);

    expect(value.length).toBe(50);
    expect(triedBytes).toBeGreaterThan(100_000);
    expect(triedBytes).toBeLessThan(bytes.length);
  });

  it('of one file are kept up to a limit', () => {
    const at = (n: number) => ({ index: BigInt(n), term: 1n });
    const run = (n: number) => ({ from: n, to: n + 1, entries: 1, first: at(n), last: at(n) });
    const known = new FoundRuns();
    known.add(Array.from({ length: 49_999 }, (_, i) => run(i + 10)));
    known.add([run(1), run(2)]);
    expect(known.nextFrom(0)?.from).toBe(10);
    known.add([run(1)]);
    expect(known.nextFrom(0)?.from).toBe(1);
    known.add([run(3)]);
    expect(known.nextFrom(2)?.from).toBe(10);
  });

  it('change no verdict, whatever is damaged, wherever blocks and chunks end', () => {
    fc.assert(
      fc.property(
        arbitraryLog(),
        fc.array(arbitraryDamage, { maxLength: 4 }),
        fc.integer({ min: 30, max: 5000 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.boolean(),
        (entries, hits, blockBytes, chunkBytes, isFirstKnown) => {
          const bytes = hits.reduce(damaged, encodeFrames(entries));
          const options = { chunkBytes, ...(isFirstKnown ? { firstIndex: 1n } : {}) };
          const known = runsOf(bytes, blockBytes, { chunkBytes });
          const alone = scan(bytes, options);
          expect(scan(bytes, { ...options, known: found(known) })).toEqual(alone);
          expect(scan(bytes, { ...options, known: found(known), fold })).toEqual(alone);
        },
      ),
      { numRuns: 1500 },
    );
  }, 60_000);

  it('that begin inside a command, which holds a log, are not taken', () => {
    const inner = encodeFrames(plainLog(20, 40));
    const outer = plainLog(6, 1).map((entry) => ({ ...entry, command: inner }));
    const bytes = encodeFrames(outer);
    const known = runsOf(bytes, 500);
    expect(known.some(({ from }) => from % (24 + inner.length) !== 0)).toBe(true);
    expect(scan(bytes, { known: found(known) })).toEqual(scan(bytes, {}));
  });

  it('of any bytes are found within work in proportion to the block', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat({ max: 1200 }).map((length) => new Uint8Array(length)),
      arbitraryLog(40).map(encodeFrames),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.integer({ min: 20, max: 900 }),
        (pieces, blockBytes) => {
          const bytes = concatBytes(pieces);
          const known = runsOf(bytes, blockBytes);
          expect(scan(bytes, { known: found(known) })).toEqual(scan(bytes, {}));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(['missing-entry', 'repeated-entry', 'term-regression', 'two-bitflips', 'torn-sector'])(
    'leave the verdict on %s as it is',
    (name) => {
      const bytes = fixture(`damaged-log/${name}.log`);
      for (const blockBytes of [700, 5000, 40_000]) {
        expect(scan(bytes, { known: found(runsOf(bytes, blockBytes)) })).toEqual(scan(bytes, {}));
      }
    },
  );
});
