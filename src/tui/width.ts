/** Text of which every character is one column wide: nearly all that there is. */
const PLAIN = /^[\x20-\x7e\u2500-\u259f…]*$/;

/** What takes no column of its own: it is written over the character before. */
const COMBINING = /^\p{M}$/u;

/** Where characters are two columns wide: East Asian scripts and pictures (Unicode's East_Asian_Width W and F, in short). */
const WIDE_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** As much of a text as fits into so many columns. */
export function cutText(text: string, columns: number): string {
  const head = text.slice(0, Math.max(0, columns));
  if (PLAIN.test(head)) return head;
  let end = 0;
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A text in pieces of so many columns, at least one. */
export function wrapText(text: string, columns: number): readonly string[] {
  const pieces: string[] = [];
  let rest = text;
  do {
    const piece = cutText(rest, columns);
    // A character that is wider than all there is stands alone.
    const length = piece.length === 0 ? (Array.from(rest)[0] ?? '').length : piece.length;
    pieces.push(rest.slice(0, length));
    rest = rest.slice(length);
  } while (rest !== '');
  return pieces;
}

/** A sentence in lines of so many columns, broken between words where that is possible. */
export function wrapWords(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    const longer = `${line} ${word}`;
    if (line !== undefined && textWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(...wrapText(word, columns));
  }
  return lines;
}

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE_RANGES.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
