import { decodePayload, type Payload } from '../lib/entry.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES } from '../logfmt/frame.ts';
import type { FrameHeader } from '../logtools/frame-at.ts';
import type { IndexedDamage, IndexedEntry, IndexedRow, LogLookup } from '../logtools/log-index.ts';
import { intactHeader, type RowBytes } from '../logtools/row-content.ts';
import { hexLineCount, hexLines } from './hex-lines.ts';
import type { InspectorState } from './inspector-state.ts';
import { EMPTY_LINE, type Line, line, span, wrapPieces } from './line.ts';
import { damageWords, hex, isSameRow } from './list-view.ts';
import { meaningLines, textLines } from './meaning.ts';

/** The detail of the row that one is at. */
export interface Detail {
  /** The line over it. */
  readonly title: string;
  /** As many lines as there is room for. */
  readonly lines: readonly Line[];
  /** How many lines it has in all. */
  readonly lineCount: number;
}

/** From this character on some are two columns wide, and all are taken for it. */
const WIDE_FROM = 0x1100;

/** The detail of a row, of which `bytes` was read; undefined until then. */
export function detailOf(
  state: InspectorState,
  log: LogLookup,
  bytes: RowBytes | undefined,
  rows: number,
): Detail {
  if (log.rowCount === 0) return { title: 'nothing here', lines: blank(rows), lineCount: 0 };
  const row = log.rowAt(Math.min(state.cursor, log.rowCount - 1));
  const title = titleOf(row);
  if (bytes === undefined || !isSameRow(bytes.row, row)) return { title, lines: blank(rows), lineCount: 0 };
  const { head, body } =
    row.type === 'damage' ? ofDamage(row, bytes, state, log) : ofEntry(row, bytes, state);
  const lineCount = head.length + body.lineCount;
  const from = state.detailTop;
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

function ofEntry(row: IndexedEntry, { bytes }: RowBytes, state: InspectorState): Parts {
  const header = intactHeader(row, bytes);
  if (header === undefined) {
    const head = [
      line('Something else stands here than when the log was indexed: its node has cut it.', 'note'),
    ];
    return { head, body: hexBody(bytes, row.offset, state, 'bytes') };
  }
  const payload = decodePayload(bytes.subarray(FRAME_HEADER_BYTES));
  const head = [...fieldLines(row, header, state.size.columns), ...meaningLines(payload)];
  const body = state.form === 'hex' ? hexBody(bytes, row.offset, state, 'frame') : textBody(payload, state);
  return { head, body };
}

function ofDamage(row: IndexedDamage, { bytes }: RowBytes, state: InspectorState, log: LogLookup): Parts {
  const around = [neighbour('before', log, state.cursor - 1), neighbour('after', log, state.cursor + 1)];
  const words = wrapped(damageWords(row), state.size.columns).map((text) =>
    line(text, row.fatal ? 'fatal' : 'note'),
  );
  const shown = bytes.length < row.length ? `, of which the first ${bytes.length} are shown` : '';
  const range = `bytes ${row.offset}..${row.offset + row.length}${shown}`;
  return {
    head: [...words, ...wrapPieces([span(range), ...around.map((text) => span(text))], state.size.columns)],
    body: hexBody(bytes, row.offset, state, 'bytes'),
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

function hexBody(bytes: Uint8Array, offset: number, state: InspectorState, what: 'frame' | 'bytes'): Body {
  const options = { offset, columns: state.size.columns, isFrame: what === 'frame' };
  return {
    lineCount: hexLineCount(bytes, options),
    lines: (from, to) => hexLines(bytes, options, { from, to }),
  };
}

function textBody(payload: Payload, state: InspectorState): Body {
  const lines = textLines(payload).flatMap((text) => wrapped(text, state.size.columns));
  return { lineCount: lines.length, lines: (from, to) => lines.slice(from, to).map((text) => line(text)) };
}

function titleOf(row: IndexedRow): string {
  const where = `offset ${row.offset} of ${row.segment.name}`;
  return row.type === 'entry' ? `index ${row.index}, term ${row.term}, ${where}` : `damage at ${where}`;
}

/** A text in pieces of so many columns. */
function wrapped(text: string, columns: number): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  let width = 0;
  for (const character of text) {
    const characterWidth = (character.codePointAt(0) ?? 0) >= WIDE_FROM ? 2 : 1;
    if (width + characterWidth > columns) {
      pieces.push(piece);
      piece = '';
      width = 0;
    }
    piece += character;
    width += characterWidth;
  }
  return [...pieces, piece];
}

function blank(count: number): readonly Line[] {
  return Array.from({ length: Math.max(0, count) }, () => EMPTY_LINE);
}
