import type { Key, NamedKey } from './keys.ts';

/** What a terminal has sent, as keys. */
export interface TypedKeys {
  readonly keys: readonly Key[];
  /** What may be the beginning of one more key, or nothing: a read may end in the middle of a sequence. */
  readonly rest: string;
}

type KeyName = NamedKey['type'];

export const ESCAPE = '\u001b';

/** What stands behind ESC where a terminal sends more than one character for a key. Some have two brackets for some. */
const SEQUENCE = /^(?:\[\[?[0-?]*(?:\$|[ -/]*[@-~])|O[0-?]*[@-~])/;

/** The same before its end. */
const BEGUN = /^(?:\[\[?[0-?]*[ -#%-/]*|O[0-?]*)?$/;

/**
 * The parts of a sequence that matter: a number, and its end. What is between says that Shift or the like is held. Behind
 * two brackets a letter alone is F1 to F5 of Linux.
 */
const PARTS = /^(?:O|\[|\[\[(?=\d))(\d*)(?:;\d+)*(.)$/;

/** Sequences by their end, or by their number where the end is `~` (or what rxvt has there for Shift and Ctrl). */
const SEQUENCE_NAMES: ReadonlyMap<string, KeyName> = new Map([
  ['A', 'up'],
  ['B', 'down'],
  ['H', 'home'],
  ['F', 'end'],
  ['1', 'home'],
  ['7', 'home'],
  ['4', 'end'],
  ['8', 'end'],
  ['5', 'page-up'],
  ['6', 'page-down'],
]);

/** What one character does besides standing for itself. With Ctrl, as in less. */
const CHARACTER_NAMES: ReadonlyMap<string, KeyName> = new Map([
  [ESCAPE, 'escape'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\u007f', 'backspace'],
  [control('H'), 'backspace'],
  [control('C'), 'interrupt'],
  [control('F'), 'page-down'],
  [control('D'), 'page-down'],
  [control('B'), 'page-up'],
  [control('U'), 'page-up'],
  [control('N'), 'down'],
  [control('P'), 'up'],
]);

const CONTROL_CHARACTERS = /\p{C}/u;

/**
 * The keys in what was sent. ESC before what begins no sequence is the key Esc, and what follows is a key of its own: a
 * person who types on at once has not held Alt.
 */
export function typedKeys(text: string): TypedKeys {
  const keys: Key[] = [];
  let at = 0;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const behind = character === ESCAPE ? text.slice(at + 1) : undefined;
    if (behind !== undefined && BEGUN.test(behind)) return { keys, rest: text.slice(at) };
    const [sequence] = (behind === undefined ? null : SEQUENCE.exec(behind)) ?? [];
    const key = sequence === undefined ? keyOfCharacter(character) : keyOfSequence(sequence);
    if (key !== undefined) keys.push(key);
    at += character.length + (sequence?.length ?? 0);
  }
  return { keys, rest: '' };
}

/** The keys in what began like a sequence and did not go on: each character is one. */
export function keysOfRest(rest: string): readonly Key[] {
  return Array.from(rest).flatMap((character) => keyOfCharacter(character) ?? []);
}

function keyOfSequence(sequence: string): Key | undefined {
  const [, number = '', end = ''] = PARTS.exec(sequence) ?? [];
  const type = SEQUENCE_NAMES.get(/[~$^@]/.test(end) ? number : end.toUpperCase());
  return type === undefined ? undefined : { type };
}

function keyOfCharacter(character: string): Key | undefined {
  const type = CHARACTER_NAMES.get(character);
  if (type !== undefined) return { type };
  return CONTROL_CHARACTERS.test(character) ? undefined : { type: 'text', character };
}

/** The character that a terminal sends for a letter with Ctrl. */
function control(letter: string): string {
  return String.fromCharCode(letter.charCodeAt(0) - 0x40);
}
