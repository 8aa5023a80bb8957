import { FRAME_FIELDS } from '../logfmt/frame.ts';
import { type Line, type Span, type Style, span } from './line.ts';
import { hex } from './list-view.ts';

/** As many bytes on a line as fit, the first that does. */
const BYTES_PER_LINE = [32, 16, 8, 4] as const;

/** Where the fields of a frame begin, and how each looks. */
const FIELD_STYLES: readonly (readonly [from: number, style: Style])[] = [
  [FRAME_FIELDS.command, 'plain'],
  [FRAME_FIELDS.size, 'size'],
  [FRAME_FIELDS.index, 'index'],
  [FRAME_FIELDS.term, 'term'],
  [FRAME_FIELDS.crc, 'crc'],
];

/** How bytes are to be shown. */
export interface HexOptions {
  /** Where in the file the first of them stands. */
  readonly offset: number;
  readonly columns: number;
  /** A frame's fields are told apart by their colours. */
  readonly isFrame: boolean;
}

/** So many lines show bytes as digits. */
export function hexLineCount(bytes: Uint8Array, options: HexOptions): number {
  return Math.ceil(bytes.length / bytesPerLine(options));
}

/** Hexadecimal digits and text side by side, the offset in the file before them: lines `from` to before `to`. */
export function hexLines(
  bytes: Uint8Array,
  options: HexOptions,
  { from, to }: { readonly from: number; readonly to: number },
): readonly Line[] {
  const perLine = bytesPerLine(options);
  const lines: Line[] = [];
  for (let number = from; number < to && number * perLine < bytes.length; number++) {
    const at = number * perLine;
    lines.push(hexLine(bytes.subarray(at, at + perLine), { at, perLine, options }));
  }
  return lines;
}

function hexLine(
  bytes: Uint8Array,
  { at, perLine, options }: { readonly at: number; readonly perLine: number; readonly options: HexOptions },
): Line {
  const digits: Span[] = [];
  const texts: Span[] = [];
  bytes.forEach((byte, i) => {
    const style = options.isFrame ? fieldStyle(at + i) : 'plain';
    const gap = i === perLine / 2 - 1 ? '  ' : ' ';
    append(digits, hex(byte, 2) + gap, style);
    append(texts, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.', style);
  });
  const missing = perLine - bytes.length;
  const filler = ' '.repeat(3 * missing + (bytes.length < perLine / 2 ? 1 : 0));
  return [span(`${hex(options.offset + at)}  `, 'dim'), ...digits, span(`${filler} `), ...texts];
}

/** Neighbours of one look are one part: fewer parts draw faster. */
function append(spans: Span[], text: string, style: Style): void {
  const last = spans.at(-1);
  if (last?.style === style) spans[spans.length - 1] = span(last.text + text, style);
  else spans.push(span(text, style));
}

function fieldStyle(at: number): Style {
  return FIELD_STYLES.find(([from]) => at >= from)?.[1] ?? 'plain';
}

/** Offset and gap, three columns and one a byte, two gaps. */
function bytesPerLine({ columns }: HexOptions): number {
  return BYTES_PER_LINE.find((count) => 10 + 4 * count + 2 <= columns) ?? 4;
}
