import { sum } from '../lib/sum.ts';
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

  /** Of several logs that are read side by side, told as one. */
  static async ofAll(locations: readonly LogLocation[], tell: OnProgress): Promise<readonly LogProgress[]> {
    const doneBytes = locations.map(() => 0);
    const sizes: number[] = [];
    for (const location of locations) sizes.push(await logBytes(location));
    const totalBytes = sum(sizes);
    return await Promise.all(
      locations.map((location, at) =>
        LogProgress.of(location, (done) => {
          doneBytes[at] = done;
          tell(sum(doneBytes), totalBytes);
        }),
      ),
    );
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
