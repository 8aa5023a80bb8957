import { crc32 } from './crc.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from './frame.ts';
import { type Header, isPlausibleSize } from './header.ts';
import type { Reading, Window } from './window.ts';

/** The unit in which disks promise to write: older than any larger one, and a part of it. */
const SECTOR_BYTES = 512;

/** A sector that a frame only touches with less than this is no evidence: a command may end in a few zeros. */
const TOUCHED_BYTES_MIN = 16;

/** The bytes of a frame up to INDEX: zeros there are no frame, because TERM is at least 1. */
const NEVER_ZERO_BYTES = FRAME_FIELDS.index;

/** A range of the file that may have lost a sector. */
export interface SectorSearch {
  /** Where the damaged frame begins. */
  readonly from: number;
  /** Where the range ends: the next good frame, or the end of the damaged frame itself. */
  readonly to: number;
  /** Only sectors that end at most here count. */
  readonly before: number;
  /** The end of the last byte of the file that is not zero. */
  readonly dataEnd: number;
}

/**
 * Whether a range holds an aligned sector of zeros: one that was written and never reached the disk, where the file had
 * been filled ahead. Of the sector in which the range begins only the rest counts, since older frames stand in it: if
 * that sector is lost, the bytes that it gained are zeros again and the older ones stay.
 */
export function* holdsLostSector(window: Window, search: SectorSearch, header: Header): Reading<boolean> {
  const { from, to, before } = search;
  const firstAligned = Math.ceil(from / SECTOR_BYTES) * SECTOR_BYTES;
  if (firstAligned > from && firstAligned <= before) {
    if (yield* lostRestOfSector(window, from, firstAligned, header)) return true;
  }
  for (let sector = firstAligned; sector < to; sector += SECTOR_BYTES) {
    const end = Math.min(sector + SECTOR_BYTES, window.fileBytes);
    if (end > before) return false;
    const isTouched = Math.min(to, end) - sector >= TOUCHED_BYTES_MIN;
    // Data behind the sector means that a frame began in the rest of it, and no frame begins with zeros.
    const heldNextFrame = end < search.dataEnd && end - to >= NEVER_ZERO_BYTES;
    if ((isTouched || heldNextFrame) && (yield* isZeros(window, sector, end))) return true;
  }
  return false;
}

/** Whether the rest of a sector, from the start of a damaged frame, was written and lost. */
function* lostRestOfSector(window: Window, from: number, to: number, header: Header): Reading<boolean> {
  if (!(yield* isZeros(window, from, to))) return false;
  if (to - from >= NEVER_ZERO_BYTES || header.term === 0n) return true;
  return yield* lostChecksumOnly(window, from, to - from, header);
}

/**
 * A sector may end within the CRC field. Then all that is lost of the frame is some bytes of its checksum, and the rest
 * of the field still tells: it matches. A single bit that was flipped to zero would look the same, so one is not enough.
 */
function* lostChecksumOnly(
  window: Window,
  from: number,
  zeroBytes: number,
  header: Header,
): Reading<boolean> {
  const length = FRAME_HEADER_BYTES + header.size;
  if (!isPlausibleSize(header.size) || !(yield* window.load(from, length))) return false;
  const at = from - window.base;
  const difference = (crc32(window.bytes, at + FRAME_FIELDS.term, at + length) ^ header.crc) >>> 0;
  const lostBits = 8 * Math.min(FRAME_FIELDS.term, zeroBytes);
  const isElsewhere = lostBits < 32 && difference >>> lostBits !== 0;
  const isSingleBit = (difference & (difference - 1)) === 0;
  return !isElsewhere && !isSingleBit;
}

function* isZeros(window: Window, from: number, to: number): Reading<boolean> {
  if (!(yield* window.load(from, to - from))) return false;
  const { bytes, base } = window;
  for (let at = from - base; at < to - base; at++) if (bytes[at] !== 0) return false;
  return true;
}

/**
 * Whether the last frame is whole but for one flipped bit of its SIZE: it seems to reach beyond the file then, like a
 * write that was cut short, and only its checksum tells the two apart.
 */
export function* isWholeButForSize(
  window: Window,
  from: number,
  header: Header,
  dataEnd: number,
): Reading<boolean> {
  for (let bit = 0; bit < 32; bit++) {
    const size = (header.size ^ (1 << bit)) >>> 0;
    const end = from + FRAME_HEADER_BYTES + size;
    if (!isPlausibleSize(size) || end < dataEnd || end > window.fileBytes) continue;
    if (!(yield* window.load(from, end - from))) continue;
    const frame = window.bytes.slice(from - window.base, end - window.base);
    new DataView(frame.buffer).setUint32(FRAME_FIELDS.size, size, true);
    if (crc32(frame, FRAME_FIELDS.term) === header.crc) return true;
  }
  return false;
}
