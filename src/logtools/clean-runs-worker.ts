import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { SCAN_BLOCK_BYTES } from '../lib/limits.ts';
import { type Block, cleanRuns } from '../logfmt/clean-runs.ts';
import { FOLD_CHUNK_BYTES, FrameFold } from '../logfmt/fold.ts';
import type { CleanRun } from '../logfmt/run.ts';
import { type FileTask, NEXT_BLOCK, SCANNED_BLOCK, type ThreadNews } from './scan-blocks.ts';

if (parentPort !== null) {
  const port = parentPort;
  port.on('message', (task: FileTask) => {
    goThrough(task, (news) => port.postMessage(news));
  });
}

const fold = FrameFold.make();
const chunk = fold === undefined ? {} : { chunkBytes: FOLD_CHUNK_BYTES };
let buffer = Buffer.alloc(0);

function goThrough({ descriptor, fileBytes, blocks }: FileTask, tell: (news: ThreadNews) => void): void {
  const numbers = new Int32Array(blocks);
  for (;;) {
    const number = Atomics.sub(numbers, NEXT_BLOCK, 1);
    if (number <= Atomics.load(numbers, SCANNED_BLOCK)) break;
    const from = number * SCAN_BLOCK_BYTES;
    const to = Math.min(from + SCAN_BLOCK_BYTES, fileBytes);
    const runs = runsIn(descriptor, { fileBytes, from, to, fold, ...chunk });
    tell({ type: 'block', runs, bytes: to - from });
  }
  tell({ type: 'end' });
}

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
  const room = fold?.room(length);
  if (room === undefined && buffer.length < length) buffer = Buffer.allocUnsafeSlow(length);
  const into = room ?? buffer;
  let filled = 0;
  while (filled < length) {
    const bytesRead = readSync(descriptor, into, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, filled);
}
