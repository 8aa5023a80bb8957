import { setTimeout as delay } from 'node:timers/promises';
import type { Membership } from '../api/membership-plan.ts';
import { askIdentity, type NodeIdentity } from '../api/node-identity.ts';
import type { NodeStatus } from '../api/schema.ts';
import { logIndex, nodeId } from '../lib/brands.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { takesOut } from '../raft/core/dialects.ts';
import type { PeerAddress } from '../raft/ports.ts';
import { checkIdentity, checkMembership } from '../raft/runtime/membership.ts';
import { changeRejection } from '../raft/runtime/refusals.ts';
import { leaderWaitMs, type WantedChange } from './change-members.ts';
import { type PreviewPhase, type PreviewVoter, previewPhases, riskIn } from './change-preview.ts';
import { type ClusterView, nameIn, requireLeader, viewCluster } from './cluster-view.ts';
import { type Failure, failureOf } from './failure.ts';

/** What a change would need, and whether it would go. */
export interface ChangePreview {
  /** The index of the configuration that it would begin from. */
  readonly index: number;
  readonly phases: readonly PreviewPhase[];
  readonly learners: readonly { readonly id: string; readonly name: string | null }[];
  /** Why it would be refused; null where it would go. */
  readonly refusal: Failure | null;
}

/** A leader that was just elected has not heard of everybody yet: then it is looked at once more, in milliseconds. */
const SETTLE_MS = 700;

/**
 * Finds out what a change would do, and changes nothing. Errors: `no-leader`, and those of the plan; that the change
 * would be refused is an answer.
 */
export async function previewChange(wanted: WantedChange): Promise<ChangePreview> {
  const preview = await previewOnce(wanted);
  if (preview.refusal?.code !== 'quorum-at-risk') return preview;
  await delay(SETTLE_MS);
  return previewOnce(wanted);
}

async function previewOnce(wanted: WantedChange): Promise<ChangePreview> {
  const view = await viewCluster(wanted.found, leaderWaitMs(wanted.timeoutMs));
  const leader = requireLeader(view);
  const members = await wanted.plan(view, leader);
  checkMembership({ ...members, expectIndex: null, isForced: false });
  const strangers = await identifyNew(leader, members);
  const before = leader.members
    .filter(({ part }) => part === 'voter' || part === 'leaving')
    .map(({ id, isHeard }) => voter(view, id, isHeard === true));
  const after = members.voters.map(({ id, url }) => {
    const member = leader.members.find((each) => each.id === id && each.url === (url ?? null));
    const alive = member === undefined ? strangers.get(id)?.type === 'answered' : member.isHeard === true;
    return voter(view, id, alive);
  });
  const phases = previewPhases(before, after);
  const refusal =
    refusalByLeader(leader, members, strangers, wanted.expect) ??
    (wanted.isForced ? undefined : riskIn(phases));
  return {
    index: leader.configuration.index,
    phases,
    learners: members.learners.map(({ id }) => ({ id, name: knownName(view, id) })),
    refusal: refusal === undefined ? null : failureOf(refusal),
  };
}

/** What became of asking a node that is new, or at a new address, who it is. */
type Asked =
  | { readonly type: 'answered'; readonly identity: NodeIdentity }
  | { readonly type: 'failed'; readonly error: RaftError };

async function identifyNew(
  leader: NodeStatus,
  { voters, learners }: Membership,
): Promise<ReadonlyMap<string, Asked>> {
  const isKnown = ({ id, url }: PeerAddress): boolean =>
    leader.members.some((member) => member.id === id && member.url === (url ?? null));
  const asked = [...voters, ...learners]
    .filter((address) => !isKnown(address))
    .map(async ({ id, url = '' }): Promise<readonly [string, Asked]> => {
      try {
        return [id, { type: 'answered', identity: await askIdentity(url) }];
      } catch (error) {
        return [id, { type: 'failed', error: asRaftError(error) }];
      }
    });
  return new Map(await Promise.all(asked));
}

/** What the leader would refuse before it looks at majorities, in its order. */
function refusalByLeader(
  leader: NodeStatus,
  { voters, learners }: Membership,
  strangers: ReadonlyMap<string, Asked>,
  expect: number | undefined,
): RaftError | undefined {
  for (const address of [...voters, ...learners]) {
    const asked = strangers.get(address.id);
    const problem = asked === undefined ? undefined : problemWith(address, asked, leader);
    if (problem !== undefined) return problem;
  }
  const { index, phase } = leader.configuration;
  if (leader.members.some(({ dialect }) => dialect === 'original'))
    return changeRejection({ reason: 'original-member' });
  const unmet = leader.members.filter(({ mayBeOriginal }) => mayBeOriginal).map(({ id }) => nodeId(id));
  const before = leader.members.filter(({ part }) => part === 'voter').map(({ id }) => ({ id: nodeId(id) }));
  if (unmet.length > 0 && !takesOut({ voters, learners }, unmet, before))
    return changeRejection({ reason: 'unmet-member', unmet });
  if (expect !== undefined && expect !== index)
    return changeRejection({ reason: 'expectation-failed', index: logIndex(index) });
  return phase === 'stable' ? undefined : changeRejection({ reason: 'change-in-progress' });
}

function problemWith(address: PeerAddress, asked: Asked, leader: NodeStatus): RaftError | undefined {
  if (asked.type === 'failed') return asked.error;
  const { id, clusterId, incarnation } = asked.identity;
  if (clusterId === null || incarnation === null) {
    return new RaftError(
      'unsupported',
      `Node ${id} at ${address.url ?? '?'} does not introduce itself: it is starting, or it speaks only the original protocol.`,
      { suggestions: ['Wait until it has started, or use a node of this program.'] },
    );
  }
  try {
    const own = { id: nodeId(leader.id), clusterId: leader.clusterId, incarnation: leader.incarnation };
    const known = leader.members.find((member) => member.id === id)?.incarnation ?? null;
    checkIdentity(address, { id, clusterId, incarnation }, own, known);
  } catch (error) {
    return asRaftError(error);
  }
  return undefined;
}

function voter(view: ClusterView, id: string, alive: boolean): PreviewVoter {
  return { id, name: knownName(view, id), alive };
}

function knownName(view: ClusterView, id: string): string | null {
  const name = nameIn(view, id);
  return name === id ? null : name;
}
