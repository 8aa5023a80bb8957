import { editCluster } from '../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { dirFlag } from '../cluster/names.ts';
import type { ProcessSource } from '../cluster/node-process.ts';
import { askNodeId } from '../cluster/probe.ts';
import { assertNever } from '../lib/assert.ts';
import { RaftError } from '../lib/errors.ts';
import {
  type CommittedMembers,
  hasSeenMove,
  knownMembers,
  possibleMoves,
  wasMember,
} from './committed-members.ts';

/** A node that the cluster looks for at another address than `cluster.json` has. */
interface Move {
  readonly node: ClusterNode;
  /** Where the cluster looks for it. */
  readonly url: string;
  /** Whether the data in this directory has seen the move, so that it is the data that the node went on with. */
  readonly isSeenHere: boolean;
}

/** A node that is not to be started, and why. */
export type LeftOut =
  /** `isRunning`: it answers at its new address. */
  | (Move & { readonly type: 'moved'; readonly isRunning: boolean })
  /** It may have moved: a configuration that its data has not seen has it at `url`, and may be committed. */
  | {
      readonly type: 'undecided';
      readonly node: ClusterNode;
      readonly url: string;
      /** The names of those that can decide it. */
      readonly others: readonly string[];
    }
  /** It is no member any more, and would stop again once it has heard of it. */
  | { readonly type: 'removed'; readonly node: ClusterNode };

/** A cluster whose nodes can be started where it says that they listen. */
export interface Settled {
  readonly cluster: Cluster;
  /** Those of the nodes that were to be started that must not be. */
  readonly leftOut: readonly LeftOut[];
}

/** Whoever is at a node's new address answers within this time, in milliseconds. */
const PROBE_TIMEOUT_MS = 1_000;

/**
 * The cluster with its nodes where the cluster looks for them, before `starting` ones of them are started. Nobody looks
 * for a node at its old address, and one that runs there beside its moved data would vote a second time. Where the data
 * here has seen the move, the node has only been started by hand meanwhile: its new address goes into `cluster.json`. Where
 * it has not, other data has gone on in its place, and the node is left out; also where it may have.
 */
export async function settleNodes(
  cluster: Cluster,
  starting: readonly ClusterNode[],
  source: ProcessSource,
): Promise<Settled> {
  const { committed, openAfter } = await knownMembers(cluster, source);
  const removed = committed === undefined ? [] : await removedAmong(starting, committed);
  const moves = committed === undefined ? [] : await movesOf(cluster, committed);
  const moved = moves.filter((move) => starting.includes(move.node) && !isStartedHere(move));
  const others = starting.filter((node) => moved.every((move) => move.node !== node));
  const undecided =
    openAfter === undefined ? [] : await undecidedAmong({ cluster, starting: others, moves }, openAfter);
  const leftOut = [...removed, ...(await Promise.all(moved.map(movedAway))), ...undecided];
  const urls = new Map(moves.filter(isStartedHere).map(({ node, url }) => [node.id, url]));
  if (urls.size === 0) return { cluster, leftOut };
  const settled = await editCluster(cluster, async (before) => ({
    ...before,
    nodes: before.nodes.map((node) => ({ ...node, url: urls.get(node.id) ?? node.url })),
  }));
  return { cluster: settled, leftOut };
}

/** Throws `configuration` where one of the nodes that are to be started must not be, and says how to go on. */
export function refuseLeftOut({ cluster, leftOut }: Settled, starting: readonly ClusterNode[]): void {
  const [first] = leftOut;
  if (first === undefined) return;
  const others = starting.filter(({ id }) => leftOut.every(({ node }) => node.id !== id));
  const names = others.map(({ name }) => name).join(' ');
  throw new RaftError('configuration', `${whyLeftOut(first)} No node was started.`, {
    suggestions: [
      ...whatToDo(cluster, first),
      ...(others.length === 0 || first.type === 'undecided'
        ? []
        : [`Start the others without it: raft cluster start ${names}${dirFlag(cluster.dir)}`]),
    ],
  });
}

/** Why a node is left out, in sentences that name it. */
export function whyLeftOut(left: LeftOut): string {
  const { name, url: old } = left.node;
  switch (left.type) {
    case 'removed':
      return `${name} was removed from the cluster: it is no member any more.`;
    case 'undecided':
      return `${name} may have moved: a configuration that its directory here has not seen has it at ${left.url}, and nobody knows yet whether that is committed.`;
    case 'moved': {
      const there = left.isRunning ? ` It runs at ${left.url}.` : '';
      const older = left.isSeenHere ? '' : ' What is in its directory here is older than that.';
      return `${name} has moved: the cluster looks for it at ${left.url}, and its directory here is for ${old}.${older}${there}`;
    }
    default:
      return assertNever(left);
  }
}

