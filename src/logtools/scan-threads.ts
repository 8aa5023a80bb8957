import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SCAN_BLOCK_BYTES } from '../lib/limits.ts';
import { FoundRuns } from '../logfmt/clean-runs.ts';
import { type FileTask, NEXT_BLOCK, SCANNED_BLOCK, type ThreadNews } from './scan-blocks.ts';

/**
 * Threads that go through a file from its end, block by block, while a scan comes from its start. They only spare it work:
 * where a thread cannot be started, or dies, its blocks are left to the scan.
 */
export class ScanThreads {
  readonly #threads: readonly Thread[];

  /** So many threads beside the one that scans. */
  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => new Thread());
  }

  /** Begins with a file, which stays open until the answer has ended. */
  begin(descriptor: number, fileBytes: number): BlocksAhead {
    const blocks = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    const ahead = new BlocksAhead(new Int32Array(blocks), Math.ceil(fileBytes / SCAN_BLOCK_BYTES) - 1);
    for (const thread of this.#threads) ahead.add(thread.run({ descriptor, fileBytes, blocks }, ahead));
    return ahead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

/** What threads have found in one file so far. */
export class BlocksAhead {
  readonly runs = new FoundRuns();
  readonly #numbers: Int32Array;
  readonly #threads: Promise<void>[] = [];
  #bytes = 0;

  constructor(numbers: Int32Array, lastBlock: number) {
    this.#numbers = numbers;
    Atomics.store(numbers, NEXT_BLOCK, lastBlock);
    // The block at which the scan begins is its own.
    Atomics.store(numbers, SCANNED_BLOCK, 0);
  }

  /** Bytes that threads have gone through. */
  get bytes(): number {
    return this.#bytes;
  }

  add(thread: Promise<void>): void {
    this.#threads.push(thread);
  }

  take(news: Extract<ThreadNews, { type: 'block' }>): void {
    this.runs.add(news.runs);
    this.#bytes += news.bytes;
  }

  /** Tells the threads where the scan is: what stands before is done. */
  scanned(position: number): void {
    Atomics.store(this.#numbers, SCANNED_BLOCK, Math.floor(position / SCAN_BLOCK_BYTES));
  }

  /** Resolves once no thread reads the file any more. */
  async end(): Promise<void> {
    Atomics.store(this.#numbers, NEXT_BLOCK, -1);
    await Promise.all(this.#threads);
  }
}

/** One thread, with one file at a time. */
class Thread {
  readonly #worker: Worker;
  #hear: (news: ThreadNews) => void = () => {};
  #isGone = false;

  constructor() {
    // The file beside this one, built or as a source.
    this.#worker = new Worker(new URL(`./clean-runs-worker${extname(import.meta.url)}`, import.meta.url));
    this.#worker.on('message', (news: ThreadNews) => this.#hear(news));
    this.#worker.on('error', () => this.#gone());
    this.#worker.on('exit', () => this.#gone());
  }

  /** Resolves once the thread takes no more blocks of the file, or is gone. */
  run(task: FileTask, ahead: BlocksAhead): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((resolve) => {
      this.#hear = (news) => {
        if (news.type === 'block') ahead.take(news);
        else resolve();
      };
      this.#worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #gone(): void {
    this.#isGone = true;
    this.#hear({ type: 'end' });
  }
}
