import { assertNever } from '../lib/assert.ts';
import { strictTextOf } from '../lib/bytes.ts';
import type { Configuration, Member } from '../lib/configuration.ts';
import type { Payload } from '../lib/entry.ts';

/** What an entry says as text, or undefined where it says nothing that is text. */
export function readableText(payload: Payload): string | undefined {
  switch (payload.kind) {
    case 'command':
    case 'session':
      return strictTextOf(payload.command);
    case 'configuration':
      return readableConfiguration(payload.configuration);
    case 'noop':
    case 'unknown':
      return undefined;
    default:
      return assertNever(payload, 'kind of entry');
  }
}

/** Who is a member: `voters 1,2,3 learners 4`, or, while two configurations decide together, `voters 1,2,3 + 3,4,5`. */
function readableConfiguration({ voters, oldVoters, learners }: Configuration): string {
  const old = oldVoters === null ? '' : `${idsOf(oldVoters)} + `;
  return `voters ${old}${idsOf(voters)}${learners.length === 0 ? '' : ` learners ${idsOf(learners)}`}`;
}

function idsOf(members: readonly Member[]): string {
  return members.length === 0 ? 'none' : members.map(({ id }) => id).join(',');
}
