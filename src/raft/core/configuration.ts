import { compareNodeIds, type NodeId } from '../../lib/brands.ts';

/** The members that vote and count (§6). */
export interface Configuration {
  readonly voters: readonly NodeId[];
}

/** A configuration with its members in the order of their ids, each once. */
export function configuration(voters: readonly NodeId[]): Configuration {
  return { voters: [...new Set(voters)].sort(compareNodeIds) };
}

/** How many voters make a majority. */
export function quorumSize(members: Configuration): number {
  return Math.floor(members.voters.length / 2) + 1;
}

/** Whether the voters that `granted` names are a majority. */
export function isQuorum(members: Configuration, granted: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const id of members.voters) if (granted(id)) count++;
  return count >= quorumSize(members);
}

/**
 * The highest value that a majority of voters has reached: with matchIndex, what may be committed (§5.3); with the
 * highest confirmed request, what a majority still follows (dissertation 6.4).
 */
export function quorumValue(members: Configuration, reachedBy: (id: NodeId) => number): number {
  const values = members.voters.map(reachedBy).sort((a, b) => b - a);
  return values[quorumSize(members) - 1] ?? 0;
}
