/** A key that was pressed. What is typed comes as text, one character at a time. */
export type Key = { readonly type: 'text'; readonly character: string } | NamedKey;

export type NamedKey = { readonly [Name in KeyName]: { readonly type: Name } }[KeyName];

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
