import { RaftError } from '../lib/errors.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from '../logfmt/frame.ts';
import type { SegmentFile } from './locate.ts';
import { LogFile } from './log-file.ts';

/** What the header of a frame says. */
export interface FrameHeader {
  readonly crc: number;
  readonly term: bigint;
  readonly index: bigint;
  readonly size: number;
}

/** The header in the first bytes of a frame; undefined where there are too few. */
export function headerOf(bytes: Uint8Array): FrameHeader | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    crc: view.getUint32(FRAME_FIELDS.crc, true),
    term: view.getBigUint64(FRAME_FIELDS.term, true),
    index: view.getBigUint64(FRAME_FIELDS.index, true),
    size: view.getUint32(FRAME_FIELDS.size, true),
  };
}

/** The header that stands at a place of a segment now; undefined where the file ends before, or is gone. */
export async function readHeaderAt(segment: SegmentFile, offset: number): Promise<FrameHeader | undefined> {
  try {
    await using file = await LogFile.open(segment.path);
    return headerOf(await file.read(offset, FRAME_HEADER_BYTES));
  } catch (error) {
    // A cut may take whole segments away.
    if (error instanceof RaftError && error.code === 'no-such-file') return undefined;
    throw error;
  }
}
