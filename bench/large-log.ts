import { closeSync, openSync, writeSync } from 'node:fs';
import { logIndex, term } from '../src/lib/brands.ts';
import { utf8 } from '../src/lib/bytes.ts';
import { encodeFrames, FRAME_HEADER_BYTES } from '../src/logfmt/frame.ts';

const COMMAND_BYTES = 128;
const BATCH_ENTRIES = 10_000;

/** The length of each frame of the log that `writeLargeLog` writes. */
export const FRAME_BYTES: number = FRAME_HEADER_BYTES + COMMAND_BYTES;

/** Writes a log of so many commands of 128 bytes, with a new term every million entries. */
export function writeLargeLog(path: string, entries: number): void {
  const file = openSync(path, 'w');
  for (let first = 1; first <= entries; first += BATCH_ENTRIES) {
    const count = Math.min(BATCH_ENTRIES, entries - first + 1);
    const batch = Array.from({ length: count }, (_, i) => ({
      index: logIndex(first + i),
      term: term(1 + Math.floor((first + i) / 1_000_000)),
      command: utf8(`put key${(first + i) % 100_000} `.padEnd(COMMAND_BYTES, 'v')),
    }));
    writeSync(file, encodeFrames(batch));
  }
  closeSync(file);
}
