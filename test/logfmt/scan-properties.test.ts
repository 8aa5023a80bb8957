import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, equalBytes } from '../../src/lib/bytes.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import {
  encodeFrames,
  encodeRawFrame,
  entryOf,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
} from '../../src/logfmt/frame.ts';
import { scanLog } from '../../src/logfmt/scan.ts';
import { readBytesMax } from '../../src/logfmt/window.ts';
import { arbitraryLog, plainLog, type RecordedScan, recordScan } from './logs.ts';

/** Good frames and problems cover each byte exactly once, in order. */
function expectTiling(scan: RecordedScan, bytes: Uint8Array): void {
  const pieces = [
    ...scan.frames.map((frame) => ({
      offset: frame.offset,
      length: FRAME_HEADER_BYTES + frame.command.length,
    })),
    ...scan.problems.filter(({ length }) => length > 0),
  ].sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { offset, length } of pieces) {
    expect(offset).toBe(end);
    end += length;
  }
  expect(end).toBe(bytes.length);
}

/** Bytes that look like a log here and there: headers with any SIZE, good frames, zeros, noise. */
const hostilePiece = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.nat({ max: 1200 }).map((length) => new Uint8Array(length)),
  fc
    .record({
      index: fc.bigInt({ min: 1n, max: 12n }),
      term: fc.bigInt({ min: 1n, max: 3n }),
      command: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    })
    .map(encodeRawFrame),
  fc
    .record({
      index: fc.nat({ max: 12 }),
      term: fc.nat({ max: 3 }),
      size: fc.oneof(fc.nat({ max: 300 }), fc.nat()),
    })
    .map(({ index, term, size }) => {
      const header = new Uint8Array(FRAME_HEADER_BYTES);
      const view = new DataView(header.buffer);
      view.setBigUint64(4, BigInt(term), true);
      view.setBigUint64(12, BigInt(index), true);
      view.setUint32(20, size, true);
      return header;
    }),
);

const firstIndex = 1n;

const someMoments = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });

