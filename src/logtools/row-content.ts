import { decodePayload, type PayloadKind } from '../lib/entry.ts';
import { EXCERPT_BYTES_MAX, FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { decodeFrame, FRAME_HEADER_BYTES } from '../logfmt/frame.ts';
import { briefWords } from './entry-words.ts';
import { type FrameHeader, headerOf } from './frame-at.ts';
import { LogFile } from './log-file.ts';
import type { IndexedEntry, IndexedRow } from './log-index.ts';

/** What an entry's row shows beside what the index knows. */
export interface EntryContent {
  readonly type: 'entry';
  /** Where it was read, and what should stand there: whether it is still that row's is seen by them. */
  readonly row: IndexedEntry;
  readonly kind: PayloadKind;
  readonly size: number;
  readonly crc: number;
  readonly preview: string;
}

/** Something else stands there than when the log was indexed: a node has cut it, or somebody changes the file. */
export interface ChangedContent {
  readonly type: 'changed';
  readonly row: IndexedRow;
}

export type RowContent = EntryContent | ChangedContent;

/** All that is shown of one row: the bytes of its frame, or the first of a damaged range. */
export interface RowBytes {
  readonly row: IndexedRow;
  readonly bytes: Uint8Array;
}

/** A preview has at most this many characters: the widest terminal shows no more. */
const PREVIEW_CHARACTERS_MAX = 400;

/** Rows that stand within this range are read at once. */
const BLOCK_BYTES_MAX = 1024 * 1024;

/** What a preview needs of most entries. */
const HEAD_BYTES = 2048;

/** What the entries among some rows of a log say, in the same order. Errors: `not-permitted`, `disk-failed`. */
export async function readContents(rows: readonly IndexedRow[]): Promise<readonly RowContent[]> {
  const contents: RowContent[] = [];
  for (let from = 0; from < rows.length; ) {
    const first = rows[from];
    let to = from + 1;
    while (rows[to]?.segment.path === first?.segment.path && to < rows.length) to++;
    if (first !== undefined) contents.push(...(await readInSegment(rows.slice(from, to), first)));
    from = to;
  }
  return contents;
}

/** The bytes of a row, at most `EXCERPT_BYTES_MAX` of a damaged range. */
export async function readRowBytes(row: IndexedRow): Promise<RowBytes> {
  await using file = await LogFile.open(row.segment.path);
  if (row.type === 'damage') {
    return { row, bytes: await file.read(row.offset, Math.min(row.length, EXCERPT_BYTES_MAX)) };
  }
  const head = await file.read(row.offset, FRAME_HEADER_BYTES + HEAD_BYTES);
  const size = Math.min(headerOf(head)?.size ?? 0, FRAME_COMMAND_BYTES_MAX);
  if (size <= HEAD_BYTES) return { row, bytes: head.subarray(0, FRAME_HEADER_BYTES + size) };
  return { row, bytes: await file.read(row.offset, FRAME_HEADER_BYTES + size) };
}

/** The header of an entry's bytes, where they are still that entry's. */
export function intactHeader(row: IndexedEntry, bytes: Uint8Array): FrameHeader | undefined {
  const header = headerOf(bytes);
  if (header?.index !== row.index || header.term !== row.term) return undefined;
  const isWhole = bytes.length >= FRAME_HEADER_BYTES + header.size;
  return isWhole && decodeFrame(bytes).type !== 'frame' ? undefined : header;
}

async function readInSegment(rows: readonly IndexedRow[], first: IndexedRow): Promise<readonly RowContent[]> {
  await using file = await LogFile.open(first.segment.path);
  const spanBytes = (rows.at(-1)?.offset ?? 0) - first.offset + FRAME_HEADER_BYTES + HEAD_BYTES;
  const block = spanBytes <= BLOCK_BYTES_MAX ? await file.read(first.offset, spanBytes) : undefined;
  const contents: RowContent[] = [];
  for (const row of rows) {
    if (row.type === 'damage') continue;
    const head = block?.subarray(row.offset - first.offset) ?? (await file.read(row.offset, HEAD_BYTES));
    const needed = Math.min(neededBytes(head), EXCERPT_BYTES_MAX);
    const bytes = head.length >= needed ? head.subarray(0, needed) : await file.read(row.offset, needed);
    contents.push(contentOf(row, bytes));
  }
  return contents;
}

/** How much of a frame says what it is: all of it, up to a configuration of the most members. */
function neededBytes(head: Uint8Array): number {
  return FRAME_HEADER_BYTES + (headerOf(head)?.size ?? 0);
}

function contentOf(row: IndexedEntry, bytes: Uint8Array): RowContent {
  const header = intactHeader(row, bytes);
  if (header === undefined) return { type: 'changed', row };
  const payload = decodePayload(bytes.subarray(FRAME_HEADER_BYTES));
  const { size, crc } = header;
  return {
    type: 'entry',
    row,
    kind: payload.kind,
    size,
    crc,
    preview: briefWords(payload, PREVIEW_CHARACTERS_MAX),
  };
}
