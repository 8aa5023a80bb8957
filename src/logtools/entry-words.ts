import { assertNever } from '../lib/assert.ts';
import { strictTextOf } from '../lib/bytes.ts';
import type { Configuration, Member } from '../lib/configuration.ts';
import { counted, nounFor } from '../lib/counted.ts';
import type { Payload } from '../lib/entry.ts';
import { SEARCH_TEXT_CHARACTERS_MAX } from '../lib/limits.ts';
import type { KvCommand } from '../raft/machine/kv-command.ts';
import { kvCommandOf } from './expression/entry-values.ts';
import { previewOf, shortText } from './preview.ts';

/**
 * What an entry does, on one line of at most `charactersMax`, with what tells it from its neighbours at the beginning: a list
 * has little room. Whatever could move a terminal's cursor is a dot.
 */
export function briefWords(payload: Payload, charactersMax: number): string {
  if (payload.kind === 'configuration')
    return shortText(configurationWords(payload.configuration), charactersMax);
  const command = kvCommandOf(payload);
  if (command !== null) return shortText(kvWords(command), charactersMax);
  return 'command' in payload ? previewOf(payload.command, charactersMax) : '';
}

/**
 * What a list shows of an entry that its text does not say, each for an expression to match by itself: its words, and what
 * the protocol's own entries are called. That a command is one says nothing, since nearly every entry is.
 */
export function shownTexts(payload: Payload): readonly string[] {
  switch (payload.kind) {
    case 'noop':
      return [payload.kind, 'no-op'];
    case 'unknown':
      return [payload.kind];
    case 'configuration':
      return [payload.kind, configurationWords(payload.configuration)];
    case 'command':
    case 'session': {
      const command = kvCommandOf(payload);
      if (command !== null) return [kvWords(command)];
      const isText = strictTextOf(payload.command) !== undefined;
      return isText ? [] : [previewOf(payload.command, SEARCH_TEXT_CHARACTERS_MAX)];
    }
    default:
      return assertNever(payload, 'kind of entry');
  }
}

/** A command of the key-value machine in words. */
export function kvWords(command: KvCommand): string {
  const quoted = (text: string) => JSON.stringify(text);
  switch (command.op) {
    case 'put':
      return `put ${quoted(command.key)} = ${quoted(command.value)}`;
    case 'get':
    case 'delete':
      return `${command.op} ${quoted(command.key)}`;
    case 'cas': {
      const expect = command.expect === null ? 'does not exist' : `is ${quoted(command.expect)}`;
      return `cas ${quoted(command.key)} = ${quoted(command.value)} if it ${expect}`;
    }
    case 'list':
      return `list at most ${counted(command.limit, 'key')} with the prefix ${quoted(command.prefix)}`;
    default:
      return assertNever(command, 'operation');
  }
}

/** How many members there are goes first: identifiers are long, and two configurations begin with the same ones. */
export function configurationWords({ voters, oldVoters, learners }: Configuration): string {
  const counts = oldVoters === null ? [voters] : [oldVoters, voters];
  const votes = `${counts.map(({ length }) => length).join(' + ')} ${nounFor(voters.length, 'voter')}`;
  const learns = counted(learners.length, 'learner');
  const ids = counts.map(idsOf).join(' + ');
  return learners.length === 0 ? `${votes}: ${ids}` : `${votes}, ${learns}: ${ids}; ${idsOf(learners)}`;
}

function idsOf(members: readonly Member[]): string {
  return members.map(({ id }) => id).join(',');
}
