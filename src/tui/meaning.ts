import { assertNever } from '../lib/assert.ts';
import { strictTextOf, textOf } from '../lib/bytes.ts';
import type { Configuration, Member } from '../lib/configuration.ts';
import { counted } from '../lib/counted.ts';
import type { Payload } from '../lib/entry.ts';
import { DETAIL_TEXT_CHARACTERS_MAX } from '../lib/limits.ts';
import { kvWords } from '../logtools/entry-words.ts';
import { kvCommandOf } from '../logtools/expression/entry-values.ts';
import { type Line, line, type Span, span } from './line.ts';

/** Whatever could move a terminal's cursor, or reverse the direction of writing, is a dot. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** What an entry means, in words. */
export function meaningLines(payload: Payload): readonly Line[] {
  switch (payload.kind) {
    case 'noop':
      return [line('no-op: the first entry of a leader, which commits those of earlier terms', 'kind')];
    case 'configuration':
      return configurationLines(payload.configuration);
    case 'session': {
      const { session, sequence, acknowledgedBelow, logTimeMs, openedAtMs } = payload.place;
      const times = `log time ${logTimeMs} ms, opened at ${openedAtMs} ms`;
      return [
        fact('session', `${session}, command ${sequence} in it`),
        fact('answers', `the client has all below ${acknowledgedBelow}; ${times}`),
        ...commandLines(payload),
      ];
    }
    case 'command':
      return commandLines(payload);
    case 'unknown':
      return [fact('unknown', `kind ${payload.kindByte}: every node of this version stops here`)];
    default:
      return assertNever(payload, 'kind of entry');
  }
}

/** The command of an entry as text over several lines: JSON with its structure, everything else as it is. */
export function textLines(payload: Payload): readonly string[] {
  if (payload.kind === 'configuration') return indented(payload.configuration);
  if (!('command' in payload)) return [];
  const text = textOf(payload.command).slice(0, DETAIL_TEXT_CHARACTERS_MAX);
  const json = jsonIn(text);
  return json === undefined ? text.split('\n').map(safe) : indented(json);
}

function commandLines(payload: Payload & { readonly command: Uint8Array }): readonly Line[] {
  const command = kvCommandOf(payload);
  if (command !== null) return [fact('key-value', kvWords(command))];
  const text = strictTextOf(payload.command);
  if (text === undefined)
    return [
      fact(
        'command',
        `${counted(payload.command.length, 'byte')} that ${payload.command.length === 1 ? 'is' : 'are'} no text`,
      ),
    ];
  const json = jsonIn(text);
  return [json === undefined ? fact('text', text) : fact('JSON', JSON.stringify(json))];
}

function configurationLines({ voters, oldVoters, learners }: Configuration): readonly Line[] {
  const what =
    oldVoters === null ? 'configuration: who votes' : 'joint configuration: both majorities decide together';
  return [
    line(what, 'kind'),
    ...(oldVoters ?? []).map((member) => fact('old voter', memberWords(member))),
    ...voters.map((member) => fact('voter', memberWords(member))),
    ...learners.map((member) => fact('learner', memberWords(member))),
  ];
}

function memberWords({ id, url, incarnation }: Member): string {
  return [
    id,
    url ?? 'in the same process',
    ...(incarnation === null ? [] : [`incarnation ${incarnation}`]),
  ].join('  ');
}

function fact(name: string, text: string): Line {
  const label: Span = span(`${name}: `, 'kind');
  return [label, span(safe(text))];
}

/** A text that moves nothing on a terminal. */
export function safe(text: string): string {
  return text.replaceAll(UNSAFE, '.');
}

function indented(value: unknown): readonly string[] {
  return JSON.stringify(value, undefined, 2).split('\n').map(safe);
}

/** The object or list that a text is in JSON; a number or a word alone is plain text. */
function jsonIn(text: string): object | undefined {
  // A number of so many digits would come back rounded.
  if (!/^\s*[[{]/.test(text) || /\d{16}/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // The parser says by exception what is an ordinary answer here: this is no JSON.
    return undefined;
  }
}