/** What to type next about a node that is left out, one line each. */
export function whatToDo(cluster: Cluster, left: LeftOut): readonly string[] {
  const { node, type } = left;
  const flag = dirFlag(cluster.dir);
  if (type === 'undecided') return waysToDecide(cluster, left);
  if (type === 'removed') return [`Take it out of the directory: raft cluster remove ${node.name}${flag}`];
  const { url, isSeenHere, isRunning } = left;
  const place = { url, dataDir: isSeenHere ? node.dataDir : 'DIR' };
  return [
    ...(isRunning ? [] : [`Start it there: ${runCommand(cluster, node, place)}`]),
    ...waysBack(cluster, left),
  ];
}

function waysToDecide(
  cluster: Cluster,
  { node, url, others }: LeftOut & { readonly type: 'undecided' },
): readonly string[] {
  const flag = dirFlag(cluster.dir);
  return [
    ...(others.length === 0
      ? []
      : [
          `Start the others first, so that the cluster decides: raft cluster start ${others.join(' ')}${flag}`,
          `Then again: raft cluster start ${node.name}${flag}`,
        ]),
    `If it went on there, start it there: ${runCommand(cluster, node, { url, dataDir: 'DIR' })}`,
  ];
}

/** Older data must not come back: it has forgotten votes. Then only another node can take its place here. */
function waysBack(cluster: Cluster, { node, isSeenHere, isRunning }: Move & { readonly isRunning: boolean }) {
  const { id, name, url, dataDir } = node;
  const flag = dirFlag(cluster.dir);
  if (!isSeenHere) {
    return [
      `${isRunning ? 'To' : 'Or'} take it out of the cluster: raft cluster remove ${name}${flag}`,
      `Then add another one in its place: raft cluster add${flag}`,
    ];
  }
  const back = isRunning
    ? 'To move it back, stop it there, and start it here'
    : 'Or move it back, and start it';
  return [
    `${back}: ${runCommand(cluster, node, { url, dataDir })}`,
    `Then tell the cluster: raft config add ${id}=${url}${flag}`,
  ];
}

/** Only a leader has the last word on who is a member. */
async function removedAmong(
  starting: readonly ClusterNode[],
  { members, saidBy }: CommittedMembers,
): Promise<readonly LeftOut[]> {
  if (saidBy !== 'leader') return [];
  const outside = starting.filter(({ id }) => !members.some((member) => member.id === id));
  const were = await Promise.all(outside.map(wasMember));
  return outside.filter((_, position) => were[position]).map((node) => ({ type: 'removed', node }));
}

/** Those that may have moved from where they are to be started. */
async function undecidedAmong(
  {
    cluster,
    starting,
    moves,
  }: {
    readonly cluster: Cluster;
    readonly starting: readonly ClusterNode[];
    readonly moves: readonly Move[];
  },
  openAfter: bigint,
): Promise<readonly LeftOut[]> {
  const placeOf = (node: ClusterNode): string => moves.find((move) => move.node === node)?.url ?? node.url;
  const possible = await possibleMoves(cluster, openAfter, (node, url) => !isSamePlace(url, placeOf(node)));
  const isAway = ({ id }: ClusterNode): boolean =>
    possible.has(id) || moves.some((move) => move.node.id === id && !isStartedHere(move));
  const others = cluster.nodes.filter((node) => !isAway(node)).map(({ name }) => name);
  return starting.flatMap((node) => {
    const url = possible.get(node.id);
    return url === undefined ? [] : [{ type: 'undecided', node, url, others }];
  });
}

function movesOf(cluster: Cluster, committed: CommittedMembers): Promise<readonly Move[]> {
  const moves = cluster.nodes.flatMap((node) => {
    const url = committed.members.find(({ id }) => id === node.id)?.url ?? node.url;
    return isSamePlace(url, node.url) ? [] : [{ node, url }];
  });
  return Promise.all(
    moves.map(async ({ node, url }) => {
      return { node, url, isSeenHere: await hasSeenMove(cluster, node, url, committed) };
    }),
  );
}

async function movedAway(move: Move): Promise<LeftOut> {
  const isRunning = (await askNodeId(move.url, PROBE_TIMEOUT_MS)) === move.node.id;
  return { type: 'moved', ...move, isRunning };
}

/** The loopback address has two names in use, and a node that is known by either has not moved. */
function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [new URL(one), new URL(other)];
  return a.origin === b.origin || (a.port === b.port && isLoopback(a) && isLoopback(b));
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === '127.0.0.1' || hostname === 'localhost';
}

/** Whether the node is to be started by its cluster directory: with its data, and on the address of such nodes. */
function isStartedHere({ url, isSeenHere }: Move): boolean {
  const parsed = new URL(url);
  return isSeenHere && parsed.port !== '' && isLoopback(parsed);
}

function runCommand(
  { machine }: Cluster,
  { id, name }: ClusterNode,
  { url, dataDir }: { readonly url: string; readonly dataDir: string },
): string {
  const machineFlag = machine === 'kv' ? '' : ` --machine ${machine}`;
  const { hostname, port } = new URL(url);
  return `raft node run --id ${id} --name ${name} --data-dir ${dataDir} --listen ${hostname}:${port || 80}${machineFlag}`;
}
