import type { NodeId } from '../../lib/brands.ts';
import { membersOf } from '../../lib/configuration.ts';
import { type Entry, isMarked } from '../../lib/entry.ts';
import { type CoreState, otherMembers } from './state.ts';

/** Whether any other member speaks the original's protocol only. */
export function hasOriginalMember(state: CoreState): boolean {
  return otherMembers(state).some((id) => state.dialects.get(id) === 'original');
}

/**
 * Members that may be nodes of the original for all that this node knows: the original began the log, and nobody has met
 * them. Who joined by a change has been asked who it is, and stands in the configuration with its incarnation. A
 * configuration that is not joint was appended by a leader that had met all of its members.
 */
export function unmetMembers(state: CoreState): readonly NodeId[] {
  const hasChanged = state.configurations.some(
    ({ index, configuration }) => index > 0 && configuration.oldVoters === null,
  );
  if (hasChanged || !state.isBegunByOriginal) return [];
  return membersOf(state.configuration).flatMap(({ id, incarnation }) => {
    const isMet = id === state.options.id || incarnation !== null || state.dialects.has(id);
    return isMet ? [] : [id];
  });
}

/** The members that a change leads to, as far as it matters here. */
interface Wanted {
  readonly voters: readonly { readonly id: NodeId }[];
  readonly learners: readonly { readonly id: NodeId }[];
}

/**
 * Whether a change does no more than to take out the one voter that nobody has met: what it makes of the change's entries
 * is of no consequence, since it is no member afterwards.
 *
 * One that adds voters may be taken back on its way, and would leave it a member that has applied entries as commands. One
 * that takes out more voters would need what an original does not do, to win a majority of C_new too: of a C_new with one
 * voter less, any majority meets every majority of C_old that the original could win with, and does not listen to it.
 */
export function takesOut(
  { voters, learners }: Wanted,
  unmet: readonly NodeId[],
  before: readonly { readonly id: NodeId }[],
): boolean {
  const addsNone = voters.every(({ id }) => before.some((voter) => voter.id === id));
  const staying = [...voters, ...learners];
  return addsNone && voters.length >= before.length - 1 && !staying.some(({ id }) => unmet.includes(id));
}

/** Takes note of who began the log, where its first entry is appended. */
export function noteBeginning(state: CoreState, entries: readonly Entry[]): void {
  const first = entries.find(({ index }) => index === 1);
  if (first !== undefined) state.isBegunByOriginal = !isMarked(first.command);
}
