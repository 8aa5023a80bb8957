import { assertNever } from '../lib/assert.ts';
import type { LogLookup } from '../logtools/log-index.ts';
import { helpRows, helpTopMax } from './help-view.ts';
import {
  type InspectorEvent,
  type InspectorState,
  layoutOf,
  type Pane,
  type Prompt,
  type SearchOutcome,
  type Size,
} from './inspector-state.ts';
import type { Key } from './keys.ts';
import { awaitedWords, nothingFoundWords } from './status-words.ts';

const UINT64_MAX = 2n ** 64n - 1n;

/** What becomes of the state. The log is only asked where things stand. */
export function reduce(state: InspectorState, event: InspectorEvent, log: LogLookup): InspectorState {
  switch (event.type) {
    case 'key':
      return pressed({ ...state, message: undefined }, event.key, log);
    case 'resized':
      return resized(state, event.size, log);
    case 'indexed':
      return indexed({ ...state, progress: event.progress, failure: undefined }, log);
    case 'failed':
      return { ...state, failure: event.reason };
    case 'detail':
      return detailMoved({ ...state, detailLines: event.lines }, 0);
    case 'search-at':
      return state.search?.number === event.number
        ? { ...state, search: { ...state.search, atRow: event.row } }
        : state;
    case 'search-ended':
      return searchEnded(state, event, log);
    default:
      return assertNever(event, 'event');
  }
}

function resized(state: InspectorState, size: Size, log: LogLookup): InspectorState {
  // The end of the help stays at the end of the screen too.
  const helpTop = state.helpTop === undefined ? undefined : Math.min(state.helpTop, helpTopMax(size));
  return scrolled({ ...state, size, helpTop }, log);
}

function indexed(state: InspectorState, log: LogLookup): InspectorState {
  const { awaited } = state;
  const arrived = { ...state, awaited: undefined, message: undefined };
  if (awaited === 'end' && state.progress === undefined) return moved(arrived, log.rowCount - 1, log);
  if (typeof awaited === 'bigint') {
    const found = log.rowOfIndex(awaited);
    if (found?.isExact === true || (state.progress === undefined && found !== undefined))
      return toIndex(arrived, awaited, log);
  }
  return moved(state, state.isFollowing ? log.rowCount - 1 : state.cursor, log);
}

function searchEnded(
  state: InspectorState,
  { number, outcome }: { readonly number: number; readonly outcome: SearchOutcome },
  log: LogLookup,
): InspectorState {
  const { search } = state;
  if (search?.number !== number) return state;
  const ended = { ...state, search: undefined };
  switch (outcome.type) {
    case 'found':
      return jumped(ended, outcome.row, log);
    case 'nothing':
      return { ...ended, message: nothingFoundWords(search, state.size.columns) };
    case 'refused':
      return { ...ended, message: outcome.reason };
    default:
      return assertNever(outcome, 'outcome');
  }
}

function pressed(state: InspectorState, key: Key, log: LogLookup): InspectorState {
  if (key.type === 'interrupt') return { ...state, end: 'interrupted' };
  if (state.prompt !== undefined) return typed(state, state.prompt, key, log);
  if (state.helpTop !== undefined) return helped(state, state.helpTop, key);
  const { pane, listRows, detailRows } = layoutOf(state);
  const pageBy = (direction: 1 | -1) =>
    pane === 'detail'
      ? detailMoved(state, direction * Math.max(1, detailRows - 1))
      : leaped(state, state.cursor + direction * Math.max(1, listRows - 1), log);
  switch (key.type) {
    case 'text':
      return key.character === ' '
        ? pageBy(1)
        : key.character === 'b'
          ? pageBy(-1)
          : command(state, key.character, log);
    case 'up':
      return leaped(state, state.cursor - 1, log);
    case 'down':
      return leaped(state, state.cursor + 1, log);
    case 'page-up':
      return pageBy(-1);
    case 'page-down':
      return pageBy(1);
    case 'home':
      return jumped(state, 0, log);
    case 'end':
      return toEnd(state, log);
    case 'enter':
      return scrolled({ ...state, pane: paneAfter(state), detailTop: 0 }, log);
    case 'escape':
      return { ...state, search: undefined, awaited: undefined };
    case 'backspace':
      return state;
    default:
      return assertNever(key, 'key');
  }
}

/** The help goes up and down where it is longer than the screen; every other key closes it. */
function helped(state: InspectorState, helpTop: number, key: Key): InspectorState {
  const name = key.type === 'text' ? key.character : key.type;
  const last = helpTopMax(state.size);
  const page = Math.max(1, helpRows(state.size) - 1);
  const to = (top: number) => ({ ...state, helpTop: Math.max(0, Math.min(top, last)) });
  if (name === 'j' || name === 'down') return to(helpTop + 1);
  if (name === 'k' || name === 'up') return to(helpTop - 1);
  if (name === ' ' || name === 'page-down') return to(helpTop + page);
  if (name === 'b' || name === 'page-up') return to(helpTop - page);
  if (name === 'g' || name === 'home') return to(0);
  if (name === 'G' || name === 'end') return to(last);
  return { ...state, helpTop: undefined };
}

