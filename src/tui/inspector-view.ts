import type { LogLookup } from '../logtools/log-index.ts';
import type { RowBytes } from '../logtools/row-content.ts';
import type { StateAnswer } from '../logtools/state-timeline.ts';
import { entriesWords, type Filter, longCount, noMatchLines } from './filter-view.ts';
import { helpLines } from './help-view.ts';
import { type InspectorState, layoutOf, SIZE_MIN } from './inspector-state.ts';
import { cutLine, EMPTY_LINE, justified, type Line, line, span } from './line.ts';
import { type Contents, listLines } from './list-view.ts';
import { lowerPart } from './lower-view.ts';
import { sideBar } from './side-bar.ts';
import { partsBeside } from './status-words.ts';

/** What a screen shows, besides the state. */
export interface Shown {
  readonly log: LogLookup;
  /** What was read of the rows in the list. */
  readonly contents: Contents;
  /** What was read of the row that one is at. */
  readonly bytes: RowBytes | undefined;
  /** What is known of the key-value state after it; undefined where it is not shown. */
  readonly state: StateAnswer | undefined;
  /** What is inspected, for the title. */
  readonly name: string;
  /** Which entries were asked for; undefined where all were. */
  readonly filter: Filter | undefined;
}

/** What stands beside the rows of the list. */
const BAR_COLUMNS = 2;
const NOTE_INDENT = '  ';

/** The lines of the screen, one less than it has. */
export function frameOf(state: InspectorState, shown: Shown): readonly Line[] {
  const { size } = state;
  const lineCount = Math.max(1, size.rows - 1);
  const layout = layoutOf(state);
  if (layout.isTiny)
    return filled([line(`${SIZE_MIN.columns}x${SIZE_MIN.rows} at least; q leaves`)], lineCount, size.columns);
  if (state.helpTop !== undefined) return filled(helpLines(state, state.helpTop), lineCount, size.columns);
  const lines = [titleLine(state, shown)];
  const { log } = shown;
  if (layout.pane !== 'detail') {
    const bar = sideBar(state, log, layout.listRows);
    const [heading = EMPTY_LINE, ...listed] = listLines(state, log, shown.contents, layout.listRows);
    const rows = withNoMatch(listed, state, shown);
    lines.push([span('  '), ...heading], ...rows.map((row, i) => [...(bar[i] ?? [span('  ')]), ...row]));
  }
  if (layout.pane !== 'list') {
    const { heading, lines: lower } = lowerPart(state, shown);
    lines.push(heading, ...lower);
    if (layout.pane === 'detail') lines.push(EMPTY_LINE);
  }
  lines.push(statusLine(state, shown));
  return filled(lines, lineCount, size.columns);
}

/** Exactly so many lines, none wider than the screen. */
function filled(lines: readonly Line[], count: number, columns: number): readonly Line[] {
  return Array.from({ length: count }, (_, i) => cutLine(lines[i] ?? EMPTY_LINE, columns));
}

/** Below the last row there may be room to say why there is no more. */
function withNoMatch(rows: readonly Line[], state: InspectorState, { log, filter }: Shown): readonly Line[] {
  const columns = state.size.columns - NOTE_INDENT.length - BAR_COLUMNS;
  const notes = noMatchLines(log, filter, { columns, isWhole: state.progress === undefined });
  const first = log.rowCount - state.top;
  return rows.map((row, i) => {
    const note = notes[i - first];
    return note === undefined ? row : [span(NOTE_INDENT), ...note];
  });
}

function titleLine({ size, progress }: InspectorState, { log, name, filter }: Shown): Line {
  const entries = entriesWords(log, filter);
  const damages = log.damageCount === 0 ? 'no damage' : longCount(log.damageCount, 'damage', 'damages');
  const soFar = progress === undefined ? '' : ' so far';
  const chosen = filter === undefined ? [] : [span(`  ${filter.words}`, 'note')];
  return justified([span(name, 'bold'), ...chosen], `${entries}, ${damages}${soFar}`, size.columns);
}

/** What is typed, else a word about what was done, else where one is; and at the right what goes on. */
function statusLine(state: InspectorState, { log }: Shown): Line {
  const parts = activityOf(state);
  const right = parts.join(', ');
  const { prompt, message, failure, size } = state;
  if (prompt !== undefined) {
    const sign = { index: ':', offset: '@', search: '/' }[prompt.type];
    return cutLine([span(`${sign}${prompt.text}`, 'bold'), span('▏')], size.columns);
  }
  if (message !== undefined)
    return justified(line(message, 'note'), partsBeside(message, parts, size.columns), size.columns);
  if (failure !== undefined) return justified(line(failure, 'fatal'), right, size.columns);
  const row = log.rowCount === 0 ? 0 : state.cursor + 1;
  const where = `row ${row.toLocaleString('en')} of ${log.rowCount.toLocaleString('en')}`;
  return justified([span(where), span('   ? keys   q leave', 'dim')], right, size.columns);
}

function activityOf({ progress, search, isFollowing, awaited }: InspectorState): readonly string[] {
  return [
    ...(search === undefined
      ? []
      : [`looking for /${search.pattern}/ at row ${search.atRow.toLocaleString('en')}`]),
    ...(awaited === undefined ? [] : [`waiting for ${awaited === 'end' ? 'the end' : `index ${awaited}`}`]),
    ...(progress === undefined ? [] : [`indexing ${percent(progress.doneBytes, progress.totalBytes)}`]),
    ...(isFollowing ? ['following'] : []),
  ];
}

function percent(done: number, total: number): string {
  return `${total === 0 ? 0 : Math.min(100, Math.floor((100 * done) / total))}%`;
}
