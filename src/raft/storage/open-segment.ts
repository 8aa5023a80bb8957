import { present } from '../../lib/assert.ts';
import type { LogIndex } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import { encodeFrames, frameBytes } from '../../logfmt/frame.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { LOG_DIRECTORY } from './layout.ts';
import { Segment } from './segment.ts';

/** How long a segment may become, and how far ahead it is filled with zeros at a time, in bytes. */
export interface SegmentLimits {
  readonly segmentBytesMax: number;
  readonly segmentFillBytes: number;
}

/**
 * The last segment of the log, the one that is written. It is filled ahead with zeros, because overwriting what has
 * been allocated and synced costs little more than half of what growing a file costs.
 */
export class OpenSegment {
  readonly segment: Segment;
  readonly #file: DiskFile;
  readonly #limits: SegmentLimits;
  #fileBytes: number;

  private constructor(segment: Segment, file: DiskFile, fileBytes: number, limits: SegmentLimits) {
    this.segment = segment;
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#limits = limits;
  }

  /** Makes an empty segment. Its name is durable before a frame in it counts. */
  static async create(disk: Disk, firstIndex: LogIndex, limits: SegmentLimits): Promise<OpenSegment> {
    const created = await OpenSegment.open(disk, new Segment(firstIndex), limits);
    await disk.fsyncDir(LOG_DIRECTORY);
    return created;
  }

  /** Opens a segment whose frames are known. */
  static async open(disk: Disk, segment: Segment, limits: SegmentLimits): Promise<OpenSegment> {
    const file = present(await disk.open(segment.path, { create: true }), segment.path);
    return new OpenSegment(segment, file, await file.size(), limits);
  }

  /** How many of `entries` from position `start` on go into one write: at most `bytesMax`, and to the segment's end. */
  countThatFits(entries: readonly Entry[], start: number, bytesMax: number): number {
    const room = this.#limits.segmentBytesMax - this.segment.endBytes;
    let bytes = 0;
    let position = start;
    for (let entry = entries[position]; entry !== undefined; entry = entries[++position]) {
      bytes += frameBytes(entry);
      const isFirst = position === start;
      if (bytes > room && !(isFirst && this.segment.endBytes === 0)) break;
      if (bytes > bytesMax && !isFirst) break;
    }
    return position - start;
  }

  /** Makes entries durable behind the last one: one write and one sync, also where the file is filled ahead on the way. */
  async append(entries: readonly Entry[]): Promise<void> {
    const bytes = this.#padded(encodeFrames(entries));
    await this.#file.pwrite(this.segment.endBytes, bytes);
    await this.#file.fdatasync();
    this.#fileBytes = Math.max(this.#fileBytes, this.segment.endBytes + bytes.length);
    for (const entry of entries) this.segment.append(frameBytes(entry));
  }

  /**
   * Cuts everything from entry `index` on, durably. Frames with good checksums that would stand behind a shorter
   * rewrite would be taken for entries; once this resolves, only zeros can follow what is written here (trap 26).
   *
   * It goes from the end, at most `bytesMax` at a time. A cut that loses power may leave the old size and zeros where
   * the cut begins (file systems clear the rest of a block before they note the new size); so near the end of the log,
   * the next start knows that for a write that did not finish, further away it would have to take it for damage.
   */
  async truncateFrom(index: LogIndex, bytesMax: number): Promise<void> {
    while (this.segment.lastIndex >= index) {
      const reach = this.segment.firstIndexWithin(bytesMax);
      this.segment.truncateFrom(reach > index ? reach : index);
      await this.cutToEnd();
    }
  }

  /** Cuts everything behind the last frame, durably. */
  async cutToEnd(): Promise<void> {
    await this.#cut();
    await this.#file.fdatasync();
  }

  /**
   * Writes the last `bytesMax` bytes of frames once more as they stand, and syncs. After a sync that failed in an
   * earlier process, the page cache shows frames that the disk has lost, and calls them clean: only writing them anew
   * brings them back (fsyncgate). It also makes durable what a killed process wrote and did not sync.
   */
  async rewriteTail(bytesMax: number): Promise<void> {
    const length = Math.min(bytesMax, this.segment.endBytes);
    const position = this.segment.endBytes - length;
    await this.#file.pwrite(position, await this.#file.pread(position, length));
    await this.#file.fdatasync();
  }

  /** Bytes of the file. The read has begun when this returns: closing the segment afterwards waits for it. */
  pread(position: number, length: number): Promise<Uint8Array> {
    return this.#file.pread(position, length);
  }

  /** Closes the file as it is. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  /**
   * Closes the file at the end of a clean stop, without what was filled ahead. Not synced: zeros that come back with a
   * power loss are no damage.
   */
  async closeCleanly(): Promise<void> {
    await this.#cut();
    await this.#file.close();
  }

  async #cut(): Promise<void> {
    await this.#file.truncate(this.segment.endBytes);
    this.#fileBytes = this.segment.endBytes;
  }

  /** The frames, followed by zeros up to the next step of filling where they reach beyond what is filled. */
  #padded(frames: Uint8Array): Uint8Array {
    const endBytes = this.segment.endBytes + frames.length;
    if (endBytes <= this.#fileBytes) return frames;
    const { segmentBytesMax, segmentFillBytes } = this.#limits;
    const filledBytes = Math.min(segmentBytesMax, Math.ceil(endBytes / segmentFillBytes) * segmentFillBytes);
    if (filledBytes <= endBytes) return frames;
    const padded = new Uint8Array(filledBytes - this.segment.endBytes);
    padded.set(frames);
    return padded;
  }
}
