import type { LogLookup } from '../logtools/log-index.ts';
import type { InspectorState } from './inspector-state.ts';
import { type Line, span } from './line.ts';

/** Terms in turn: where the shade changes, the term does. */
const SHADES = ['░', '▒'] as const;

/**
 * The whole log from the first line to the last, whichever part of it is on the screen: where one is, where damage is, and
 * where terms change. Two columns a line. Where the whole log is on the screen, a line stands for the row beside it.
 */
export function sideBar(state: InspectorState, log: LogLookup, lines: number): readonly Line[] {
  const { rowCount } = log;
  const isBesideRows = state.top === 0 && rowCount <= lines;
  const scale = isBesideRows ? lines : rowCount;
  const shown = { from: state.top, to: Math.min(rowCount, state.top + lines) };
  let shade = 0;
  let previousTerm: bigint | undefined;
  return Array.from({ length: lines }, (_, i) => {
    const from = Math.floor((i * scale) / lines);
    const to = Math.max(from + 1, Math.floor(((i + 1) * scale) / lines));
    if (from >= rowCount) return [span('  ')];
    const term = log.termAt(to - 1);
    if (term !== previousTerm && previousTerm !== undefined) shade = 1 - shade;
    previousTerm = term;
    const isHere = from < shown.to && to > shown.from;
    const thumb =
      state.cursor >= from && state.cursor < to ? span('█', 'bold') : span(isHere ? '│' : ' ', 'dim');
    const mark = log.hasDamage(from, to) ? span('!', 'fatal') : span(SHADES[shade] ?? ' ', 'term');
    return [thumb, mark];
  });
}
