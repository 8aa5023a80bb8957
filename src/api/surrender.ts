import { assertNever } from '../lib/assert.ts';
import { RaftError } from '../lib/errors.ts';
import type { Patience } from './patience.ts';

/** What was asked for: only a command changes anything, so only of a command is it worth saying that it was not done. */
export type Call = 'command' | 'change' | 'transfer' | 'read' | 'stale read' | 'leader';

/**
 * Why a call is given up; `last` is the last reason to try again. It says how many servers answered, because a leader
 * needs a majority of them.
 */
export function surrender(call: Call, patience: Patience, last: RaftError | undefined): RaftError {
  if (last?.code === 'too-many' || last?.code === 'session-expired') return last;
  const { timeoutMs, turnout } = patience;
  const answered = turnout === undefined ? [] : [`${turnout.answered} of ${turnout.asked} servers answered`];
  const majority = "a leader needs a majority of the cluster's nodes";
  const facts = call === 'stale read' ? answered : [...answered, majority];
  const because = facts.length === 0 ? '' : `: ${facts.join(', and ')}`;
  return new RaftError(
    call === 'stale read' ? 'unreachable' : 'no-leader',
    `${whatFailed(call, timeoutMs)}${because}.`,
    {
      suggestions: [
        'See which nodes answer: raft status',
        'Start those that are down: raft cluster start NODE',
      ],
      cause: last,
    },
  );
}

/** The error of a call that its caller has called off between two attempts. */
export function calledOff(call: Call): RaftError {
  const outcome = call === 'command' ? ', and was not done' : '';
  return new RaftError('stopping', `The request was called off${outcome}.`);
}

function whatFailed(call: Call, timeoutMs: number): string {
  switch (call) {
    case 'command':
      return `No leader took the request within ${timeoutMs} ms, and it was not done`;
    case 'change':
    case 'transfer':
      return `No leader took the request within ${timeoutMs} ms, and nothing was changed`;
    case 'read':
      return `No leader answered the read within ${timeoutMs} ms`;
    case 'stale read':
      return `No server answered the read within ${timeoutMs} ms`;
    case 'leader':
      return `No leader was found within ${timeoutMs} ms`;
    default:
      return assertNever(call, 'call');
  }
}
