import type { LogIndex, NodeId } from '../../lib/brands.ts';
import type { LeaderHint } from '../../lib/errors.ts';
import { type CoreState, hasOriginalMember } from '../core/state.ts';
import type { PeerAddress } from '../ports.ts';
import type { ServiceStatus } from '../service.ts';

/** One server's view of itself, as its status shows it. */
export function describeServer(server: {
  readonly name: string;
  readonly core: CoreState;
  readonly lastApplied: LogIndex;
  readonly logTimeMs: number;
  readonly members: readonly PeerAddress[];
}): ServiceStatus {
  const { name, core, lastApplied, logTimeMs, members } = server;
  return {
    id: core.options.id,
    name,
    role: core.role,
    term: core.currentTerm,
    votedFor: core.votedFor,
    leaderId: core.leaderId,
    leaderUrl: leaderHint(core, members)?.url ?? null,
    lastIndex: core.log.lastIndex,
    commitIndex: core.commitIndex,
    lastApplied,
    // The original would apply a session's entry like any command, so that the machines would part.
    logTimeMs: hasOriginalMember(core) ? null : logTimeMs,
    members: members.map(({ id, url }) => ({
      id,
      url: url ?? null,
      matchIndex: matchIndexOf(core, id),
      dialect: core.dialects.get(id) ?? null,
    })),
  };
}

/** Where the leader is, as far as this server knows. */
export function leaderHint(core: CoreState, members: readonly PeerAddress[]): LeaderHint | undefined {
  if (core.leaderId === null) return undefined;
  const url = members.find((member) => member.id === core.leaderId)?.url;
  return { id: core.leaderId, ...(url === undefined ? {} : { url }) };
}

function matchIndexOf(core: CoreState, id: NodeId): LogIndex | null {
  if (core.role !== 'leader') return null;
  return id === core.options.id ? core.durableIndex : (core.peers.get(id)?.matchIndex ?? null);
}
