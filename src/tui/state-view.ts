import { assertNever } from '../lib/assert.ts';
import { nounFor } from '../lib/counted.ts';
import type { ReplayedChange } from '../logtools/replay.ts';
import type { StateAnswer } from '../logtools/state-timeline.ts';
import type { Detail, Room } from './detail-view.ts';
import { type Line, line } from './line.ts';
import { safe } from './meaning.ts';
import { wrapWords } from './width.ts';

/** So many keys stand before the one that was changed, where there is no room for all. */
const KEYS_BEFORE = 2;

/** The words for a change take no more lines than this, so that the keys have room. */
const CHANGE_LINES_MAX = 3;

/** The key-value state after an entry, from its line `top` on. */
export function stateOf(
  answer: StateAnswer,
  { rows, columns, top }: Room & { readonly top: number },
): Detail {
  switch (answer.type) {
    case 'state':
      return known(answer, { rows, columns, top });
    case 'replaying': {
      const text = `The log is applied up to index ${answer.index}: it has come to ${answer.reached}.`;
      return inWords('state', text, columns);
    }
    case 'refused':
      return inWords('no state', answer.reason, columns);
    default:
      return assertNever(answer, 'answer');
  }
}

function known(
  { index, keyCount, change, items }: Extract<StateAnswer, { readonly type: 'state' }>,
  { rows, columns, top }: Room & { readonly top: number },
): Detail {
  const head = wrapWords(changeWords(change), columns)
    .slice(0, CHANGE_LINES_MAX)
    .map((text) => line(text, change === undefined ? 'dim' : 'note'));
  const lines = items.map(({ key, value }): Line => {
    const isChanged = key === change?.key;
    return line(safe(`${isChanged ? '*' : ' '} ${key} = ${value}`), isChanged ? 'note' : 'plain');
  });
  const more = keyCount - items.length;
  if (more > 0)
    lines.push(
      line(`${more.toLocaleString('en')} more ${nounFor(more, 'key')}: raft log state lists all`, 'dim'),
    );
  const room = Math.max(1, rows - head.length);
  const place = change === undefined ? -1 : items.findIndex(({ key }) => key >= change.key);
  const end = Math.max(0, lines.length - room);
  const begin = Math.min(Math.max(0, place - KEYS_BEFORE), end);
  const from = Math.min(begin + top, end);
  return {
    title: `after index ${index}: ${keyCount.toLocaleString('en')} ${nounFor(keyCount, 'key')}`,
    lines: [...head, ...lines.slice(from, from + room)],
    lineCount: head.length + lines.length - begin,
  };
}

function changeWords(change: ReplayedChange | undefined): string {
  if (change === undefined) return 'This entry changes nothing.';
  const { key, before, after } = change;
  const quoted = (text: string) => JSON.stringify(text);
  if (after === null) return safe(`removed ${quoted(key)}, which was ${quoted(before ?? '')}`);
  if (before === null) return safe(`new ${quoted(key)} = ${quoted(after)}`);
  return safe(`${quoted(key)} was ${quoted(before)}, is ${quoted(after)}`);
}

function inWords(title: string, text: string, columns: number): Detail {
  const lines = wrapWords(text, columns).map((piece) => line(piece, 'note'));
  return { title, lines, lineCount: lines.length };
}
