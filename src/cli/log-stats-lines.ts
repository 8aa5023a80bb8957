import { counted, nounFor } from '../lib/counted.ts';
import { sum } from '../lib/sum.ts';
import { PREVIEW_CHARACTERS_MAX, shortText } from '../logtools/preview.ts';
import type { GroupStats, LogStats, TermRange } from '../logtools/stats.ts';
import type { Tally } from '../logtools/tallies.ts';

const BAR_CHARACTERS = 30;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Of a long list so many are shown; --json has all of them. */
const SHOWN_MAX = 20;

interface Bar extends Tally {
  readonly label: string;
  readonly note?: string;
}

/** The statistics of a log for people; `columns` is the width of their terminal, if they look at one. */
export function statsLines(stats: LogStats, columns?: number): string {
  const { log, segments, entries, bytes, problems, first, last } = stats;
  const files = segments === 1 ? 'one file' : `${segments} files`;
  const range = first === null || last === null ? '' : `, index ${first.index} to ${last.index}`;
  const damage = problems === 0 ? '' : `\n${counted(problems, 'damaged place')}: raft log verify ${log}`;
  return [
    `${log}: ${counted(entries, 'entry', 'entries')}, ${bytesText(bytes)} in ${files}${range}${damage}`,
    chart(
      'by kind',
      stats.kinds.map((kind) => ({ label: kind.kind, ...kind })),
    ),
    chart('by operation', stats.operations.map(groupBar)),
    chart('by key prefix', stats.prefixes.map(groupBar)),
    chart(
      'by term',
      stats.terms.map((term) => ({
        label: term.term,
        ...term,
        note: `index ${term.firstIndex} to ${term.lastIndex}`,
      })),
    ),
    emptyTermsLine(stats.emptyTerms),
    chart(
      'by size of command, in bytes',
      stats.sizes.map((size) => ({ label: `${size.from} to ${size.to}`, ...size })),
    ),
    largestLines(stats, columns),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function groupBar({ name, ...tally }: GroupStats): Bar {
  return { label: name === null ? '(others)' : name === '' ? '(none)' : plain(name), ...tally };
}

/** Lines of equal columns, each with a bar: the most bytes have the longest, and the others one that is long beside it. */
function chart(title: string, bars: readonly Bar[]): string {
  if (bars.length === 0) return '';
  const shown = bars.slice(0, SHOWN_MAX);
  const width = Math.max(...shown.map(({ label }) => label.length));
  const total = sum(bars.map(({ bytes }) => bytes));
  const largest = Math.max(...bars.map(({ bytes }) => bytes));
  const counts = Math.max(...shown.map(({ entries }) => String(entries).length));
  const nounWidth = Math.max(...shown.map(({ entries }) => nounFor(entries, 'entry', 'entries').length));
  const lines = shown.map(({ label, entries, bytes, note }) => {
    const share = `${Math.round((100 * bytes) / total)}%`.padStart(4);
    const noun = nounFor(entries, 'entry', 'entries').padEnd(nounWidth);
    const numbers = `${String(entries).padStart(counts)} ${noun}  ${bytesText(bytes).padStart(9)} ${share}`;
    return `  ${label.padEnd(width)}  ${numbers}  ${bar(bytes / largest)}${note === undefined ? '' : `  ${note}`}`.trimEnd();
  });
  const left = bars.length - shown.length;
  return [title, ...lines, ...(left > 0 ? [`  and ${left} more: --json has all of them`] : [])].join('\n');
}

function emptyTermsLine(ranges: readonly TermRange[]): string {
  if (ranges.length === 0) return '';
  const shown = ranges.slice(0, SHOWN_MAX).map(({ from, to }) => (from === to ? from : `${from} to ${to}`));
  const left = ranges.length - shown.length;
  return `terms without entries: ${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}

/** Each on one line: the preview of a configuration names all of its members, and is cut to the room that there is. */
function largestLines({ largest }: LogStats, columns: number | undefined): string {
  if (largest.length === 0) return '';
  const lines = largest.map(({ index, term, kind, size, preview }) => {
    const bytes = `${String(size).padStart(8)} ${nounFor(size, 'byte').padEnd('bytes'.length)}`;
    const what = `  ${bytes}  index ${index}, term ${term}, ${kind}  `;
    // A terminal that does not know its width says 0.
    const hasWidth = columns !== undefined && columns > 0;
    const room = hasWidth ? Math.max(1, columns - what.length) : PREVIEW_CHARACTERS_MAX;
    return `${what}${shortText(preview, room)}`.trimEnd();
  });
  return ['largest commands', ...lines].join('\n');
}

function bar(share: number): string {
  const eighths = Math.max(1, Math.round(share * BAR_CHARACTERS * 8));
  return ('█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')).padEnd(BAR_CHARACTERS);
}

/** A number of bytes in the largest unit that leaves it at 1 or more. */
function bytesText(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 'B';
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return unit === 'B' ? `${bytes} B` : `${value.toFixed(1)} ${unit}`;
}

/** A key as it may stand on a terminal. */
function plain(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '.');
}
