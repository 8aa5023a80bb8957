import { present } from '../../lib/assert.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { LOG_DIRECTORY } from './layout.ts';
import type { OpenSegment } from './open-segment.ts';

const COPY_BYTES = 1024 * 1024;

/** What was cut, and where it is kept. */
export interface KeptTail {
  readonly path: string;
  /** Bytes that were cut, without the zeros behind them. */
  readonly bytes: number;
}

/**
 * Cuts what stands behind the last good frame, and keeps it in a file beside the log: nothing is overwritten without a
 * copy. The copy is durable, under its name, before the log is cut.
 */
export async function cutTail(disk: Disk, open: OpenSegment): Promise<KeptTail> {
  const kept = await copyTail(disk, open);
  await open.cutToEnd();
  return kept;
}

async function copyTail(disk: Disk, open: OpenSegment): Promise<KeptTail> {
  const path = await unusedName(disk, open.segment.path);
  const copy = present(await disk.open(path, { create: true }), path);
  try {
    const bytes = await copyNonZeros(open, copy);
    await copy.fdatasync();
    await disk.fsyncDir(LOG_DIRECTORY);
    return { path, bytes };
  } finally {
    await copy.close();
  }
}

/** Copies all behind the last frame, up to the last byte that is not zero; returns how many bytes that are. */
async function copyNonZeros(open: OpenSegment, copy: DiskFile): Promise<number> {
  const start = open.segment.endBytes;
  let copiedBytes = 0;
  for (let offset = 0; ; offset += COPY_BYTES) {
    const chunk = await open.pread(start + offset, COPY_BYTES);
    const end = chunk.findLastIndex((byte) => byte !== 0) + 1;
    if (end > 0) {
      await copy.pwrite(offset, chunk.subarray(0, end));
      copiedBytes = offset + end;
    }
    if (chunk.length < COPY_BYTES) return copiedBytes;
  }
}

/** `<segment>.cut-<n>` with the first n that is free. */
async function unusedName(disk: Disk, segmentPath: string): Promise<string> {
  const names = new Set(await disk.list(LOG_DIRECTORY));
  for (let number = 1; ; number++) {
    const path = `${segmentPath}.cut-${number}`;
    if (!names.has(path.slice(LOG_DIRECTORY.length + 1))) return path;
  }
}
