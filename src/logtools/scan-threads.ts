import { closeSync, fstatSync, openSync } from 'node:fs';
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
  readonly #threads: Thread[] = [];
  /** Open as long as the threads live. */
  readonly #descriptor: number | undefined;
  #headStart: HeadStart | undefined;

  /** So many threads beside the one that scans; with a file that is theirs to close. */
  constructor(count: number, descriptor?: number) {
    this.#descriptor = descriptor;
    this.grow(count);
  }

  /**
   * One thread that goes through a file at once, before it is known whether a scan of it will come: it does not keep the
   * process alive until `grow` is called. Throws what opening the file throws.
   */
  static withHeadStart(path: string): ScanThreads {
    const descriptor = openSync(path, 'r');
    const threads = new ScanThreads(1, descriptor);
    const version = versionOf(descriptor);
    threads.#headStart = { version, ahead: threads.#goThrough(descriptor, Number(version.size)) };
    for (const thread of threads.#threads) thread.unref();
    return threads;
  }

  /** Makes them so many; a head start stays with the thread that has it. */
  grow(count: number): void {
    for (const thread of this.#threads) thread.ref();
    while (this.#threads.length < count) this.#threads.push(new Thread());
  }

  /** What the thread with a head start has found, until a scan begins. */
  get headStart(): BlocksAhead | undefined {
    return this.#headStart?.ahead;
  }

  /** Begins with a file, which stays open until the answer has ended, or goes on with it where it had a head start. */
  async begin(descriptor: number, fileBytes: number): Promise<BlocksAhead> {
    const headStart = this.#headStart;
    this.#headStart = undefined;
    if (headStart === undefined) return this.#goThrough(descriptor, fileBytes);
    const version = versionOf(descriptor);
    const isSame = Number(version.size) === fileBytes && isSameVersion(version, headStart.version);
    if (isSame) return headStart.ahead;
    await headStart.ahead.end();
    return this.#goThrough(descriptor, fileBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }

  #goThrough(descriptor: number, fileBytes: number): BlocksAhead {
    const blocks = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    const ahead = new BlocksAhead(new Int32Array(blocks), Math.ceil(fileBytes / SCAN_BLOCK_BYTES) - 1);
    for (const thread of this.#threads) ahead.add(thread.run({ descriptor, fileBytes, blocks }, ahead));
    return ahead;
  }
}

/** The file beside this one, as a source or as it is bundled: what needs no import is the first to run. */
const WORKER = new URL(
  `./clean-runs-worker.${extname(import.meta.url) === '.ts' ? 'ts' : 'cjs'}`,
  import.meta.url,
);

/** What a thread has begun with before anybody asked for it. */
interface HeadStart {
  readonly version: FileVersion;
  readonly ahead: BlocksAhead;
}

/** Which file it is, and what changes whenever somebody writes to it. */
interface FileVersion {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

function versionOf(descriptor: number): FileVersion {
  return fstatSync(descriptor, { bigint: true });
}

function isSameVersion(one: FileVersion, other: FileVersion): boolean {
  const isSameFile = one.dev === other.dev && one.ino === other.ino;
  return isSameFile && one.size === other.size && one.mtimeNs === other.mtimeNs;
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
    this.#worker = new Worker(WORKER);
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

  /** Whether the process goes on for the thread's sake. */
  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #gone(): void {
    this.#isGone = true;
    this.#hear({ type: 'end' });
  }
}
