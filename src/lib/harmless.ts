/**
 * A text on one line: whatever could move a terminal's cursor, colour it, or reverse the direction of writing becomes a
 * dot.
 */
export function harmlessLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '.');
}

/** As `harmlessLine`, but of several lines: a line feed and a tab only go on, and never back over what stands there. */
export function harmlessLines(text: string): string {
  return text.replaceAll(/(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu, '.');
}
