import { INDEX_ZERO, type LogIndex, type NodeId, TERM_ZERO } from '../../lib/brands.ts';
import { type Configuration, type Member, membersOf } from '../../lib/configuration.ts';
import type { LeaderHint } from '../../lib/errors.ts';
import { whoBlocks } from '../core/change.ts';
import { contains } from '../core/configuration.ts';
import { isConfigurationCommitted, latestConfiguration } from '../core/configuration-log.ts';
import { hasOriginalMember, unmetMembers } from '../core/dialects.ts';
import { lastTerm } from '../core/log.ts';
import type { CoreState } from '../core/state.ts';
import type { LogPosition, PeerMemory, Self } from '../ports.ts';
import type {
  ConfigurationPhase,
  MemberPart,
  ServiceConfiguration,
  ServiceMember,
  ServiceStatus,
} from '../service.ts';
import { knownIncarnation } from './membership.ts';

/** Where the log of a server ends; at its start for one that does not run yet. */
export function lastLogPosition(core: CoreState | undefined): LogPosition {
  return core === undefined
    ? { term: TERM_ZERO, index: INDEX_ZERO }
    : { term: lastTerm(core.log), index: core.log.lastIndex };
}

/** One server's view of itself, as its status shows it. */
export function describeServer(server: {
  readonly name: string;
  readonly core: CoreState;
  readonly self: Self;
  readonly peerMemory: PeerMemory;
  readonly lastApplied: LogIndex;
  readonly logTimeMs: number;
}): ServiceStatus {
  const { name, core, lastApplied, logTimeMs } = server;
  const unmet = unmetMembers(core);
  // Whether sessions can be used, the leader decides: what others have not met does not matter.
  const isRefused = hasOriginalMember(core) || (core.role === 'leader' && unmet.length > 0);
  return {
    id: core.options.id,
    name,
    role: core.role,
    term: core.currentTerm,
    votedFor: core.votedFor,
    leaderId: core.leaderId,
    leaderUrl: leaderHint(core)?.url ?? null,
    lastIndex: core.log.lastIndex,
    commitIndex: core.commitIndex,
    lastApplied,
    // The original would apply a session's entry like any command, so that the machines would part.
    logTimeMs: isRefused ? null : logTimeMs,
    members: membersOf(core.configuration).map((member) => ({
      ...describeMember(core, member),
      incarnation: knownIncarnation(member, server),
      mayBeOriginal: unmet.includes(member.id),
    })),
    configuration: describeConfiguration(core),
  };
}

/** Where the leader is, as far as this server knows. */
export function leaderHint(core: CoreState): LeaderHint | undefined {
  if (core.leaderId === null) return undefined;
  const url = membersOf(core.configuration).find(({ id }) => id === core.leaderId)?.url ?? null;
  return { id: core.leaderId, ...(url === null ? {} : { url }) };
}

function describeMember(
  core: CoreState,
  { id, url }: Member,
): Omit<ServiceMember, 'incarnation' | 'mayBeOriginal'> {
  return {
    id,
    url,
    part: partOf(core.configuration, id),
    isHeard: isHeard(core, id),
    matchIndex: matchIndexOf(core, id),
    dialect: core.dialects.get(id) ?? null,
  };
}

function partOf({ voters, oldVoters, learners }: Configuration, id: NodeId): MemberPart {
  if (oldVoters === null) return contains(learners, id) ? 'learner' : 'voter';
  if (contains(voters, id)) return contains(oldVoters, id) ? 'voter' : 'joining';
  return contains(oldVoters, id) ? 'leaving' : 'learner';
}

function isHeard(core: CoreState, id: NodeId): boolean | null {
  if (core.role !== 'leader') return null;
  if (id === core.options.id) return true;
  const contactMs = core.peers.get(id)?.contactMs ?? null;
  return contactMs !== null && core.nowMs - contactMs <= core.options.electionTimeoutMsMax;
}

function matchIndexOf(core: CoreState, id: NodeId): LogIndex | null {
  if (core.role !== 'leader') return null;
  return id === core.options.id ? core.durableIndex : (core.peers.get(id)?.matchIndex ?? null);
}

function describeConfiguration(core: CoreState): ServiceConfiguration {
  const phase = phaseOf(core);
  const behind = [...(core.change?.catchUps.keys() ?? [])];
  return {
    index: latestConfiguration(core).index,
    phase,
    waitsFor: phase === 'catching-up' ? behind : whoBlocks(core),
  };
}

function phaseOf(core: CoreState): ConfigurationPhase {
  const { configuration, configurations, change } = core;
  if (configuration.oldVoters !== null) return 'joint';
  if (isConfigurationCommitted(core)) return change === null ? 'stable' : 'catching-up';
  const before = configurations.at(-2)?.configuration;
  return before?.oldVoters === null ? 'adjusting' : 'new';
}
