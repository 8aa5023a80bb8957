import { present } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex } from '../../lib/brands.ts';
import { SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import { decodeCommitHint, encodeCommitHint } from '../../logfmt/records.ts';
import type { Disk } from '../ports.ts';
import { COMMIT_FILE } from './layout.ts';
import { readSmallFile } from './small-file.ts';

/**
 * How far the log is known to be committed. It is a hint, written in place and never synced: 0 where it was lost or
 * torn. What matters is that it is never too high, so only entries that are durable here may be named in it.
 */
export class CommitHint {
  readonly #disk: Disk;
  #index: LogIndex;
  #wanted: LogIndex;
  #writing: Promise<void> | undefined;

  private constructor(disk: Disk, index: LogIndex) {
    this.#disk = disk;
    this.#index = index;
    this.#wanted = index;
  }

  /** The hint as it was left. */
  static async open(disk: Disk): Promise<CommitHint> {
    const bytes = await readSmallFile(disk, COMMIT_FILE, SMALL_BODY_BYTES_MAX);
    const decoded = bytes === undefined ? undefined : decodeCommitHint(bytes);
    return new CommitHint(disk, decoded?.type === 'value' ? decoded.value : INDEX_ZERO);
  }

  /** The highest index that was noted. */
  get index(): LogIndex {
    return this.#wanted;
  }

  /** Writes the hint where it has risen. While one write is under way, all that come meanwhile become one more. */
  async save(index: LogIndex): Promise<void> {
    if (index > this.#wanted) this.#wanted = index;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    if (this.#index === this.#wanted) return;
    const file = present(await this.#disk.open(COMMIT_FILE, { create: true }), COMMIT_FILE);
    try {
      while (this.#index < this.#wanted) {
        const next = this.#wanted;
        await file.pwrite(0, encodeCommitHint(next));
        this.#index = next;
      }
    } finally {
      await file.close();
    }
  }
}
