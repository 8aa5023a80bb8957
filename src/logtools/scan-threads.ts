import { type BigIntStats, closeSync, fstatSync, openSync } from 'node:fs';
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
   * process alive until `grow` is called. Throws where the file cannot be opened, or no thread started.
   */
  static withHeadStart(path: string): ScanThreads {
    const descriptor = openSync(path, 'r');
    try {
      const version = versionOf(descriptor);
      const threads = new ScanThreads(1, descriptor);
      const work = workOn(descriptor, Number(version.size));
      threads.#headStart = { version, work };
      for (const thread of threads.#threads) {
        thread.begin(work);
        thread.unref();
      }
      return threads;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Makes them so many; a head start stays with the thread that has it. */
  grow(count: number): void {
    for (const thread of this.#threads) thread.ref();
    while (this.#threads.length < count) this.#threads.push(new Thread());
  }

  /** What the thread with a head start has found, until a scan begins. */
  get headStart(): BlocksAhead | undefined {
    return this.#headStart?.work.ahead;
  }

  /** Begins with a file, which stays open until the answer has ended, or goes on with it where it had a head start. */
  async begin(descriptor: number, fileBytes: number): Promise<BlocksAhead> {
    const headStart = this.#headStart;
    this.#headStart = undefined;
    if (headStart !== undefined && isSame(headStart.version, versionOf(descriptor), fileBytes)) {
      const [, ...others] = this.#threads;
      for (const thread of others) thread.begin(headStart.work);
      return headStart.work.ahead;
    }
    await headStart?.work.ahead.end();
    const work = workOn(descriptor, fileBytes);
    for (const thread of this.#threads) thread.begin(work);
    return work.ahead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

/** A file that threads go through, and what they have found in it. */
interface Work {
  readonly task: FileTask;
  readonly ahead: BlocksAhead;
}

function workOn(descriptor: number, fileBytes: number): Work {
  const blocks = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  const ahead = new BlocksAhead(new Int32Array(blocks), Math.ceil(fileBytes / SCAN_BLOCK_BYTES) - 1);
  return { task: { descriptor, fileBytes, blocks }, ahead };
}

/** What the first thread has begun with before anybody asked for it. */
interface HeadStart {
  readonly version: FileVersion;
  readonly work: Work;
}

/** Which file it is, and what changes when it is written to, but by who maps it into memory. */
type FileVersion = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

function versionOf(descriptor: number): FileVersion {
  return fstatSync(descriptor, { bigint: true });
}

/** Whether a file, so long by now, is what it was. Who restores the time of a write does not restore that of the change. */
function isSame(before: FileVersion, now: FileVersion, bytes: number): boolean {
  const isSameFile = before.dev === now.dev && before.ino === now.ino;
  const isUnchanged = before.mtimeNs === now.mtimeNs && before.ctimeNs === now.ctimeNs;
  return isSameFile && isUnchanged && before.size === now.size && Number(now.size) === bytes;
}

/** The file beside this one, as a source or as it is bundled: what needs no import is the first to run. */
const WORKER = new URL(
  `./clean-runs-worker.${extname(import.meta.url) === '.ts' ? 'ts' : 'cjs'}`,
  import.meta.url,
);

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

  /** How many threads have gone through it or still do. */
  get threads(): number {
    return this.#threads.length;
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

  /** Goes through a file together with other threads. */
  begin({ task, ahead }: Work): void {
    ahead.add(this.#run(task, ahead));
  }

  /** Resolves once the thread takes no more blocks of the file, or is gone. */
  #run(task: FileTask, ahead: BlocksAhead): Promise<void> {
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
