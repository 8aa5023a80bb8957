import { detailOf } from './detail-view.ts';
import { type InspectorState, layoutOf } from './inspector-state.ts';
import type { Shown } from './inspector-view.ts';
import { cutLine, EMPTY_LINE, fittedLine, type Line, line, span } from './line.ts';
import { stateOf } from './state-view.ts';

/** What stands below the list: the detail of the row that one is at, the key-value state after it, or both. */
export interface LowerPart {
  readonly heading: Line;
  readonly lines: readonly Line[];
  /** How many lines there are in all, of the one that has more. */
  readonly lineCount: number;
}

export function lowerPart(state: InspectorState, { log, bytes, state: answer }: Shown): LowerPart {
  const { detailRows: rows, detailColumns, stateColumns } = layoutOf(state);
  const held =
    answer === undefined ? undefined : stateOf(answer, { rows, columns: stateColumns, top: state.detailTop });
  if (held !== undefined && detailColumns === 0) {
    // The status line stays at the bottom, however few keys there are.
    const lines = Array.from({ length: rows }, (_, i) => held.lines[i] ?? EMPTY_LINE);
    return { ...held, lines, heading: line(heading(held.title, stateColumns), 'dim') };
  }
  const detail = detailOf(state, log, bytes, { rows, columns: detailColumns });
  const detailHeading = heading(detail.title, detailColumns);
  if (held === undefined) return { ...detail, heading: line(detailHeading, 'dim') };
  return {
    heading: line(`${detailHeading}┬${heading(held.title, stateColumns)}`, 'dim'),
    lines: Array.from({ length: rows }, (_, i) => [
      ...fittedLine(detail.lines[i] ?? EMPTY_LINE, detailColumns),
      span('│', 'dim'),
      ...cutLine(held.lines[i] ?? EMPTY_LINE, stateColumns),
    ]),
    lineCount: Math.max(detail.lineCount, held.lineCount),
  };
}

function heading(title: string, columns: number): string {
  return cutLine([span(`── ${title} `.padEnd(columns, '─'))], columns)
    .map(({ text }) => text)
    .join('');
}
