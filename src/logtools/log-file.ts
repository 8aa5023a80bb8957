import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Problem } from '../logfmt/damage.ts';
import { FOLD_CHUNK_BYTES, type FrameFold } from '../logfmt/fold.ts';
import { type RawFrame, rawFrameAt } from '../logfmt/frame.ts';
import { type ScanOptions, type ScanResult, scanLog } from '../logfmt/scan.ts';
import { unreadable } from './locate.ts';
import type { ScanThreads } from './scan-threads.ts';

/** What stands in a log file, in its place. */
export type LogItem =
  /** A good frame. Its command is a view of a chunk that nobody writes to again. */
  | { readonly type: 'entry'; readonly frame: RawFrame }
  | { readonly type: 'problem'; readonly problem: Problem };

/** How a file is to be scanned: its length is the file's own. */
export type FileScanOptions = Omit<ScanOptions, 'fileBytes'>;

/** What makes a scan faster, and whom it tells how far it has come. */
export interface ScanHelp {
  /** Checks frames together; no other scan uses it meanwhile. */
  readonly fold?: FrameFold | undefined;
  readonly threads?: ScanThreads | undefined;
  /** Called now and then with the bytes of the file that are done. */
  readonly onBytes?: ((doneBytes: number) => void) | undefined;
}

/** A scan lets signals and timers have their turn after so many bytes: some milliseconds. */
const PAUSE_BYTES = 8 * 1024 * 1024;

/** Where items are wanted one by one, chunks are this small: memory stays flat even where every frame becomes a row. */
const ITEM_CHUNK_BYTES = 128 * 1024;

/**
 * A log file, open for reading alone. No lock is taken: a node may write it meanwhile, and what it has not finished
 * looks like a torn or zero tail.
 */
export class LogFile {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Opens a file. Errors: `no-such-file`, `not-permitted`, `disk-failed`. */
  static async open(path: string): Promise<LogFile> {
    try {
      return new LogFile(path, await open(path, 'r'));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** What changes whenever somebody writes to the file. */
  async version(): Promise<{ readonly bytes: number; readonly modifiedMs: number }> {
    const { size, mtimeMs } = await this.#handle.stat();
    return { bytes: size, modifiedMs: mtimeMs };
  }

  /**
   * Scans the file as fast as it can be read, without looking at items one by one. With threads, they go through it from
   * its end, and the scan passes over what they have found once it comes there.
   */
  async scan(options: FileScanOptions, { fold, threads, onBytes }: ScanHelp = {}): Promise<ScanResult> {
    const { bytes: fileBytes } = await this.version();
    const ahead = await threads?.begin(this.#handle.fd, fileBytes);
    try {
      const known = ahead === undefined ? {} : { known: ahead.runs };
      const chunk = fold === undefined ? {} : { chunkBytes: FOLD_CHUNK_BYTES };
      const scan = scanLog({ ...options, fileBytes, fold, ...chunk, ...known });
      let buffer = Buffer.alloc(0);
      let bytesUntilPause = PAUSE_BYTES;
      let step = scan.next();
      while (!step.done) {
        const { position, length } = step.value;
        const room = fold?.room(length);
        if (room === undefined && buffer.length < length) buffer = Buffer.allocUnsafe(length);
        step = scan.next(this.#readIntoSync(room ?? buffer, position, length));
        bytesUntilPause -= length;
        if (bytesUntilPause > 0) continue;
        bytesUntilPause = PAUSE_BYTES;
        ahead?.scanned(position + length);
        onBytes?.(Math.min(fileBytes, position + (ahead?.bytes ?? 0)));
        await setImmediate();
      }
      onBytes?.(fileBytes);
      return step.value;
    } finally {
      await ahead?.end();
    }
  }

  /** The items of the file in chunks; the result of the scan is the generator's return value. */
  async *items(options: FileScanOptions): AsyncGenerator<readonly LogItem[], ScanResult> {
    const { bytes: fileBytes } = await this.version();
    let items: LogItem[] = [];
    const scan = scanLog(
      { chunkBytes: ITEM_CHUNK_BYTES, ...options, fileBytes },
      {
        frame: (offset, _index, _term, _size, bytes, at) => {
          items.push({ type: 'entry', frame: rawFrameAt(bytes, at, offset) });
        },
        problem: (problem) => {
          items.push({ type: 'problem', problem });
        },
      },
    );
    let step = scan.next();
    while (!step.done) {
      const { position, length } = step.value;
      // A buffer of its own for each chunk: the items are views of it.
      step = scan.next(await this.#readInto(Buffer.allocUnsafeSlow(length), position, length));
      if (items.length > 0) yield items;
      items = [];
    }
    return step.value;
  }

  /** Up to `length` bytes at `position`; fewer at the end of the file. */
  async read(position: number, length: number): Promise<Uint8Array> {
    return this.#readInto(Buffer.allocUnsafeSlow(length), position, length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #readInto(buffer: Buffer, position: number, length: number): Promise<Uint8Array> {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#readOnce(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  /** As `#readInto`, without the way through a thread and back, which costs as much as the checksums. */
  #readIntoSync(buffer: Uint8Array, position: number, length: number): Uint8Array {
    let filled = 0;
    try {
      while (filled < length) {
        const bytesRead = readSync(this.#handle.fd, buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (error) {
      throw unreadable(this.path, error);
    }
    return buffer.subarray(0, filled);
  }

  async #readOnce(
    buffer: Buffer,
    at: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    try {
      return await this.#handle.read(buffer, at, length, position);
    } catch (error) {
      throw unreadable(this.path, error);
    }
  }
}
