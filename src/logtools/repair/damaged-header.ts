import { equalBytes } from '../../lib/bytes.ts';
import type { ProblemKind } from '../../logfmt/damage.ts';
import { encodeRawFrame, FRAME_FIELDS, FRAME_HEADER_BYTES, type RawFrame } from '../../logfmt/frame.ts';
import { LogFile } from '../log-file.ts';
import type { Hole } from './survey.ts';

/** Damage that begins where a frame does that is not whole. */
const HEADER_KINDS: readonly ProblemKind[] = ['checksum-mismatch', 'oversized', 'torn-tail'];

/**
 * What the header of a damaged frame says against the entry that is to take its place, as the end of a sentence; undefined
 * where nothing speaks against it. A frame that is damaged in one place has either its checksum or all that the checksum is
 * over: one of them fits the entry that stood there. Where neither does, it was another entry, or more of it is damaged; so
 * this is told, and refuses nothing.
 */
export async function headerContradiction(hole: Hole, frame: RawFrame): Promise<string | undefined> {
  if (!HEADER_KINDS.includes(hole.kind) || hole.firstIndex !== frame.index) return undefined;
  const wanted = encodeRawFrame(frame);
  await using file = await LogFile.open(hole.segment.path);
  const found = await file.read(hole.offset, wanted.length);
  if (found.length < FRAME_HEADER_BYTES) return undefined;
  const { crc, term, index, size } = FRAME_FIELDS;
  const [from, to] = [viewOf(found), viewOf(wanted)];
  // What does not even name this index is the header of nothing.
  if (from.getBigUint64(index, true) !== frame.index) return undefined;
  if (from.getUint32(crc, true) === to.getUint32(crc, true)) return undefined;
  if (equalBytes(found.subarray(term), wanted.subarray(term))) return undefined;
  const differing = [
    'checksum',
    ...(from.getBigUint64(term, true) === frame.term ? [] : [`term (${from.getBigUint64(term, true)})`]),
    ...(from.getUint32(size, true) === frame.command.length ? [] : [`size (${from.getUint32(size, true)})`]),
  ];
  return `the damaged frame names another ${differing.join(' and ')} than the other log's entry ${frame.index}, so it may have been another entry`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
