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
  }
}
