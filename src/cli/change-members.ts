import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '../api/client.ts';
import type { RaftClient } from '../api/client-types.ts';
import type { Membership } from '../api/membership-plan.ts';
import type { MemberStatus, NodeStatus } from '../api/schema.ts';
import { logIndex } from '../lib/brands.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { CLIENT_TIMEOUT_MS } from '../lib/limits.ts';
import type { MembershipResult, PeerAddress } from '../raft/ports.ts';
import { checkMembership } from '../raft/runtime/membership.ts';
import { type ClusterView, requireLeader, viewCluster } from './cluster-view.ts';
import type { FoundCluster } from './find-cluster.ts';

/** The members that somebody wants, made from those that there are. */
export type Plan = (view: ClusterView, leader: NodeStatus) => Promise<Membership>;

/** A change of members as it was asked for. */
export interface WantedChange {
  readonly found: FoundCluster;
  readonly plan: Plan;
  /** The plan depends on the members as they are, so it is made anew where somebody else has changed them meanwhile. */
  readonly isRelative: boolean;
  /** The index of the configuration that has to be in force; undefined where that does not matter. */
  readonly expect: number | undefined;
  readonly isForced: boolean;
  readonly timeoutMs: number;
}

/** A change that is done, or that was none. */
export interface ChangeDone {
  readonly index: number;
  readonly isChanged: boolean;
  readonly members: Membership;
  readonly view: ClusterView;
}

/** Goes along with a change while the leader is at it. */
export type Companion = <T>(client: RaftClient, view: ClusterView, change: () => Promise<T>) => Promise<T>;

/** How often a change is asked for where others change the members at the same time. */
const TRIES_MAX = 8;
const RETRY_MS = 500;

/** Where nobody said what became of a change, the cluster is looked at for this long, in milliseconds. */
const SETTLE_MS = 5_000;
const SETTLE_POLL_MS = 100;

/**
 * Has the cluster change its members, and waits until it is done. Errors: those of `RaftService.changeConfiguration`,
 * and those of the plan.
 */
export async function changeMembers(wanted: WantedChange, accompany: Companion): Promise<ChangeDone> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await changeOnce(wanted, accompany);
    } catch (error) {
      const mayTryAgain = wanted.isRelative && wanted.expect === undefined && isPassing(error);
      if (!mayTryAgain || attempt >= TRIES_MAX) throw error;
    }
    await delay(RETRY_MS);
  }
}

async function changeOnce(wanted: WantedChange, accompany: Companion): Promise<ChangeDone> {
  const { found, plan, isRelative, expect, isForced, timeoutMs } = wanted;
  const view = await viewCluster(found, leaderWaitMs(timeoutMs));
  const leader = requireLeader(view);
  const members = await plan(view, leader);
  checkMembership({ ...members, expectIndex: null, isForced });
  const expected = expect ?? (isRelative ? leader.configuration.index : undefined);
  if (expect === undefined && isInForce(leader, members))
    return { index: leader.configuration.index, isChanged: false, members, view };
  const request = {
    ...members,
    expectIndex: expected === undefined ? null : logIndex(expected),
    isForced,
  };
  const client = createClient({ servers: serversOf(view), timeoutMs });
  try {
    const result = await accompany(client, view, () => client.changeConfiguration(request, { timeoutMs }));
    return { index: result.index, isChanged: true, members, view };
  } catch (error) {
    const { index } = await resultAfter(asRaftError(error), found, members);
    return { index, isChanged: true, members, view };
  } finally {
    client.close();
  }
}

/** A leader is waited for no longer than by other commands: without one, nothing has been asked for yet. */
export function leaderWaitMs(timeoutMs: number): number {
  return Math.min(timeoutMs, CLIENT_TIMEOUT_MS);
}

/** Where the leader went on the way, the next one may have finished it: then it is done. Otherwise throws `error`. */
async function resultAfter(
  error: RaftError,
  found: FoundCluster,
  members: Membership,
): Promise<MembershipResult> {
  if (error.code !== 'outcome-unknown') throw error;
  const endMs = performance.now() + SETTLE_MS;
  while (performance.now() < endMs) {
    const { leader } = await viewCluster(found, SETTLE_MS);
    if (leader !== undefined && isInForce(leader, members))
      return { index: logIndex(leader.configuration.index) };
    if (leader?.configuration.phase === 'stable') break;
    await delay(SETTLE_POLL_MS);
  }
  throw error;
}

/** Whether these are the members already, and no change is under way. */
function isInForce({ configuration, members }: NodeStatus, wanted: Membership): boolean {
  const isPart = (part: MemberStatus['part'], addresses: readonly PeerAddress[]): boolean => {
    const having = members.filter((member) => member.part === part);
    return (
      having.length === addresses.length &&
      addresses.every(({ id, url }) => having.some((each) => each.id === id && each.url === (url ?? null)))
    );
  };
  const isStable = configuration.phase === 'stable';
  return isStable && isPart('voter', wanted.voters) && isPart('learner', wanted.learners);
}

/** Who answers knows the leader, whether it is in the list that the user gave or not. */
function serversOf({ answers }: ClusterView): readonly string[] {
  return answers.filter(({ status }) => status !== undefined).map(({ url }) => url);
}

/** Whether somebody else changes the members, or has just done so: the same may be asked for again. */
function isPassing(error: unknown): boolean {
  return error instanceof RaftError && (error.code === 'change-in-progress' || error.code === 'answered-no');
}