describe('any log', () => {
  it('is read back whole, in chunks of any size', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.integer({ min: 1, max: 2000 }), (entries, chunkBytes) => {
        const { result, frames, problems } = recordScan(encodeFrames(entries), { chunkBytes, firstIndex });
        expect(problems).toEqual([]);
        expect(result.entries).toBe(entries.length);
        expect(frames.map(entryOf)).toEqual(entries);
      }),
    );
  });

  it('with one flipped bit has a problem at the frame that was hit', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.nat(), fc.nat({ max: 7 }), (entries, place, bit) => {
        const bytes = encodeFrames(entries);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        const scan = recordScan(bytes, { firstIndex });
        expect(scan.problems[0]?.offset).toBeLessThanOrEqual(at);
        expect(
          scan.frames.every((frame) => frame.offset > at || frame.offset + 24 + frame.command.length <= at),
        ).toBe(true);
        expectTiling(scan, bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it('with bytes cut out has a problem, unless what is left are its first frames', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.nat(), fc.nat(), (entries, a, b) => {
        const bytes = encodeFrames(entries);
        const start = Math.min(a % bytes.length, b % bytes.length);
        const end = Math.max(a % bytes.length, b % bytes.length) + 1;
        const cut = concatBytes([bytes.subarray(0, start), bytes.subarray(end)]);
        const starts = recordScan(bytes).frames.map(({ offset }) => offset);
        fc.pre(!(starts.includes(cut.length) && equalBytes(cut, bytes.subarray(0, cut.length))));
        const scan = recordScan(cut, { firstIndex });
        expect(scan.problems.length).toBeGreaterThan(0);
        expectTiling(scan, cut);
      }),
      { numRuns: 1000 },
    );
  });

  it('of which the last frame went by a cut inside two that end alike is a good, shorter log', () => {
    const bytes = encodeFrames(
      plainLog(3, 30).map((entry) => ({ ...entry, command: new Uint8Array(30).fill(7) })),
    );
    const frame = bytes.length / 3;
    // The end of the second frame goes with the beginning of the third, and the end of the third takes its place.
    const cut = concatBytes([bytes.subarray(0, 2 * frame - 5), bytes.subarray(3 * frame - 5)]);
    expect(recordScan(cut, { firstIndex }).result).toMatchObject({ entries: 2, problems: [] });
  });

  it('with bytes put in has a problem', () => {
    fc.assert(
      fc.property(
        arbitraryLog(),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 50 }),
        (entries, place, extra) => {
          const bytes = encodeFrames(entries);
          const at = place % (bytes.length + 1);
          const longer = concatBytes([bytes.subarray(0, at), extra, bytes.subarray(at)]);
          const scan = recordScan(longer, { firstIndex });
          expect(scan.problems.length).toBeGreaterThan(0);
          expectTiling(scan, longer);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('that was cut anywhere and filled with zeros is mended by its torn tail: what stays is a prefix', () => {
    fc.assert(
      fc.property(arbitraryLog(700), fc.nat(), fc.nat({ max: 3000 }), (entries, place, filled) => {
        const bytes = encodeFrames(entries);
        const length = place % (bytes.length + 1);
        const torn = concatBytes([bytes.subarray(0, length), new Uint8Array(filled)]);
        const { result } = recordScan(torn, { firstIndex });
        expect(result.fatal).toBe(false);
        const kept = recordScan(torn.subarray(0, result.keptBytes), { firstIndex });
        expect(kept.problems).toEqual([]);
        expect(kept.frames.map(entryOf)).toEqual(entries.slice(0, kept.frames.length));
        const whole = recordScan(bytes.subarray(0, length), { firstIndex }).result.entries;
        expect(kept.frames.length).toBeGreaterThanOrEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('that is written while it is read shows no damage but an unfinished tail', () => {
    fc.assert(
      fc.property(
        arbitraryLog(),
        someMoments,
        fc.integer({ min: 1, max: 3000 }),
        (entries, moments, chunkBytes) => {
          const whole = concatBytes([encodeFrames(entries), new Uint8Array(500)]);
          const visible = moments.map((moment) => moment % whole.length).sort((a, b) => a - b);
          const scan = scanLog({ fileBytes: whole.length, segment: 'last', firstIndex, chunkBytes });
          let step = scan.next();
          for (let read = 0; !step.done; read++) {
            // Each read sees what is written by then; the file was filled ahead with zeros.
            const written = whole.slice().fill(0, visible[read] ?? whole.length);
            const { position, length } = step.value;
            step = scan.next(written.subarray(position, position + length));
          }
          const { fatal, problems } = step.value;
          expect(fatal).toBe(false);
          expect(problems.length).toBe(1);
          expect(['torn-tail', 'zero-tail']).toContain(problems[0]?.kind);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('that lost any sectors of its last batch is mended too, and keeps what was synced before', () => {
    const scenario = fc.record({
      synced: fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 10 }),
      batch: fc.array(fc.uint8Array({ minLength: 1, maxLength: 900 }), { minLength: 1, maxLength: 10 }),
      lost: fc.array(fc.nat({ max: 20 }), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(scenario, ({ synced, batch, lost }) => {
        // A zero byte in a command would make a sector of zeros that was not lost.
        const commands = [...synced, ...batch].map((command) => command.map((byte) => byte | 1));
        const frames = commands.map((command, i) =>
          encodeRawFrame({ index: BigInt(i + 1), term: 3n, command }),
        );
        const bytes = concatBytes([...frames, new Uint8Array(1024)]);
        const syncedBytes = concatBytes(frames.slice(0, synced.length)).length;
        const writtenBytes = bytes.length - 1024;
        for (const sector of lost) {
          const start = Math.floor(syncedBytes / 512) * 512 + sector * 512;
          if (start < writtenBytes) bytes.fill(0, Math.max(start, syncedBytes), start + 512);
        }
        const { result, frames: found } = recordScan(bytes, { firstIndex });
        fc.pre(!isTinyLoss(bytes, concatBytes(frames), syncedBytes));
        expect(result.fatal).toBe(false);
        if (!hasDoubtfulEnd(frames)) expect(result.tornTail?.maybeAcknowledged ?? false).toBe(false);
        expect(result.keptBytes).toBeGreaterThanOrEqual(syncedBytes);
        expect(found.filter(({ offset }) => offset < syncedBytes).length).toBe(synced.length);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Whether a frame reaches into a sector by so few bytes that zeros there may as well be the end of its command. */
function hasDoubtfulEnd(frames: readonly Uint8Array[]): boolean {
  let end = 0;
  return frames.some((frame) => {
    end += frame.length;
    return end % 512 > 0 && end % 512 < 16;
  });
}

/** Whether the loss shows in a few bytes only: that may look like a flipped bit, and then a node rightly refuses. */
function isTinyLoss(actual: Uint8Array, written: Uint8Array, from: number): boolean {
  let differing = 0;
  for (let at = from; at < written.length && differing <= 4; at++)
    if (actual[at] !== written[at]) differing++;
  return differing <= 4;
}

describe('hostile bytes', () => {
  it('are gone through without an exception, and every byte is accounted for once', () => {
    fc.assert(
      fc.property(
        fc.array(hostilePiece, { maxLength: 25 }),
        fc.integer({ min: 1, max: 600 }),
        fc.constantFrom('last' as const, 'earlier' as const),
        (pieces, chunkBytes, segment) => {
          const bytes = concatBytes(pieces);
          const scan = recordScan(bytes, { chunkBytes, segment });
          expectTiling(scan, bytes);
          expect(scan.requestBytesMax).toBeLessThanOrEqual(readBytesMax(chunkBytes));
          expect(recordScan(bytes, { segment }).result).toEqual(scan.result);
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('never make a request larger than a frame and a chunk, whatever SIZE says', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }),
        fc.integer({ min: 4096, max: 70_000 }),
        (size, chunkBytes) => {
          const bytes = new Uint8Array(FRAME_BYTES_MAX + 200_000).fill(0x5a);
          const view = new DataView(bytes.buffer);
          view.setBigUint64(4, 1n, true);
          view.setBigUint64(12, 1n, true);
          view.setUint32(20, size, true);
          const scan = recordScan(bytes, { chunkBytes, firstIndex });
          expect(scan.requestBytesMax).toBeLessThanOrEqual(readBytesMax(chunkBytes));
          expect(scan.problems.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('that hold a plausible header of a huge frame at every step cost work in proportion to their length', () => {
    const bytes = new Uint8Array(3 * FRAME_COMMAND_BYTES_MAX);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + FRAME_HEADER_BYTES < bytes.length; at += FRAME_HEADER_BYTES) {
      view.setUint32(at, 0xdeadbeef, true);
      view.setBigUint64(at + 4, 1n, true);
      view.setBigUint64(at + 12, 2n, true);
      view.setUint32(at + 20, FRAME_COMMAND_BYTES_MAX - (at % 1000), true);
    }
    const good = encodeRawFrame({ index: 1n, term: 1n, command: new Uint8Array(30).fill(7) });
    const scan = recordScan(concatBytes([good, bytes]));
    expect(scan.problems).toMatchObject([{ offset: good.length, fatal: true }]);
    // Unbounded, these 6 MiB would cost about 500 GB of checksums.
    expect(scan.requestedBytes).toBeLessThan(20 * bytes.length);
  });
});
