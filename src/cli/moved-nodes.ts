import { editCluster } from '../cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../cluster/cluster-format.ts';
import { dirFlag } from '../cluster/names.ts';
import { membersOf } from '../lib/configuration.ts';
import { RaftError } from '../lib/errors.ts';
import { type FoundConfiguration, lastConfiguration } from '../logtools/last-configuration.ts';
import { viewOf } from './cluster-view.ts';
import { askCluster } from './statuses.ts';

/** A node that the cluster looks for at another address than `cluster.json` has. */
interface Move {
  readonly node: ClusterNode;
  /** Where the cluster looks for it. */
  readonly url: string;
  /** Whether the data in this directory has seen the move, so that it is the data that the node went on with. */
  readonly isSeenHere: boolean;
}

/** A node's member in a configuration, as far as this needs it. */
interface Located {
  readonly id: string;
  readonly url: string | null;
}

/**
 * The cluster with its nodes where the cluster looks for them, before `starting` ones of them are started. Nobody looks
 * for a node at its old address, and one that runs there beside its moved data would vote a second time. Where the data
 * here has seen the move, the node has only been started by hand meanwhile: its new address goes into `cluster.json`. Where
 * it has not, other data has gone on in its place, and `configuration` is thrown for it.
 */
export async function settleAddresses(cluster: Cluster, starting: readonly ClusterNode[]): Promise<Cluster> {
  const moves = await movesOf(cluster);
  const stranded = moves.find((move) => starting.includes(move.node) && !isStartedHere(move));
  if (stranded !== undefined) throw movedAway(cluster, starting, stranded);
  const urls = new Map(moves.filter(isStartedHere).map(({ node, url }) => [node.id, url]));
  if (urls.size === 0) return cluster;
  return await editCluster(cluster, async (before) => ({
    ...before,
    nodes: before.nodes.map((node) => ({ ...node, url: urls.get(node.id) ?? node.url })),
  }));
}

async function movesOf(cluster: Cluster): Promise<readonly Move[]> {
  const members = await membersNow(cluster);
  const moves = cluster.nodes.flatMap((node) => {
    const url = members.find(({ id }) => id === node.id)?.url ?? node.url;
    return isSamePlace(url, node.url) ? [] : [{ node, url }];
  });
  return Promise.all(
    moves.map(async ({ node, url }) => {
      const own = locatedIn(await configurationOf(node));
      return { node, url, isSeenHere: own.some((member) => member.id === node.id && member.url === url) };
    }),
  );
}

/** The members by the leader's configuration; without one, by the newest that those who answer or the logs here have. */
async function membersNow({ nodes }: Cluster): Promise<readonly Located[]> {
  const { leader, source } = viewOf(await askCluster(nodes.map(({ url }) => url)), []);
  if (leader !== undefined) return leader.members;
  const logs = (await Promise.all(nodes.map(configurationOf))).filter((found) => found !== undefined);
  const newest = logs.toSorted((a, b) => Number(b.index - a.index))[0];
  if (source === undefined) return locatedIn(newest);
  return newest !== undefined && newest.index > source.configuration.index
    ? locatedIn(newest)
    : source.members;
}

/** What is wrong with a log, its node says when it is started. */
function configurationOf({ dataDir }: ClusterNode): Promise<FoundConfiguration | undefined> {
  return lastConfiguration(dataDir).catch((error: unknown) => {
    if (error instanceof RaftError) return undefined;
    throw error;
  });
}

function locatedIn(found: FoundConfiguration | undefined): readonly Located[] {
  return found === undefined ? [] : membersOf(found.configuration);
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

function movedAway(cluster: Cluster, starting: readonly ClusterNode[], move: Move): RaftError {
  const { node, url, isSeenHere } = move;
  const flag = dirFlag(cluster.dir);
  const others = starting.filter((each) => each !== node).map(({ name }) => name);
  const why = isSeenHere ? '' : ' What is in its directory here is older than that.';
  return new RaftError(
    'configuration',
    `${node.name} has moved: the cluster looks for it at ${url}, and its directory here is for ${node.url}.${why} No node was started.`,
    {
      suggestions: [
        `Start it there: ${runCommand(cluster, node, { url, dataDir: isSeenHere ? node.dataDir : 'DIR' })}`,
        ...waysBack(cluster, move),
        ...(others.length === 0
          ? []
          : [`Start the others without it: raft cluster start ${others.join(' ')}${flag}`]),
      ],
    },
  );
}

/** Older data must not come back: it has forgotten votes. Then only another node can take its place here. */
function waysBack(cluster: Cluster, { node, isSeenHere }: Move): readonly string[] {
  const { name, url, dataDir } = node;
  const flag = dirFlag(cluster.dir);
  if (!isSeenHere) return [`Or make another in its place: raft cluster remove ${name}${flag}`];
  return [
    `Or move it back, and start it: ${runCommand(cluster, node, { url, dataDir })}`,
    `Then tell the cluster: raft config add ${node.id}=${url}${flag}`,
  ];
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
