import type { LogLocation } from './locate.ts';
import { LogFile } from './log-file.ts';
import type { SegmentItem } from './read-log.ts';

/** Whom a long reading tells how many bytes are done, of how many. */
export type OnProgress = (doneBytes: number, totalBytes: number) => void;

/** It is told once for so many items. */
const ITEMS_BETWEEN = 4096;

/** How far the reading of a log by its items has come. */
export class LogProgress {
  readonly #starts: ReadonlyMap<string, number>;
  readonly #totalBytes: number;
  readonly #tell: OnProgress;
  #items = 0;

  private constructor(starts: ReadonlyMap<string, number>, totalBytes: number, tell: OnProgress) {
    this.#starts = starts;
    this.#totalBytes = totalBytes;
    this.#tell = tell;
  }

  static async of(location: LogLocation, tell: OnProgress): Promise<LogProgress> {
    const starts = new Map<string, number>();
    let totalBytes = 0;
    for (const { path } of location.segments) {
      starts.set(path, totalBytes);
      totalBytes += await fileBytes(path);
    }
    return new LogProgress(starts, totalBytes, tell);
  }

  /** Notes that an item has been dealt with. */
  see({ segment, item }: SegmentItem): void {
    this.#items++;
    if (this.#items % ITEMS_BETWEEN !== 0) return;
    const offset = item.type === 'entry' ? item.frame.offset : item.problem.offset;
    this.#tell((this.#starts.get(segment.path) ?? 0) + offset, this.#totalBytes);
  }
}

/** The length of all files of a log. */
export async function logBytes(location: LogLocation): Promise<number> {
  let total = 0;
  for (const { path } of location.segments) total += await fileBytes(path);
  return total;
}

async function fileBytes(path: string): Promise<number> {
  await using file = await LogFile.open(path);
  return (await file.version()).bytes;
}
