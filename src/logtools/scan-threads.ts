import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SCAN_BLOCK_BYTES, SCAN_THREADS_MAX } from '../lib/limits.ts';
import type { CleanRun } from '../logfmt/run.ts';
import type { BlockDone, BlockTask } from './clean-runs-worker.ts';

/** An open file whose blocks are to be gone through. */
export interface BlockSource {
  readonly descriptor: number;
  readonly fileBytes: number;
  /** Called with the length of each block that is done, in bytes. */
  readonly onBlock?: (bytes: number) => void;
}

/** How many threads go through a long log unless told otherwise. */
export function defaultThreads(): number {
  return Math.min(availableParallelism(), SCAN_THREADS_MAX);
}

/**
 * Threads that go through blocks of files ahead of a scan. They only spare it work: where a thread cannot be started, or
 * dies, its blocks are left to the scan.
 */
export class ScanThreads {
  readonly #threads: readonly Thread[];

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => new Thread());
  }

  /** The runs of good frames in a file, in order. */
  async cleanRuns({ descriptor, fileBytes, onBlock }: BlockSource): Promise<readonly CleanRun[]> {
    const runs: (readonly CleanRun[])[] = [];
    let nextBlock = 0;
    const work = async (thread: Thread) => {
      for (;;) {
        const number = nextBlock++;
        const from = number * SCAN_BLOCK_BYTES;
        if (from >= fileBytes) return;
        const to = Math.min(from + SCAN_BLOCK_BYTES, fileBytes);
        const done = await thread.run({ descriptor, block: { fileBytes, from, to, checksums: 'together' } });
        if (done === undefined) return;
        runs[number] = done.runs;
        onBlock?.(to - from);
      }
    };
    await Promise.all(this.#threads.map(work));
    return runs.flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

/** One thread, with one block under way at a time. */
class Thread {
  readonly #worker: Worker;
  #answer: (done: BlockDone | undefined) => void = () => {};
  #isGone = false;

  constructor() {
    // The file beside this one, built or as a source.
    this.#worker = new Worker(new URL(`./clean-runs-worker${extname(import.meta.url)}`, import.meta.url));
    this.#worker.on('message', (done: BlockDone) => this.#answer(done));
    this.#worker.on('error', () => this.#gone());
    this.#worker.on('exit', () => this.#gone());
  }

  /** Undefined where the thread is gone. */
  run(task: BlockTask): Promise<BlockDone | undefined> {
    if (this.#isGone) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #gone(): void {
    this.#isGone = true;
    this.#answer(undefined);
  }
}
