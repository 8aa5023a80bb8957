import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../http/paths.ts';
import { parseSessionId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { problemWithPlace, type SessionPlace } from '../lib/session-command.ts';

const ALL = [HEADERS.session, HEADERS.sequence, HEADERS.acknowledged, HEADERS.sessionOpened] as const;

/** The headers of a command in a session. */
export function sessionHeaders(place: SessionPlace): Readonly<Record<string, string>> {
  return {
    [HEADERS.session]: place.session,
    [HEADERS.sequence]: String(place.sequence),
    [HEADERS.acknowledged]: String(place.acknowledgedBelow),
    [HEADERS.sessionOpened]: String(place.openedAtMs),
  };
}

/**
 * Where a command stands in its client's session, or undefined where it has none of the headers. Throws a `RaftError`
 * (`bad-request`) where it has some and they say no such thing: to pass over one would take the promise back.
 */
export function sessionPlaceIn(headers: IncomingHttpHeaders): SessionPlace | undefined {
  if (ALL.every((name) => headers[name] === undefined)) return undefined;
  const id = headers[HEADERS.session];
  const session = typeof id === 'string' ? parseSessionId(id) : undefined;
  if (session === undefined) throw malformed(`${HEADERS.session} is not 32 hexadecimal digits in lower case`);
  const place = {
    session,
    sequence: countIn(headers, HEADERS.sequence),
    acknowledgedBelow: countIn(headers, HEADERS.acknowledged),
    openedAtMs: countIn(headers, HEADERS.sessionOpened),
  };
  const problem = problemWithPlace(place);
  if (problem !== undefined) throw malformed(problem);
  return place;
}

function countIn(headers: IncomingHttpHeaders, name: string): number {
  const text = headers[name];
  if (typeof text !== 'string' || !/^(0|[1-9][0-9]{0,15})$/.test(text))
    throw malformed(`${name} is not an integer in decimal`);
  return Number(text);
}

function malformed(what: string): RaftError {
  return new RaftError('bad-request', `The command has no place in a session: ${what}.`, {
    suggestions: [`Send all of ${ALL.join(', ')}, or none of them.`],
  });
}
