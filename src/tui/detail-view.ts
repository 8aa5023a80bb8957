import { decodePayload, type Payload } from '../lib/entry.ts';
import { isFilledAhead } from '../logfmt/damage.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from '../logfmt/frame.ts';
import type { FrameHeader } from '../logtools/frame-at.ts';
import type { IndexedDamage, IndexedEntry, IndexedRow, LogLookup } from '../logtools/log-index.ts';
import { intactHeader, type RowBytes } from '../logtools/row-content.ts';
import { hexLineCount, hexLines } from './hex-lines.ts';
import type { InspectorState } from './inspector-state.ts';
import { EMPTY_LINE, type Line, line, span, wrapPieces } from './line.ts';
import { damageSpan, hex, isSameRow } from './list-view.ts';
import { meaningLines, textLines } from './meaning.ts';
import { wrapText, wrapWords } from './width.ts';

/** The detail of the row that one is at. */
export interface Detail {
  /** The line over it. */
  readonly title: string;
  /** As many lines as there is room for. */
  readonly lines: readonly Line[];
  /** How many lines it has in all. */
  readonly lineCount: number;
}

/** How much room there is. */
export interface Room {
  readonly rows: number;
  readonly columns: number;
}

/** The detail of a row, of which `bytes` was read; undefined until then. */
export function detailOf(
  state: InspectorState,
  log: LogLookup,
  bytes: RowBytes | undefined,
  { rows, columns }: Room,
): Detail {
  if (log.rowCount === 0) return { title: 'nothing here', lines: blank(rows), lineCount: 0 };
  const row = log.rowAt(Math.min(state.cursor, log.rowCount - 1));
  const title = titleOf(row);
  if (bytes === undefined || !isSameRow(bytes.row, row)) return { title, lines: blank(rows), lineCount: 0 };
  const { head, body } =
    row.type === 'damage'
      ? ofDamage(row, bytes, { cursor: state.cursor, log, columns })
      : ofEntry(row, bytes, { form: state.form, columns });
  const lineCount = head.length + body.lineCount;
  const from = Math.min(state.detailTop, Math.max(0, lineCount - rows));
  const shownHead = head.slice(from, from + rows);
  const bodyFrom = Math.max(0, from - head.length);
  const shownBody = body.lines(bodyFrom, bodyFrom + rows - shownHead.length);
  const lines = [...shownHead, ...shownBody];
  return { title, lines: [...lines, ...blank(rows - lines.length)], lineCount };
}

/** What stands above the bytes, and the bytes, of which only what is shown becomes lines. */
interface Parts {
  readonly head: readonly Line[];
  readonly body: Body;
}

interface Body {
  readonly lineCount: number;
  readonly lines: (from: number, to: number) => readonly Line[];
}

function ofEntry(
  row: IndexedEntry,
  { bytes }: RowBytes,
  { form, columns }: Pick<InspectorState, 'form'> & Pick<Room, 'columns'>,
): Parts {
  const header = intactHeader(row, bytes);
  if (header === undefined) {
    const head = [
      line('Something else stands here than when the log was indexed: its node has cut it.', 'note'),
    ];
    return { head, body: hexBody(bytes, row.offset, columns, 'bytes') };
  }
  const payload = decodePayload(bytes.subarray(FRAME_HEADER_BYTES));
  const head = [...fieldLines(row, header, columns), ...meaningLines(payload)];
  const body = form === 'hex' ? hexBody(bytes, row.offset, columns, 'frame') : textBody(payload, columns);
  return { head, body };
}

function ofDamage(
  row: IndexedDamage,
  { bytes }: RowBytes,
  {
    cursor,
    log,
    columns,
  }: Pick<InspectorState, 'cursor'> & Pick<Room, 'columns'> & { readonly log: LogLookup },
): Parts {
  const around = [neighbour('before', log, cursor - 1), neighbour('after', log, cursor + 1)];
  const { text: words, style } = damageSpan(row);
  const wordLines = wrapWords(words, columns).map((text) => line(text, style));
  const shown = bytes.length < row.length ? `, of which the first ${bytes.length} are shown` : '';
  const range = `bytes ${row.offset}..${row.offset + row.length}${shown}`;
  return {
    head: [...wordLines, ...wrapPieces([span(range), ...around.map((text) => span(text))], columns)],
    body: hexBody(bytes, row.offset, columns, 'bytes'),
  };
}

function neighbour(where: 'before' | 'after', log: LogLookup, number: number): string {
  const row = number >= 0 && number < log.rowCount ? log.rowAt(number) : undefined;
  if (row === undefined) return `${where} it: nothing`;
  return row.type === 'entry'
    ? `${where} it: index ${row.index}, term ${row.term}`
    : `${where} it: ${row.kind}`;
}

/** The fields of a frame with the bytes of the file in which each stands. */
function fieldLines(row: IndexedEntry, header: FrameHeader, columns: number): readonly Line[] {
  const range = (from: number, to: number) => `${row.offset + from}..${row.offset + to}`;
  const { crc, term, index, size, command } = FRAME_FIELDS;
  const pieces = [
    span(`CRC ${range(crc, term)} ${hex(header.crc)} ok`, 'crc'),
    span(`TERM ${range(term, index)} ${row.term}`, 'term'),
    span(`INDEX ${range(index, size)} ${row.index}`, 'index'),
    span(`SIZE ${range(size, command)} ${header.size}`, 'size'),
    span(`COMMAND ${range(command, command + header.size)}`),
  ];
  return wrapPieces(pieces, columns);
}

function hexBody(bytes: Uint8Array, offset: number, columns: number, what: 'frame' | 'bytes'): Body {
  const options = { offset, columns, isFrame: what === 'frame' };
  return {
    lineCount: hexLineCount(bytes, options),
    lines: (from, to) => hexLines(bytes, options, { from, to }),
  };
}

function textBody(payload: Payload, columns: number): Body {
  const lines = textLines(payload).flatMap((text) => wrapText(text, columns));
  return { lineCount: lines.length, lines: (from, to) => lines.slice(from, to).map((text) => line(text)) };
}

function titleOf(row: IndexedRow): string {
  const where = `offset ${row.offset} of ${row.segment.name}`;
  if (row.type === 'entry') return `index ${row.index}, term ${row.term}, ${where}`;
  return `${isFilledAhead(row) ? 'zeros' : 'damage'} at ${where}`;
}

function blank(count: number): readonly Line[] {
  return Array.from({ length: Math.max(0, count) }, () => EMPTY_LINE);
}
