import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { logIndex, term } from '../../src/lib/brands.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import type { Problem } from '../../src/logfmt/damage.ts';
import {
  encodeFrame,
  FRAME_FIELDS,
  FRAME_HEADER_BYTES,
  type RawFrame,
  rawFrameAt,
} from '../../src/logfmt/frame.ts';
import { type ScanOptions, type ScanResult, scanLog } from '../../src/logfmt/scan.ts';

/** The path of a fixture. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** The bytes of a fixture. */
export function fixture(name: string): Uint8Array {
  return readFileSync(fixturePath(name));
}

/** The lines of an NDJSON fixture. */
export function fixtureLines<T>(name: string): readonly T[] {
  const text = readFileSync(fixturePath(name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line));
}

/** One line of the NDJSON beside a seed log. */
export interface SeedLine {
  readonly offset: number;
  readonly index: string;
  readonly term: string;
  readonly size: number;
  readonly command: string;
}

/** What a frame should be, in the form of a seed log's NDJSON. */
export function seedLineOf(frame: RawFrame): SeedLine {
  return {
    offset: frame.offset,
    index: frame.index.toString(),
    term: frame.term.toString(),
    size: frame.command.length,
    command: Buffer.from(frame.command).toString('base64'),
  };
}

/** A scan with everything that it told and asked for. */
export interface RecordedScan {
  readonly result: ScanResult;
  readonly frames: readonly RawFrame[];
  readonly problems: readonly Problem[];
  readonly requestBytesMax: number;
  readonly requestedBytes: number;
}

/** Scans bytes in memory, a copy for each request, so that nothing is seen that was not asked for. */
export function recordScan(bytes: Uint8Array, options: Partial<ScanOptions> = {}): RecordedScan {
  const frames: RawFrame[] = [];
  const problems: Problem[] = [];
  const scan = scanLog(
    { segment: 'last', fileBytes: bytes.length, ...options },
    {
      frame: (offset, _index, _term, _size, chunk, at) => void frames.push(rawFrameAt(chunk, at, offset)),
      problem: (problem) => void problems.push(problem),
    },
  );
  let requestBytesMax = 0;
  let requestedBytes = 0;
  let step = scan.next();
  while (!step.done) {
    const { position, length } = step.value;
    if (position < 0 || length <= 0 || position + length > bytes.length)
      throw new Error('A request beyond the file');
    requestBytesMax = Math.max(requestBytesMax, length);
    requestedBytes += length;
    step = scan.next(bytes.slice(position, position + length));
  }
  return { result: step.value, frames, problems, requestBytesMax, requestedBytes };
}

/** A log as a cluster writes it: indexes without a gap from 1, terms that never go back. */
export function arbitraryLog(sizeMax = 200): fc.Arbitrary<Entry[]> {
  const step = fc.record({
    termStep: fc.nat({ max: 3 }),
    command: fc.uint8Array({ minLength: 1, maxLength: sizeMax }),
  });
  return fc.array(step, { minLength: 1, maxLength: 40 }).map((steps) => {
    let currentTerm = 1;
    return steps.map(({ termStep, command }, i) => {
      currentTerm += termStep;
      return { index: logIndex(i + 1), term: term(currentTerm), command };
    });
  });
}

/** Entries 1 to `count`, all of one term, each with a command of `commandBytes` that are not zero. */
export function plainLog(count: number, commandBytes: number): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    index: logIndex(i + 1),
    term: term(3),
    command: new Uint8Array(commandBytes).fill(65 + (i % 26)),
  }));
}

/** A header alone, with a good checksum: SIZE is `size`, and of the command nothing is there. */
export function headerOfSize(size: number, entry: Pick<Entry, 'index' | 'term'>): Uint8Array {
  const bytes = encodeFrame({ ...entry, command: Uint8Array.of(1) }).subarray(0, FRAME_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME_FIELDS.size, size, true);
  view.setUint32(FRAME_FIELDS.crc, crc32(bytes, FRAME_FIELDS.term, FRAME_HEADER_BYTES), true);
  return bytes;
}
