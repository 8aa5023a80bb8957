import { counted } from '../lib/counted.ts';
import { isFilledAhead } from '../logfmt/damage.ts';
import type { InspectRow } from '../logtools/rows.ts';
import type { VerifyProblem, VerifyReport } from '../logtools/verify.ts';

/** Widths of the columns before the last. A longer value pushes its line to the right: a stream cannot look ahead. */
const WIDTHS = { offset: 10, index: 8, term: 6, size: 8, kind: 8 } as const;

/** The heading over the lines of `inspectLine`. */
export function inspectHeading(): string {
  return columns('offset', 'index', 'term', 'size', 'kind', 'command');
}

/** One row of a log on one line. */
export function inspectLine(row: InspectRow): string {
  if (row.type === 'entry') {
    return columns(String(row.offset), row.index, row.term, String(row.size), row.kind, row.preview);
  }
  const weight = row.fatal ? 'a node refuses to start on it' : 'a node goes on after it';
  const what = `${row.problem}: ${row.detail} (${counted(row.length, 'byte')}; ${weight})`;
  // What every crash leaves does not cry out, here as on the screen.
  const mark = isFilledAhead({ kind: row.problem, fatal: row.fatal }) ? '' : '!! ';
  return `${String(row.offset).padStart(WIDTHS.offset)}  ${mark}${what}`;
}

/** The verdict on one file, for people: one line, and one more for each problem. */
export function verifyLines(report: VerifyReport): string {
  const { file, bytes, entries, first, last, problems, problemsLeftOut, ok } = report;
  const range =
    first === null || last === null
      ? ''
      : `, index ${first.index} to ${last.index}, term ${first.term} to ${last.term}`;
  // A node starts on a file without entries; whoever has truncated one is to see that nothing is left.
  const held = entries === 0 ? 'no entries' : counted(entries, 'entry', 'entries');
  const lines = [
    `${file}: ${ok ? 'ok' : 'DAMAGED'}, ${held} in ${counted(bytes, 'byte')}${range}`,
    ...problems.map(problemLine),
    ...(problemsLeftOut === 0 ? [] : [`  and ${counted(problemsLeftOut, 'more problem')}`]),
  ];
  return lines.join('\n');
}

function problemLine({ kind, offset, length, detail, fatal }: VerifyProblem): string {
  return `  ${fatal ? 'fatal' : 'note '}  ${kind} at offset ${offset}, ${counted(length, 'byte')}: ${detail}`;
}

function columns(
  offset: string,
  index: string,
  term: string,
  size: string,
  kind: string,
  command: string,
): string {
  const numbers = [
    offset.padStart(WIDTHS.offset),
    index.padStart(WIDTHS.index),
    term.padStart(WIDTHS.term),
    size.padStart(WIDTHS.size),
  ];
  return [...numbers, kind.padEnd(WIDTHS.kind), command].join('  ').trimEnd();
}
