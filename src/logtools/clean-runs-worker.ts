import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { present } from '../lib/assert.ts';
import { type Block, cleanRuns } from '../logfmt/clean-runs.ts';
import type { CleanRun } from '../logfmt/run.ts';

/** A block that a thread is to go through, in a file that is open in this process. */
export interface BlockTask {
  readonly descriptor: number;
  readonly block: Block;
}

/** What a thread answers: the runs that it found, none where the block could not be read. */
export interface BlockDone {
  readonly runs: readonly CleanRun[];
}

/** It is told nothing else than blocks, one at a time, and answers each. */
const port = present(parentPort, 'the thread that started this one');
let buffer = Buffer.alloc(0);
port.on('message', ({ descriptor, block }: BlockTask) => {
  port.postMessage({ runs: runsIn(descriptor, block) } satisfies BlockDone);
});

function runsIn(descriptor: number, block: Block): readonly CleanRun[] {
  try {
    const reading = cleanRuns(block);
    let step = reading.next();
    while (!step.done) step = reading.next(read(descriptor, step.value.position, step.value.length));
    return step.value;
  } catch {
    // Whatever hinders the reading will hinder the scan itself too, which says so where it can be reported.
    return [];
  }
}

function read(descriptor: number, position: number, length: number): Uint8Array {
  if (buffer.length < length) buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const bytesRead = readSync(descriptor, buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
