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

/** The first `columns` characters of a line; an ellipsis says that there was more. */
export function cutLine(spans: Line, columns: number): Line {
  if (widthOf(spans) <= columns) return spans;
  const cut: Span[] = [];
  let room = columns - 1;
  for (const { text, style } of spans) {
    const characters = Array.from(text).slice(0, Math.max(0, room));
    room -= characters.length;
    if (characters.length > 0) cut.push(span(characters.join(''), style));
  }
  return columns <= 0 ? [] : [...cut, span('…', 'dim')];
}

/** Pieces one after the other, as many on a line as fit. */
export function wrapPieces(pieces: readonly Span[], columns: number, gap = '   '): readonly Line[] {
  const lines: Span[][] = [];
  let width = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    const pieceWidth = gap.length + piece.text.length;
    if (width + pieceWidth > columns) {
      lines.push([piece]);
      width = piece.text.length;
    } else {
      lines.at(-1)?.push(span(gap), piece);
      width += pieceWidth;
    }
  }
  return lines;
}

/** Characters, not columns: nothing but previews and texts at the ends of lines has wider ones. */
function widthOf(spans: Line): number {
  return spans.reduce((width, { text }) => width + Array.from(text).length, 0);
}
