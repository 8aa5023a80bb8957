import type { Configuration, Member } from '../../lib/configuration.ts';
import type { CoreEvent } from '../core/effects.ts';

/** What happened, as a sentence for whoever watches the node. */
export function describeEvent(event: CoreEvent): string {
  switch (event.type) {
    case 'role':
      return `${event.role} in term ${event.term}: ${event.reason}`;
    case 'leader':
      return `node ${event.leaderId} leads term ${event.term}`;
    case 'caughtUp':
      return `a leader has carried the log past index ${event.index}: this node votes again`;
    case 'configuration':
      return `the configuration at index ${event.index} is in force: ${describeConfiguration(event.configuration)}`;
    case 'removed':
      return `the configuration at index ${event.index} is without this node`;
  }
}

function describeConfiguration({ voters, oldVoters, learners }: Configuration): string {
  const parts = [oldVoters === null ? '' : `voters ${ids(oldVoters)} and`, `voters ${ids(voters)}`];
  if (learners.length > 0) parts.push(`and learners ${ids(learners)}`);
  return parts.filter((part) => part !== '').join(' ');
}

function ids(members: readonly Member[]): string {
  return members.map(({ id }) => id).join(', ');
}
