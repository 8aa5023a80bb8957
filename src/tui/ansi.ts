import { styleText } from 'node:util';
import type { Line, Style } from './line.ts';

type Look = Parameters<typeof styleText>[0];

const LOOKS: Readonly<Record<Style, Look | undefined>> = {
  plain: undefined,
  dim: 'dim',
  bold: 'bold',
  heading: ['bold', 'underline'],
  selected: 'inverse',
  fatal: ['red', 'bold'],
  note: 'yellow',
  crc: 'magenta',
  term: 'cyan',
  index: 'green',
  size: 'yellow',
  kind: 'blue',
  good: ['green', 'dim'],
};

/** A line as a terminal takes it, with its colours unless there are to be none. */
export function terminalText(line: Line, { hasColor }: { readonly hasColor: boolean }): string {
  return line.map(({ text, style }) => (hasColor ? styled(text, LOOKS[style]) : text)).join('');
}

/** Whether there are colours was asked of the terminal before. */
function styled(text: string, look: Look | undefined): string {
  return look === undefined || text === '' ? text : styleText(look, text, { validateStream: false });
}
