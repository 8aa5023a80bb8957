import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/lib/bytes.ts';
import { CombinedChecksum } from '../../src/logfmt/combine.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { arbitraryLog } from './logs.ts';

/** The combination of what the frames in `frames` say of themselves. */
function combined(frames: readonly Uint8Array[], sum = new CombinedChecksum()): number {
  sum.reset();
  for (const frame of frames) {
    sum.add(new DataView(frame.buffer, frame.byteOffset).getUint32(0, true), frame.length);
  }
  return sum.value;
}

/** A frame as far as a checksum goes: its own checksum, then bytes that it is over. */
function frameOf(body: Uint8Array): Uint8Array {
  const frame = concatBytes([new Uint8Array(4), body]);
  new DataView(frame.buffer).setUint32(0, crc32(body), true);
  return frame;
}

describe('the combined checksum', () => {
  it('of no frame is that of no bytes', () => {
    expect(combined([])).toBe(crc32(new Uint8Array(0)));
  });

  it('of the frames of any log is that of its bytes', () => {
    fc.assert(
      fc.property(arbitraryLog(), (entries) => {
        const frames = entries.map((entry) => encodeFrames([entry]));
        expect(combined(frames)).toBe(crc32(concatBytes(frames)));
      }),
    );
  });

  it('takes frames of every length, up to the longest', () => {
    for (const bytes of [21, 148, 4071, 4072, 4073, 16_384, 65_535, 131_072, 2_097_172]) {
      const frames = [frameOf(new Uint8Array(bytes).fill(bytes)), frameOf(new Uint8Array(30).fill(1))];
      expect(combined(frames)).toBe(crc32(concatBytes(frames)));
    }
  });

  it('goes on when more lengths come than have a map of their own', () => {
    const frames = Array.from({ length: 600 }, (_, i) => frameOf(new Uint8Array(21 + i).fill(i)));
    const sum = new CombinedChecksum();
    expect(combined(frames, sum)).toBe(crc32(concatBytes(frames)));
    expect(combined(frames.toReversed(), sum)).toBe(crc32(concatBytes(frames.toReversed())));
  });

  it('differs where any one bit was flipped', () => {
    fc.assert(
      fc.property(arbitraryLog(), fc.nat(), (entries, place) => {
        const frames = entries.map((entry) => encodeFrames([entry]));
        const hit = frames[place % frames.length] ?? new Uint8Array(1);
        // SIZE is left alone: it says how long the frame is.
        const bit = place % (8 * (hit.length - 4));
        const at = Math.floor(bit / 8) < 20 ? Math.floor(bit / 8) : Math.floor(bit / 8) + 4;
        hit[at] = (hit[at] ?? 0) ^ (1 << (bit % 8));
        expect(combined(frames)).not.toBe(crc32(concatBytes(frames)));
      }),
      { numRuns: 1000 },
    );
  });
});
