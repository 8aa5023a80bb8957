/** A key that was pressed. What is typed comes as text, one character at a time. */
export type Key = { readonly type: 'text'; readonly character: string } | NamedKey;

type NamedKey = { readonly [Name in KeyName]: { readonly type: Name } }[KeyName];

type KeyName =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt';

/** What Node's readline says of a key besides its text. */
export interface TerminalKey {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

const NAMED: ReadonlyMap<string, KeyName> = new Map([
  ['up', 'up'],
  ['down', 'down'],
  ['pageup', 'page-up'],
  ['pagedown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['enter', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
]);

/** With Ctrl, as in less. */
const CONTROLLED: ReadonlyMap<string, KeyName> = new Map([
  ['c', 'interrupt'],
  ['f', 'page-down'],
  ['d', 'page-down'],
  ['b', 'page-up'],
  ['u', 'page-up'],
  ['n', 'down'],
  ['p', 'up'],
  ['h', 'backspace'],
]);

const CONTROL_CHARACTERS = /\p{C}/u;

/** A key as the screen takes it, or undefined for one that means nothing. */
export function keyOf(text: string | undefined, { name = '', ctrl, meta }: TerminalKey): Key | undefined {
  const known = ctrl === true ? CONTROLLED.get(name) : NAMED.get(name);
  if (known !== undefined) return { type: known };
  if (ctrl === true || meta === true || text === undefined || text === '' || CONTROL_CHARACTERS.test(text))
    return undefined;
  return { type: 'text', character: text };
}

/** The keys of the inspector, for its help and for the README. */
export const KEY_HELP: readonly (readonly [keys: string, what: string])[] = [
  ['↑ ↓  j k', 'one row up or down'],
  ['PgUp PgDn  b Space', 'one page'],
  ['g G', 'first row, last row'],
  [':', 'go to an index'],
  ['@', 'go to an offset of this segment; 0x begins a hexadecimal one'],
  ['/', 'look for a regular expression; Esc ends a search'],
  ['n N', 'next and previous match'],
  ['e E', 'next and previous damage'],
  ['t T', 'next and previous change of the term'],
  ['f', 'follow: stay at the end while the log grows'],
  ['x', 'show hexadecimal digits or text'],
  ['s', 'the key-value state after this entry, beside it'],
  ['Enter', 'list and detail, detail alone, list alone'],
  ['J K', 'move within the detail'],
  ["m '", 'mark a row, go back to it; without a mark, to where the last jump began'],
  ['?', 'this help'],
  ['q', 'leave'],
];