/** What one letter does. */
function command(state: InspectorState, character: string, log: LogLookup): InspectorState {
  switch (character) {
    case 'q':
      return { ...state, end: 'quit' };
    case 'j':
      return leaped(state, state.cursor + 1, log);
    case 'k':
      return leaped(state, state.cursor - 1, log);
    case 'g':
      return jumped(state, 0, log);
    case 'G':
      return toEnd(state, log);
    case 'J':
      return detailMoved(state, 1);
    case 'K':
      return detailMoved(state, -1);
    case ':':
      return { ...state, prompt: { type: 'index', text: '' } };
    case '@':
      return { ...state, prompt: { type: 'offset', text: '' } };
    case '/':
      return { ...state, prompt: { type: 'search', text: '' } };
    case 'n':
      return searched(state, 'forward');
    case 'N':
      return searched(state, 'backward');
    case 'x':
      return { ...state, form: state.form === 'hex' ? 'text' : 'hex', detailTop: 0 };
    case 's':
      return stateToggled(state, log);
    case '?':
      return { ...state, helpTop: 0 };
    default:
      return place(state, character, log);
  }
}

/** The letters that go to a place of the log. */
function place(state: InspectorState, character: string, log: LogLookup): InspectorState {
  const { cursor } = state;
  switch (character) {
    case 'e':
      return jumpedIf(state, log.nextDamage(cursor), { log, otherwise: noMore('damage', 'after', state) });
    case 'E':
      return jumpedIf(state, log.previousDamage(cursor), {
        log,
        otherwise: noMore('damage', 'before', state),
      });
    case 't': {
      const otherwise = noMore('change of the term', 'after', state);
      return jumpedIf(state, log.nextTermChange(cursor), { log, otherwise });
    }
    case 'T': {
      const otherwise = noMore('change of the term', 'before', state);
      return jumpedIf(state, log.previousTermChange(cursor), { log, otherwise });
    }
    case 'f': {
      const isFollowing = !state.isFollowing;
      return isFollowing
        ? { ...jumped(state, log.rowCount - 1, log), isFollowing }
        : { ...state, isFollowing };
    }
    case 'm':
      return { ...state, mark: cursor, message: "This row is marked: ' comes back to it." };
    case "'":
      return jumpedIf(state, state.mark ?? state.before, {
        log,
        otherwise: 'No row is marked: m marks one.',
      });
    default:
      return {
        ...state,
        message: `The key ${JSON.stringify(character)} does nothing here: ? shows the keys.`,
      };
  }
}

function noMore(what: string, where: 'after' | 'before', { progress }: InspectorState): string {
  const soFar = progress === undefined || where === 'before' ? '' : ' as far as the log is indexed';
  return `There is no ${what} ${where} this row${soFar}.`;
}

function typed(state: InspectorState, prompt: Prompt, key: Key, log: LogLookup): InspectorState {
  const closed = { ...state, prompt: undefined };
  switch (key.type) {
    case 'text':
      return { ...state, prompt: { ...prompt, text: prompt.text + key.character } };
    case 'backspace':
      return prompt.text === '' ? closed : { ...state, prompt: { ...prompt, text: dropLast(prompt.text) } };
    case 'escape':
      return closed;
    case 'enter':
      return prompt.text === '' && prompt.type !== 'search' ? closed : entered(closed, prompt, log);
    default:
      return state;
  }
}

function entered(state: InspectorState, { type, text }: Prompt, log: LogLookup): InspectorState {
  if (type === 'search')
    return searched({ ...state, pattern: text === '' ? state.pattern : text }, 'forward');
  const number = numberOf(text);
  if (number === undefined) return { ...state, message: `"${text}" is no whole number from 0 to 2^64-1.` };
  if (type === 'index') return toIndex(state, number, log);
  const row = log.rowOfOffset(Number(number), state.cursor);
  return jumpedIf(state, row, { log, otherwise: 'The log is empty.' });
}

function toIndex(state: InspectorState, index: bigint, log: LogLookup): InspectorState {
  const found = log.rowOfIndex(index);
  if (found?.isExact === true) return jumped(state, found.row, log);
  if (state.progress !== undefined) return { ...state, awaited: index, message: awaitedWords(index) };
  if (found === undefined) return { ...state, message: 'The log is empty.' };
  return {
    ...jumped(state, found.row, log),
    message: missingWords(index, log),
  };
}

/** Why an index is not there. */
function missingWords(index: bigint, log: LogLookup): string {
  const last = lastIndexOf(log);
  return last !== undefined && index > last
    ? `There is no entry of index ${index}: the list ends with index ${last}.`
    : `There is no entry of index ${index}: this is the place.`;
}

