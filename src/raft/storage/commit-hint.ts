import { assert, present } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex } from '../../lib/brands.ts';
import { SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import { decodeCommitHint, encodeCommitHint } from '../../logfmt/records.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { COMMIT_FILE } from './layout.ts';
import { readSmallFile } from './small-file.ts';

/**
 * How far the log is known to be committed. It is a hint, written in place: 0 where it was lost or torn. What matters
 * is that it is never too high, so only entries that are durable here may be named in it. Its file stays open: a process
 * that has run out of descriptors can still write it.
 */
export class CommitHint {
  readonly #disk: Disk;
  #file: DiskFile | undefined;
  #index: LogIndex;
  #wanted: LogIndex;
  #writing: Promise<void> | undefined;

  private constructor(disk: Disk, index: LogIndex) {
    this.#disk = disk;
    this.#index = index;
    this.#wanted = index;
  }

  /** The hint as it was left. Changes nothing on the disk. */
  static async open(disk: Disk): Promise<CommitHint> {
    const bytes = await readSmallFile(disk, COMMIT_FILE, SMALL_BODY_BYTES_MAX);
    const decoded = bytes === undefined ? undefined : decodeCommitHint(bytes);
    return new CommitHint(disk, decoded?.type === 'value' ? decoded.value : INDEX_ZERO);
  }

  /** The highest index that was noted. */
  get index(): LogIndex {
    return this.#wanted;
  }

  /** Makes the file where it is missing, and keeps it open. Before `save`; the caller syncs the directory. */
  async prepare(): Promise<void> {
    this.#file = present(await this.#disk.open(COMMIT_FILE, { create: true }), COMMIT_FILE);
  }

  /**
   * Makes the hint durable where it has risen. While one write is under way, all that come meanwhile become one more.
   * After a failure the next call tries again: what a hint loses was never promised.
   */
  async save(index: LogIndex): Promise<void> {
    assert(this.#file !== undefined, 'The commit hint is not open');
    if (index > this.#wanted) this.#wanted = index;
    if (this.#index === this.#wanted) return;
    this.#writing ??= this.#writeAll(this.#file);
    await this.#writing;
  }

  /** Ends once what was to be saved has been, or has failed. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#writing]);
    await this.#file?.close();
  }

  async #writeAll(file: DiskFile): Promise<void> {
    try {
      while (this.#index < this.#wanted) {
        const next = this.#wanted;
        await file.pwrite(0, encodeCommitHint(next));
        await file.fdatasync();
        this.#index = next;
      }
    } finally {
      // In the same turn as the last look at what is wanted: nobody may wait for a loop that looks no more.
      this.#writing = undefined;
    }
  }
}
