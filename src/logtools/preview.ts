import { harmlessLine } from '../lib/harmless.ts';

/** A preview has at most this many characters unless told otherwise. */
export const PREVIEW_CHARACTERS_MAX = 60;

/**
 * A command on one line, at most `charactersMax` long: text where it is UTF-8, else hexadecimal digits after `0x`. Whatever could
 * move a terminal's cursor, or reverse the direction of writing, becomes a dot.
 */
export function previewOf(command: Uint8Array, charactersMax: number = PREVIEW_CHARACTERS_MAX): string {
  // A character takes at most four bytes, and the last one may be cut in the middle: it is not counted as damage.
  const head = command.subarray(0, 4 * (charactersMax + 1));
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(head, {
    stream: head.length < command.length,
  });
  const isText = !text.includes('\uFFFD');
  return shortText(isText ? text : `0x${Buffer.from(head).toString('hex')}`, charactersMax);
}

/** A text on one line, at most `charactersMax` long, without what could move a terminal's cursor. */
export function shortText(text: string, charactersMax: number): string {
  // A character takes at most two units.
  const head = text.slice(0, 2 * (charactersMax + 1));
  const characters = Array.from(harmlessLine(head));
  return characters.length > charactersMax
    ? `${characters.slice(0, charactersMax - 1).join('')}…`
    : characters.join('');
}