/** The index of the last row; undefined where damage stands at the end, in which there may be more. */
function lastIndexOf(log: LogLookup): bigint | undefined {
  let number = log.rowCount - 1;
  while (number >= 0 && !log.hasDamage(number, number + 1)) {
    const row = log.rowAt(number);
    if (row.type === 'entry') return row.index;
    number--;
  }
  return undefined;
}

/** Goes to the last row there is, and to the last of all once it is indexed. */
function toEnd(state: InspectorState, log: LogLookup): InspectorState {
  const atLast = jumped(state, log.rowCount - 1, log);
  if (state.progress === undefined) return atLast;
  return { ...atLast, awaited: 'end', message: awaitedWords('end') };
}

function searched(state: InspectorState, direction: 'forward' | 'backward'): InspectorState {
  const { pattern, cursor } = state;
  if (pattern === undefined)
    return { ...state, message: 'Nothing was looked for yet: / looks for something.' };
  const number = state.searchCount + 1;
  const search = { pattern, direction, fromRow: cursor, number, atRow: cursor };
  return { ...state, search, searchCount: number };
}

/** Goes to a row and remembers where one was. */
function jumped(state: InspectorState, row: number, log: LogLookup): InspectorState {
  return leaped({ ...state, before: state.cursor }, row, log);
}

function jumpedIf(
  state: InspectorState,
  row: number | undefined,
  { log, otherwise }: { readonly log: LogLookup; readonly otherwise: string },
): InspectorState {
  return row === undefined ? { ...state, message: otherwise } : jumped(state, row, log);
}

/** Goes to a row because somebody wants to: that ends the following. */
function leaped(state: InspectorState, row: number, log: LogLookup): InspectorState {
  return moved({ ...state, isFollowing: false, awaited: undefined }, row, log);
}

function moved(state: InspectorState, row: number, log: LogLookup): InspectorState {
  const cursor = Math.max(0, Math.min(row, log.rowCount - 1));
  return scrolled({ ...state, cursor, detailTop: cursor === state.cursor ? state.detailTop : 0 }, log);
}

/** Keeps the row that one is at on the screen, and the end of the log at the end of the list, whatever room that has. */
function scrolled(state: InspectorState, log: LogLookup): InspectorState {
  const { listRows } = layoutOf(state);
  const lastTop = Math.max(0, log.rowCount - listRows);
  return { ...state, top: Math.min(topFor(state, listRows), lastTop) };
}

/** The first row of the list: a far jump puts the row that one is at into the middle. */
function topFor({ cursor, top }: InspectorState, listRows: number): number {
  // Without a list nothing moves, so that it comes back as it was.
  if (listRows === 0) return Math.min(top, cursor);
  if (cursor >= top && cursor < top + listRows) return top;
  const isFar = cursor < top - listRows || cursor >= top + 2 * listRows;
  if (isFar) return Math.max(0, cursor - Math.floor(listRows / 2));
  return cursor < top ? cursor : cursor - listRows + 1;
}

/** Moves within the detail, whose last line stays on the screen. */
function detailMoved(state: InspectorState, lines: number): InspectorState {
  const last = Math.max(0, state.detailLines - layoutOf(state).detailRows);
  return { ...state, detailTop: Math.max(0, Math.min(state.detailTop + lines, last)) };
}

/** Shows the key-value state, or hides it. Where there was no room for it, its pane goes with it. */
function stateToggled(state: InspectorState, log: LogLookup): InspectorState {
  const { pane, stateView } = state;
  const hasRoom = layoutOf(state).detailRows > 0;
  if (stateView !== undefined && hasRoom) {
    const hidden = { ...state, stateView: undefined, pane: stateView.paneBefore ?? pane };
    return scrolled({ ...hidden, detailTop: 0 }, log);
  }
  const wider = layoutOf({ ...state, pane: 'split' }).pane === 'split' ? 'split' : 'detail';
  const stateShown = { ...state, stateView: { paneBefore: hasRoom ? undefined : pane } };
  return scrolled({ ...stateShown, pane: hasRoom ? pane : wider, detailTop: 0 }, log);
}

function paneAfter(state: InspectorState): Pane {
  switch (layoutOf(state).pane) {
    case 'split':
      return 'detail';
    case 'detail':
      return 'list';
    case 'list':
      return layoutOf({ ...state, pane: 'split' }).pane === 'split' ? 'split' : 'detail';
  }
}

/** A uint64 in decimal, or in hexadecimal after 0x. */
function numberOf(text: string): bigint | undefined {
  if (!/^\s*(\d{1,20}|0x[0-9a-fA-F]{1,16})\s*$/.test(text)) return undefined;
  const value = BigInt(text.trim());
  return value <= UINT64_MAX ? value : undefined;
}

function dropLast(text: string): string {
  return Array.from(text).slice(0, -1).join('');
}
