import { errorIn } from '../http/error-body.ts';
import type { Exchange } from '../http/exchange.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import type { CommandResult } from '../raft/ports.ts';
import { commandResultIn, outcomeAfter, outcomeUnknown } from './command-answer.ts';

/** What an exchange means for a call: it is done, or it certainly is not and may be tried again. */
export type Verdict<T> =
  | { readonly type: 'done'; readonly value: T }
  | { readonly type: 'again'; readonly error: RaftError };

/** With these a node says that it has not done and will not do what it was asked; another, or later, may. */
const CERTAINLY_NOT_DONE: ReadonlySet<RaftErrorCode> = new Set([
  'no-leader',
  'not-leader',
  'unreachable',
  'too-many',
  'stopping',
]);

/** Judges the answer to a command. Throws where it must not be sent again. */
export function verdictOnCommand(server: string, outcome: Exchange): Verdict<CommandResult> {
  if (outcome.type === 'failed') {
    if (!outcome.sent) return { type: 'again', error: unreachable(server, outcome.reason) };
    throw outcomeUnknown(`${server} did not answer: ${outcome.reason}.`);
  }
  const { status, headers, body } = outcome;
  if (status === 200) return { type: 'done', value: commandResultIn(headers, body) };
  const error = errorIn(body);
  if (error === undefined) {
    throw status >= 500
      ? outcomeUnknown(`${server} answered with status ${status} alone.`)
      : noNode(server, status);
  }
  if (CERTAINLY_NOT_DONE.has(error.code)) return { type: 'again', error };
  throw outcomeAfter(server, error);
}

/** What an exchange means for a command in a session, which can be tried again also where nobody knows. */
export type SessionVerdict =
  | Verdict<CommandResult>
  /** This try may have been done, or may yet be. */
  | { readonly type: 'doubtful'; readonly error: RaftError }
  /** This try was not applied: the session, or the answer to an earlier try, is not kept any more. */
  | { readonly type: 'expired'; readonly error: RaftError }
  /** This try was not applied: no session can be used there. */
  | { readonly type: 'unsupported'; readonly error: RaftError };

/** Judges the answer to a command in a session. Throws where another try would get the same. */
export function verdictInSession(server: string, outcome: Exchange): SessionVerdict {
  if (outcome.type === 'failed') {
    if (!outcome.sent) return { type: 'again', error: unreachable(server, outcome.reason) };
    const error = outcomeUnknown(`${server} did not answer: ${outcome.reason}.`);
    if (outcome.cause === 'too-long') throw error;
    return { type: 'doubtful', error };
  }
  const { status, headers, body } = outcome;
  if (status === 200) return { type: 'done', value: commandResultIn(headers, body) };
  const error = errorIn(body);
  if (error === undefined) {
    if (status === 404) return { type: 'unsupported', error: noNode(server, status) };
    if (status < 500) throw noNode(server, status);
    return { type: 'doubtful', error: outcomeUnknown(`${server} answered with status ${status} alone.`) };
  }
  if (CERTAINLY_NOT_DONE.has(error.code)) return { type: 'again', error };
  switch (error.code) {
    case 'unexpected':
    case 'outcome-unknown':
      return { type: 'doubtful', error: outcomeAfter(server, error) };
    case 'session-expired':
      return { type: 'expired', error };
    case 'unsupported':
    case 'not-found':
      return { type: 'unsupported', error };
    default:
      throw error;
  }
}

/** With these a node says that it does not lead, so that the leader has not been asked yet. */
const NOT_ASKED: ReadonlySet<RaftErrorCode> = new Set(['no-leader', 'not-leader', 'stopping']);

/** Judges the answer to a request that changes the cluster itself. Throws what the leader says to it. */
export function verdictOnAdministration<T>(
  server: string,
  outcome: Exchange,
  resultIn: (body: Uint8Array) => T,
): Verdict<T> {
  if (outcome.type === 'failed') {
    if (!outcome.sent) return { type: 'again', error: unreachable(server, outcome.reason) };
    throw new RaftError(
      'outcome-unknown',
      `${server} did not answer: ${outcome.reason}. It may be done yet.`,
      {
        suggestions: ['raft config get   # says what is in force, and what is under way'],
      },
    );
  }
  if (outcome.status === 200) return { type: 'done', value: resultIn(outcome.body) };
  const error = errorIn(outcome.body);
  if (error === undefined) throw noNode(server, outcome.status);
  if (NOT_ASKED.has(error.code)) return { type: 'again', error };
  throw error;
}

/** Judges the answer to a query, which may always be tried again. Throws where that is of no use. */
export function verdictOnQuery(server: string, outcome: Exchange): Verdict<Uint8Array> {
  if (outcome.type === 'failed') {
    if (outcome.cause === 'too-long') throw new RaftError('too-large', `${server}: ${outcome.reason}.`);
    return { type: 'again', error: unreachable(server, outcome.reason) };
  }
  const { status, body } = outcome;
  if (status === 200) return { type: 'done', value: body };
  const error = errorIn(body);
  if (error === undefined) throw noNode(server, status);
  if (CERTAINLY_NOT_DONE.has(error.code) || error.code === 'outcome-unknown') return { type: 'again', error };
  throw error;
}

/** The error for a server that does not answer. */
export function unreachable(server: string, reason: string): RaftError {
  return new RaftError('unreachable', `${server} does not answer: ${reason}.`, {
    suggestions: ['See which nodes answer: raft status', 'Start those that are down: raft cluster start'],
  });
}

/** The error for what answers like another program. */
export function noNode(server: string, status: number): RaftError {
  return new RaftError(
    'unsupported',
    `What answers at ${server} (status ${status}) is not a node of this program.`,
    {
      suggestions: ['Check the address.'],
    },
  );
}
