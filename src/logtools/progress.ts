import type { LogLocation, SegmentFile } from './locate.ts';
import { LogFile } from './log-file.ts';
import type { SegmentItem } from './read-log.ts';

/** Whom a long reading tells how many bytes are done, of how many. */
export type OnProgress = (doneBytes: number, totalBytes: number) => void;

/** It is told once for so many bytes: often enough for a bar, and seldom enough to cost nothing. */
const BYTES_BETWEEN = 1024 * 1024;

/** How far the reading of a log by its items has come. */
export class LogProgress {
  readonly #starts: ReadonlyMap<string, number>;
  readonly #totalBytes: number;
  readonly #tell: OnProgress;
  #segment: SegmentFile | undefined;
  #segmentStart = 0;
  #toldBytes = 0;

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

  /** Notes that an item has been read. */
  see({ segment, item }: SegmentItem): void {
    if (segment !== this.#segment) {
      this.#segment = segment;
      this.#segmentStart = this.#starts.get(segment.path) ?? 0;
    }
    const offset = item.type === 'entry' ? item.frame.offset : item.problem.offset;
    const doneBytes = this.#segmentStart + offset;
    if (doneBytes < this.#toldBytes + BYTES_BETWEEN) return;
    this.#toldBytes = doneBytes;
    this.#tell(doneBytes, this.#totalBytes);
  }
}

/** Several readings that go on side by side, told as one. */
export class JointProgress {
  readonly #tell: OnProgress;
  readonly #parts: { doneBytes: number; totalBytes: number }[] = [];

  constructor(tell: OnProgress) {
    this.#tell = tell;
  }

  /** One more of them, of so many bytes: what it is told goes to all together. */
  part(totalBytes: number): OnProgress {
    const part = { doneBytes: 0, totalBytes };
    this.#parts.push(part);
    return (doneBytes) => {
      part.doneBytes = doneBytes;
      this.#tell(this.#sum('doneBytes'), this.#sum('totalBytes'));
    };
  }

  #sum(of: 'doneBytes' | 'totalBytes'): number {
    return this.#parts.reduce((sum, part) => sum + part[of], 0);
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
