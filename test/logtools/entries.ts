import { logIndex, nodeId, type SessionId, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Member } from '../../src/lib/configuration.ts';
import { type Entry, encodePayload } from '../../src/lib/entry.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';

/** What an entry of a test's log holds, in short: text is a command. */
export type Content = string | Uint8Array | { readonly noop: true } | SessionContent | ConfigurationContent;

export interface SessionContent {
  readonly session: number;
  readonly sequence: number;
  readonly text: string;
}

/** Members by their ids; `4@new` is the data directory of node 4 whose incarnation is `new`. */
export interface ConfigurationContent {
  readonly voters: readonly string[];
  readonly oldVoters?: readonly string[];
}

export const NOOP = { noop: true } as const;

/** Entries one after the other from `first` on, each with its term in front. */
export function entriesOf(
  contents: readonly (readonly [term: number, content: Content])[],
  first = 1,
): Entry[] {
  return contents.map(([entryTerm, content], i) => ({
    index: logIndex(first + i),
    term: term(entryTerm),
    command: commandOf(content),
  }));
}

/** The id of the session with a number. */
export function sessionOf(number: number): SessionId {
  return sessionIdOfBytes(new Uint8Array(16).fill(number));
}

function commandOf(content: Content): Uint8Array {
  if (typeof content === 'string') return utf8(content);
  if (content instanceof Uint8Array) return content;
  if ('noop' in content) return encodePayload({ kind: 'noop' });
  if ('session' in content) {
    const { sequence, text } = content;
    const place = {
      ...{ session: sessionOf(content.session), sequence, acknowledgedBelow: 1 },
      ...{ openedAtMs: 0, logTimeMs: 1 },
    };
    return encodePayload({ kind: 'session', place, command: utf8(text) });
  }
  const configuration = {
    voters: content.voters.map(memberOf),
    oldVoters: content.oldVoters?.map(memberOf) ?? null,
    learners: [],
  };
  return encodePayload({ kind: 'configuration', configuration });
}

function memberOf(text: string): Member {
  const [id = '', incarnation = null] = text.split('@');
  return { id: nodeId(id), url: null, incarnation };
}
