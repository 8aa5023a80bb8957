import { setTimeout as delay } from 'node:timers/promises';
import type { NodeStatus } from '../api/schema.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { findProcess, type ProcessSource } from '../cluster/node-process.ts';
import { type Configuration, membersOf } from '../lib/configuration.ts';
import { RaftError } from '../lib/errors.ts';
import { readCommitHint } from '../logtools/commit-hint.ts';
import {
  type ConfigurationsSought,
  configurationsAfter,
  type FoundConfiguration,
  type LogPosition,
  lastConfiguration,
  lastPosition,
} from '../logtools/last-configuration.ts';
import { locateLog } from '../logtools/locate.ts';
import { quorumSize } from '../raft/core/configuration.ts';
import { followedLeader, isConfigurationCommitted } from './status-report.ts';
import { askCluster } from './statuses.ts';

/** Where those that answer can elect a leader, it is waited for this long, until it can tell of the members. */
const LEADER_WAIT_MS = 5_000;

/** Between two looks while nobody leads, in milliseconds. */
const LOOK_MS = 100;

/** A member, as far as it matters where it is. */
interface Located {
  readonly id: string;
  readonly url: string | null;
}

/** Members by a configuration that is known to be committed. */
export interface CommittedMembers {
  /** Of its entry; 0 for the one that the cluster was made with. Of what is committed, an index names one entry. */
  readonly index: bigint;
  readonly members: readonly Located[];
  /** A leader has the last word; a log may lack what has come since. */
  readonly saidBy: 'leader' | 'log';
}

/** What is known of who is a member and where, and from which index on it is open. */
export interface KnownMembers {
  /** Undefined where nothing says more than `cluster.json`. */
  readonly committed: CommittedMembers | undefined;
  /** What stands after this index may be committed or not; undefined where a leader has the last word. */
  readonly openAfter: bigint | undefined;
}

/** Configurations of a log of which nobody knows whether they are committed. */
interface OpenLog {
  readonly dataDir: string;
  readonly open: readonly FoundConfiguration[];
}

/** A node's member in a configuration. */
interface Place {
  readonly id: string;
  readonly url: string;
}

/**
 * The members by the last configuration that is known to be committed: by the leader's, else by the logs of the directory
 * up to their commit hints. One that is not known to be may never have been in force, however high its index is.
 */
export async function knownMembers(cluster: Cluster, source: ProcessSource): Promise<KnownMembers> {
  const leader = await leaderOf(cluster, source);
  if (leader === undefined || !isConfigurationCommitted(leader)) return await knownByLogs(cluster.nodes);
  const index = BigInt(leader.configuration.index);
  return { committed: { index, members: leader.members, saidBy: 'leader' }, openAfter: undefined };
}

/**
 * For each node that may have moved, where to: a configuration that may be committed has it elsewhere than `urlOf` says,
 * and its data has not seen that one. A commit hint lags behind by up to a second where a node was killed, and until the
 * cluster has decided, data that may be older must not vote.
 */
export async function possibleMoves(
  { nodes }: Cluster,
  openAfter: bigint,
  isElsewhere: (node: ClusterNode, url: string) => boolean,
): Promise<ReadonlyMap<string, string>> {
  const logs = await Promise.all(nodes.map(({ dataDir }) => openLogOf(dataDir, openAfter)));
  const moves = new Map<string, string>();
  const abandoned = new Map<string, boolean>();
  for (const found of logs.flatMap(({ open }) => open)) {
    for (const node of nodes) {
      const url = membersOf(found.configuration).find(({ id }) => id === node.id)?.url ?? node.url;
      const own = logs.find(({ dataDir }) => dataDir === node.dataDir);
      if (!isElsewhere(node, url) || (own !== undefined && holds(own, found))) continue;
      const key = `${found.term} ${found.index}`;
      if (!abandoned.has(key)) abandoned.set(key, await isAbandoned(found, logs));
      if (abandoned.get(key) === false) moves.set(node.id, url);
    }
  }
  return moves;
}

/**
 * Whether the data of a node has seen that it is at `url`, where the committed members have it: only then is it the data
 * that the node went on with there. It has where its log holds that very configuration, or the one that moved it, since
 * which others may have come that it lacks.
 */
export async function hasSeenMove(
  { nodes }: Cluster,
  { id, dataDir }: ClusterNode,
  url: string,
  committed: CommittedMembers,
): Promise<boolean> {
  // No log holds the configuration that the cluster was made with, and all nodes know it.
  if (committed.index === 0n) return true;
  const isThere = (configuration: Configuration): boolean => hasPlace(configuration, { id, url });
  const own = await configurationIn(dataDir, { through: committed.index, accepts: isThere });
  if (own === undefined || own.index === committed.index) return own !== undefined;
  for (const other of nodes.filter((node) => node.dataDir !== dataDir)) {
    const known = await configurationIn(other.dataDir, { through: committed.index });
    if (known === undefined || !isOf(known, committed)) continue;
    const read = await undefinedOnRefusal(
      lastConfiguration(other.dataDir, {
        ...{ through: committed.index, isWhole: true },
        accepts: (configuration) => !isThere(configuration),
      }).then((elsewhere) => ({ elsewhere })),
    );
    if (read === undefined) continue;
    const same = await configurationIn(other.dataDir, { through: own.index });
    return (read.elsewhere?.index ?? 0n) < own.index && same?.index === own.index;
  }
  return false;
}

