import type { NodeId } from '../../lib/brands.ts';
import type { Configuration, Member } from '../../lib/configuration.ts';

/** How many of so many voters make a majority. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * Whether those that `granted` names can decide: a majority of the voters and, in a joint configuration, a majority of
 * C_old's as well (§6, trap 11).
 */
export function isQuorum({ voters, oldVoters }: Configuration, granted: (id: NodeId) => boolean): boolean {
  return isMajority(voters, granted) && (oldVoters === null || isMajority(oldVoters, granted));
}

/**
 * The highest value that a quorum has reached: with matchIndex, what may be committed (§5.3); with the highest confirmed
 * request, what a majority still follows (dissertation 6.4). 0 where nobody votes.
 */
export function quorumValue({ voters, oldVoters }: Configuration, reachedBy: (id: NodeId) => number): number {
  const reached = majorityValue(voters, reachedBy);
  return oldVoters === null ? reached : Math.min(reached, majorityValue(oldVoters, reachedBy));
}

/** Whether a node votes and may lead: in a joint configuration C_old's voters do too. */
export function isVoter({ voters, oldVoters }: Configuration, id: NodeId): boolean {
  return contains(voters, id) || (oldVoters !== null && contains(oldVoters, id));
}

/** The ids of those who vote, each once; C_new's first. */
export function voterIds({ voters, oldVoters }: Configuration): ReadonlySet<NodeId> {
  return new Set([...voters, ...(oldVoters ?? [])].map(({ id }) => id));
}

/** Whether a list of members holds an id. */
export function contains(members: readonly Member[], id: NodeId): boolean {
  return members.some((member) => member.id === id);
}

/** Whether two lists of members name the same data directories at the same addresses. */
export function areSameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every((member, position) => isSameMember(member, b[position]));
}

/** Whether two lists hold the same ids. */
export function areSameIds(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every(({ id }) => contains(b, id));
}

function isSameMember(a: Member, b: Member | undefined): boolean {
  return b !== undefined && a.id === b.id && a.url === b.url && a.incarnation === b.incarnation;
}

function isMajority(voters: readonly Member[], granted: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const { id } of voters) if (granted(id)) count++;
  return count >= quorumSize(voters.length);
}

function majorityValue(voters: readonly Member[], reachedBy: (id: NodeId) => number): number {
  const values = voters.map(({ id }) => reachedBy(id)).sort((a, b) => b - a);
  return values[quorumSize(voters.length) - 1] ?? 0;
}
