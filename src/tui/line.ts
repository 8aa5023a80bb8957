import { cutText, textWidth } from './width.ts';

/** How a part of a line looks. Whatever it says without colour stands in its text too. */
export type Style =
  | 'plain'
  | 'dim'
  | 'bold'
  | 'heading'
  | 'selected'
  | 'fatal'
  | 'note'
  | 'crc'
  | 'term'
  | 'index'
  | 'size'
  | 'kind'
  | 'good';

/** A part of a line. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** One line of the screen. What is wider than the screen is cut where it is drawn. */
export type Line = readonly Span[];

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

/** A line of one look. */
export function line(text: string, style: Style = 'plain'): Line {
  return [span(text, style)];
}

export const EMPTY_LINE: Line = line('');

/** The text of a line, without how it looks. */
export function textOfLine(spans: Line): string {
  return spans
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}

/** A line with something at its right end, as far as the width allows: the left part is cut before the right one. */
export function justified(left: Line, right: string, columns: number): Line {
  const room = Math.max(0, columns - right.length - (right === '' ? 0 : 1));
  const cut = cutLine(left, room);
  const gap = ' '.repeat(Math.max(0, columns - right.length - widthOf(cut)));
  return right === '' ? cut : [...cut, span(gap + right, 'dim')];
}

/** The first `columns` columns of a line; an ellipsis says that there was more. */
export function cutLine(spans: Line, columns: number): Line {
  if (widthOf(spans) <= columns) return spans;
  const cut: Span[] = [];
  let room = columns - 1;
  for (const { text, style } of spans) {
    const piece = cutText(text, room);
    if (piece !== '') cut.push(span(piece, style));
    if (piece !== text) break;
    room -= textWidth(piece);
  }
  return columns <= 0 ? [] : [...cut, span('…', 'dim')];
}

/** Pieces one after the other, as many on a line as fit. */
export function wrapPieces(pieces: readonly Span[], columns: number, gap = '   '): readonly Line[] {
  const lines: Span[][] = [];
  let width = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    const pieceWidth = gap.length + textWidth(piece.text);
    if (width + pieceWidth > columns) {
      lines.push([piece]);
      width = textWidth(piece.text);
    } else {
      lines.at(-1)?.push(span(gap), piece);
      width += pieceWidth;
    }
  }
  return lines;
}

/** A line of exactly so many columns. */
export function fittedLine(spans: Line, columns: number): Line {
  const cut = cutLine(spans, columns);
  return [...cut, span(' '.repeat(Math.max(0, columns - widthOf(cut))))];
}

function widthOf(spans: Line): number {
  return spans.reduce((width, { text }) => width + textWidth(text), 0);
}
