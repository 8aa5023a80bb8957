import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../http/paths.ts';
import { logIndex, term } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import type { CommandResult } from '../raft/ports.ts';

/** The result of a command as a node answers it: index and term stand in headers, which the original does not send. */
export function commandResultIn(headers: IncomingHttpHeaders, response: Uint8Array): CommandResult {
  const index = numberIn(headers[HEADERS.index]);
  const entryTerm = numberIn(headers[HEADERS.term]);
  return {
    index: index === undefined ? undefined : logIndex(index),
    term: entryTerm === undefined ? undefined : term(entryTerm),
    response,
  };
}

/** The error for a command that was sent and not answered; `what` is a sentence that says so. */
export function outcomeUnknown(what: string): RaftError {
  return new RaftError('outcome-unknown', `${what} The command may have been done, or may yet be.`, {
    suggestions: ['Look whether it was done before you send it again.'],
  });
}

/**
 * The error of a command that `who` answered with `error`. A node that failed in a way that was not foreseen may have
 * done so after the command was appended.
 */
export function outcomeAfter(who: string, error: RaftError): RaftError {
  return error.code === 'unexpected' ? outcomeUnknown(`${who} failed: ${error.message}`) : error;
}

function numberIn(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string' || !/^[0-9]+$/.test(header)) return undefined;
  const value = Number(header);
  return Number.isSafeInteger(value) ? value : undefined;
}
