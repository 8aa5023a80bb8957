import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFailure } from '../../src/lib/assert.ts';
import { logIndex, term } from '../../src/lib/brands.ts';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import {
  decodeEntries,
  decodeFrame,
  encodeFrame,
  encodeFrames,
  encodeRawFrame,
  entryOf,
  FRAME_HEADER_BYTES,
  frameBytes,
  type RawFrame,
} from '../../src/logfmt/frame.ts';
import { arbitraryLog, fixture, fixtureLines, type SeedLine, seedLineOf } from './logs.ts';

const UINT64_MAX = 2n ** 64n - 1n;

function decodeAll(bytes: Uint8Array): RawFrame[] {
  const frames: RawFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const decoded = decodeFrame(bytes, at);
    if (decoded.type !== 'frame') throw new Error(`No frame at ${at}: ${decoded.type}`);
    frames.push(decoded.frame);
    at += decoded.frameBytes;
  }
  return frames;
}

describe('the checksum', () => {
  it('is CRC-32 (IEEE): the check value of the catalogues', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
  });

  it('is the same from both implementations, on any range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), fc.nat(1200), fc.nat(1200), (bytes, a, b) => {
        const start = Math.min(a, b, bytes.length);
        const end = Math.min(Math.max(a, b), bytes.length);
        expect(crc32(bytes, start, end)).toBe(zlibCrc32(bytes.slice(start, end)));
      }),
    );
  });
});

describe('frames of the original', () => {
  it.each(['mixed', 'uint64-extremes'])('%s.log decodes to what was written, every uint64 exact', (name) => {
    const frames = decodeAll(fixture(`seed-log/${name}.log`));
    expect(frames.map(seedLineOf)).toEqual(fixtureLines<SeedLine>(`seed-log/${name}.ndjson`));
  });

  it.each(['mixed', 'uint64-extremes', 'cluster-node1'])(
    '%s.log is encoded again to the same bytes',
    (name) => {
      const bytes = fixture(`seed-log/${name}.log`);
      const encoded = concatBytes(decodeAll(bytes).map(encodeRawFrame));
      expect(Buffer.compare(encoded, bytes)).toBe(0);
    },
  );

  it('mixed.log is encoded again to the same bytes from entries, too', () => {
    const bytes = fixture('seed-log/mixed.log');
    const { entries, end } = decodeEntries(bytes);
    expect(end).toBe('complete');
    expect(Buffer.compare(encodeFrames(entries), bytes)).toBe(0);
  });

  it("cluster-node1.log holds the commands of the recorded exchanges, in the cluster's order", () => {
    const exchanges = fixtureLines<{
      path: string;
      status: number;
      requestBase64: string;
      responseBase64: string;
    }>('seed-wire/exchanges.ndjson');
    // The recorded machine answers INDEX:COMMAND, so the answers tell where each command came to stand.
    const answered = new Map<string, string>();
    for (const { path, status, requestBase64, responseBase64 } of exchanges) {
      if (path !== '/raft/command' || status !== 200) continue;
      const response = Buffer.from(responseBase64, 'base64');
      answered.set(response.subarray(0, response.indexOf(':')).toString(), requestBase64);
    }
    const frames = decodeAll(fixture('seed-log/cluster-node1.log'));
    expect(answered.size).toBeGreaterThan(0);
    expect(new Map(frames.map((frame) => [`${frame.index}`, seedLineOf(frame).command]))).toEqual(answered);
  });
});

describe('the frame codec', () => {
  it('gives back any list of entries', () => {
    fc.assert(
      fc.property(arbitraryLog(), (entries) => {
        const bytes = encodeFrames(entries);
        expect(bytes.length).toBe(entries.reduce((sum, entry) => sum + frameBytes(entry), 0));
        expect(decodeEntries(bytes)).toEqual({ entries, bytes: bytes.length, end: 'complete' });
      }),
    );
  });

  it('gives back any uint64', () => {
    const uint64 = fc.bigInt({ min: 1n, max: UINT64_MAX });
    fc.assert(
      fc.property(
        uint64,
        uint64,
        fc.uint8Array({ minLength: 1, maxLength: 30 }),
        (index, frameTerm, command) => {
          const decoded = decodeFrame(encodeRawFrame({ index, term: frameTerm, command }), 0, 77);
          expect(decoded).toMatchObject({
            type: 'frame',
            frame: { offset: 77, index, term: frameTerm, command },
          });
        },
      ),
    );
  });

  it('writes indexes beyond 2^32 like the codec of bigints', () => {
    const command = utf8('x');
    const entry = { index: logIndex(2 ** 52), term: term(2 ** 40 + 5), command };
    expect(encodeFrame(entry)).toEqual(encodeRawFrame({ index: 2n ** 52n, term: 2n ** 40n + 5n, command }));
  });

  it('says how much is missing of a frame that is cut short, at every length', () => {
    const bytes = encodeRawFrame({ index: 1n, term: 1n, command: utf8('hello') });
    for (let length = 0; length < bytes.length; length++) {
      const known = length < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : bytes.length;
      expect(decodeFrame(bytes.subarray(0, length))).toEqual({
        type: 'incomplete',
        missingBytes: known - length,
      });
    }
  });

  it('takes a SIZE of 0 and one over the limit for damage, whatever follows', () => {
    const bytes = new Uint8Array(100);
    expect(decodeFrame(bytes)).toMatchObject({ type: 'damaged' });
    new DataView(bytes.buffer).setUint32(20, FRAME_COMMAND_BYTES_MAX + 1, true);
    expect(decodeFrame(bytes)).toMatchObject({ type: 'damaged' });
  });

  it('keeps what a node cannot count with out of entries', () => {
    const command = utf8('x');
    expect(entryOf({ offset: 0, index: 2n ** 53n, term: 1n, command })).toBeUndefined();
    expect(entryOf({ offset: 0, index: 1n, term: 2n ** 53n, command })).toBeUndefined();
    expect(entryOf({ offset: 0, index: 2n ** 53n - 1n, term: 1n, command })).toBeDefined();
    const frame = encodeRawFrame({ index: 2n ** 53n, term: 1n, command });
    expect(decodeEntries(frame)).toEqual({ entries: [], bytes: 0, end: 'damaged' });
  });

  it('refuses to write what no reader would take: that is a bug of the caller', () => {
    const entry = { index: logIndex(1), term: term(1), command: utf8('x') };
    expect(() => encodeFrame({ ...entry, command: new Uint8Array(0) })).toThrow(AssertionFailure);
    expect(() => encodeFrame({ ...entry, index: logIndex(0) })).toThrow(AssertionFailure);
    expect(() => encodeFrame({ ...entry, term: term(0) })).toThrow(AssertionFailure);
    const tooLong = new Uint8Array(FRAME_COMMAND_BYTES_MAX + 1);
    expect(() => encodeFrame({ ...entry, command: tooLong })).toThrow(AssertionFailure);
    expect(() => encodeRawFrame({ index: 2n ** 64n, term: 1n, command: utf8('x') })).toThrow(
      AssertionFailure,
    );
  });
});
