import { logIndex, type NodeId, nodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import type { MembershipRequest, PeerAddress } from '../raft/ports.ts';
import type { MemberStatus, NodeStatus } from './schema.ts';

/** The membership that a change is to lead to: who votes and who learns. */
export interface Membership {
  readonly voters: readonly PeerAddress[];
  readonly learners: readonly PeerAddress[];
}

/** The members as the leader's status has them, between two changes. Throws `change-in-progress` within one. */
export function membershipOf(status: NodeStatus): Membership {
  const { phase } = status.configuration;
  if (phase !== 'stable') {
    throw new RaftError('change-in-progress', `A change of members is under way (${phase}).`, {
      suggestions: ['raft config get   # says how far it is, and whom it waits for'],
    });
  }
  return { voters: addressesOf(status, 'voter'), learners: addressesOf(status, 'learner') };
}

/** With one more member, or one that is there already in another part. */
export function withMember(
  { voters, learners }: Membership,
  member: PeerAddress,
  part: 'voter' | 'learner',
): Membership {
  const others = {
    voters: voters.filter(({ id }) => id !== member.id),
    learners: learners.filter(({ id }) => id !== member.id),
  };
  return part === 'voter'
    ? { ...others, voters: [...others.voters, member] }
    : { ...others, learners: [...others.learners, member] };
}

/** With a learner as a voter. One that votes already goes on voting. Throws `usage` where it is no member. */
export function withPromoted(membership: Membership, id: NodeId): Membership {
  const learner = membership.learners.find((member) => member.id === id);
  if (learner !== undefined) return withMember(membership, learner, 'voter');
  if (membership.voters.some((member) => member.id === id)) return membership;
  throw noMember(id);
}

/** Without a member. Throws `usage` where it is none. */
export function withoutMember({ voters, learners }: Membership, id: NodeId): Membership {
  if (![...voters, ...learners].some((member) => member.id === id)) throw noMember(id);
  return {
    voters: voters.filter((member) => member.id !== id),
    learners: learners.filter((member) => member.id !== id),
  };
}

/** The request for a membership, for the configuration that `status` shows and no other. */
export function membershipRequest(
  status: NodeStatus,
  { voters, learners }: Membership,
  isForced: boolean,
): MembershipRequest {
  return { voters, learners, expectIndex: logIndex(status.configuration.index), isForced };
}

function addressesOf({ members }: NodeStatus, part: MemberStatus['part']): readonly PeerAddress[] {
  return members
    .filter((member) => member.part === part)
    .map(({ id, url }) => ({ id: nodeId(id), url: url ?? undefined }));
}

function noMember(id: NodeId): RaftError {
  return new RaftError('usage', `Node ${id} is no member of this cluster.`, {
    suggestions: ['raft config get   # names the members'],
  });
}
