import type { InspectorState, Size } from './inspector-state.ts';
import { KEY_HELP } from './keys.ts';
import { justified, type Line, line, span } from './line.ts';
import { wrapWords } from './width.ts';

const KEYS_WIDTH = Math.max(...KEY_HELP.map(([keys]) => keys.length)) + 2;

/** What stands below the keys, whichever of them are on the screen. */
const LINES_BELOW = 2;

/** So many lines of the help fit on the screen. */
export function helpRows({ rows }: Size): number {
  return Math.max(1, rows - 1 - LINES_BELOW);
}

/** The last line with which the help may begin: its end stays at the end of the screen. */
export function helpTopMax(size: Size): number {
  return Math.max(0, keyLines(size).length - helpRows(size));
}

/** The help from its line `top` on. */
export function helpLines({ size }: Pick<InspectorState, 'size'>, top: number): readonly Line[] {
  const keys = keyLines(size);
  const shown = keys.slice(top, top + helpRows(size));
  const isWhole = shown.length === keys.length;
  const place = isWhole ? '' : `${top + 1}-${top + shown.length} of ${keys.length}`;
  const words = `${isWhole ? '' : 'j k move, '}other keys go back`;
  return [
    ...shown,
    line('bar: █ here, ! damage, ░▒ terms in turn', 'dim'),
    justified(line(words, 'dim'), place, size.columns),
  ];
}

/** Each key with what it does, in as many lines as that takes. */
function keyLines({ columns }: Size): readonly Line[] {
  return KEY_HELP.flatMap(([keys, what]) =>
    wrapWords(what, Math.max(1, columns - KEYS_WIDTH)).map(
      (piece, i): Line => [span((i === 0 ? keys : '').padEnd(KEYS_WIDTH), 'bold'), span(piece)],
    ),
  );
}