/** Whether a node was a member once, by its own log. One that is still to be taken in is no member, and was not removed. */
export async function wasMember({ id, dataDir, joins }: ClusterNode): Promise<boolean> {
  if (joins === null) return true;
  const accepts = (configuration: Configuration): boolean =>
    membersOf(configuration).some((member) => member.id === id);
  return (await configurationIn(dataDir, { accepts })) !== undefined;
}

/**
 * A node that was started by hand is asked where it listens. A leader that is just being elected is waited for, and one
 * that was, until its configuration is committed: before the first entry of its term is, it knows of none.
 */
async function leaderOf(
  { clusterId, nodes }: Cluster,
  source: ProcessSource,
): Promise<NodeStatus | undefined> {
  const urls = await Promise.all(
    nodes.map(async (node) => {
      const process = await findProcess(node, source);
      return process.state === 'stopped' ? node.url : process.url;
    }),
  );
  const endMs = performance.now() + LEADER_WAIT_MS;
  for (;;) {
    const answers = await askCluster(urls);
    // At an address that a node has left, a node of another cluster may listen by now.
    const statuses = answers.flatMap(({ status }) => (status?.clusterId === clusterId ? [status] : []));
    const leader = followedLeader(statuses);
    const isSettled = leader === undefined ? !mayElect(statuses) : isConfigurationCommitted(leader);
    if (isSettled || performance.now() + LOOK_MS > endMs) return leader;
    await delay(LOOK_MS);
  }
}

/** Whether those that answer are a majority of the voters by what one of them says. */
function mayElect(statuses: readonly NodeStatus[]): boolean {
  const answering = new Set(statuses.map(({ id }) => id));
  return statuses.some(({ members }) => {
    const voters = members.filter(({ part }) => part !== 'learner');
    return voters.filter(({ id }) => answering.has(id)).length >= quorumSize(voters.length);
  });
}

/**
 * What is committed is the same in every log: the one that is known to be committed furthest has all that the others
 * have, so that one is gone through, and another only where that cannot be read: where it is damaged, or ends too early,
 * nobody can say what it has lost.
 */
async function knownByLogs(nodes: readonly ClusterNode[]): Promise<KnownMembers> {
  const logs = await Promise.all(
    nodes.map(async ({ dataDir }) => ({ dataDir, hint: (await undefinedOnRefusal(hintOf(dataDir))) ?? 0n })),
  );
  for (const { dataDir, hint } of logs.toSorted((a, b) => Number(b.hint - a.hint))) {
    if (hint === 0n) break;
    const read = await undefinedOnRefusal(
      lastConfiguration(dataDir, { through: hint, isWhole: true }).then((found) => ({ found })),
    );
    if (read === undefined) continue;
    const { found } = read;
    const committed: CommittedMembers | undefined = found && {
      ...{ index: found.index, members: membersOf(found.configuration), saidBy: 'log' },
    };
    return { committed, openAfter: hint };
  }
  return { committed: undefined, openAfter: 0n };
}

async function openLogOf(dataDir: string, openAfter: bigint): Promise<OpenLog> {
  return { dataDir, open: (await undefinedOnRefusal(configurationsAfter(dataDir, openAfter))) ?? [] };
}

/**
 * Whether a configuration was never committed: a majority of the logs lacks it, and each of these is more up to date than
 * those that have it, so that the cluster went on without it (§5.4.1).
 */
async function isAbandoned(found: FoundConfiguration, logs: readonly OpenLog[]): Promise<boolean> {
  const positions = await Promise.all(
    logs.map(async (log) => ({
      isHolder: holds(log, found),
      last: await undefinedOnRefusal(lastPosition(log.dataDir)),
    })),
  );
  const holders = positions.filter(({ isHolder }) => isHolder);
  const ahead = positions.filter(
    ({ isHolder, last }) => !isHolder && holders.every((holder) => isMoreUpToDate(last, holder.last)),
  );
  return ahead.length >= quorumSize(logs.length);
}

function holds({ open }: OpenLog, { term, index }: LogPosition): boolean {
  return open.some((found) => found.term === term && found.index === index);
}

/** Of a log that cannot be read, nobody knows how far it has come. */
function isMoreUpToDate(one: LogPosition | undefined, other: LogPosition | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.term === other.term ? one.index > other.index : one.term > other.term;
}

async function hintOf(dataDir: string): Promise<bigint> {
  return await readCommitHint(await locateLog(dataDir));
}

function configurationIn(
  dataDir: string,
  sought: ConfigurationsSought,
): Promise<FoundConfiguration | undefined> {
  return undefinedOnRefusal(lastConfiguration(dataDir, sought));
}

/** What is wrong with a log, its node says when it is started. */
async function undefinedOnRefusal<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof RaftError) return undefined;
    throw error;
  }
}

function hasPlace(configuration: Configuration, { id, url }: Place): boolean {
  return membersOf(configuration).some((member) => member.id === id && member.url === url);
}

/** Whether a configuration in a log is the committed one: then the log is the committed one up to there. */
function isOf({ index, configuration }: FoundConfiguration, committed: CommittedMembers): boolean {
  const { members } = committed;
  return (
    index === committed.index &&
    members.length === membersOf(configuration).length &&
    members.every(({ id, url }) => url !== null && hasPlace(configuration, { id, url }))
  );
}
