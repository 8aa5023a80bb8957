import type { Cluster } from '../cluster/cluster-format.ts';
import { parseNodeId } from '../lib/brands.ts';
import { type LogOwner, readOwner } from '../logtools/diff-owner.ts';
import { dataDirectoryOf, type LogLocation } from '../logtools/locate.ts';
import { clusterAround } from './find-log.ts';

/** The cluster of the directory in which names are looked up. One that cannot be read hinders nobody who names paths. */
export async function knownCluster(dir: string | undefined): Promise<Cluster | undefined> {
  return await clusterAround(dir).catch(() => undefined);
}

/** Whose log it is: as its data directory says, else as the cluster does in whose directory it stands. */
export async function ownerOf(
  location: LogLocation,
  cluster: Cluster | undefined,
): Promise<LogOwner | undefined> {
  const owner = await readOwner(location);
  if (owner !== undefined || cluster === undefined) return owner;
  const directory = dataDirectoryOf(location);
  const id = parseNodeId(cluster.nodes.find(({ dataDir }) => dataDir === directory)?.id ?? '');
  if (id === undefined) return undefined;
  const initialVoters = cluster.initialPeers.flatMap((peer) => parseNodeId(peer.id) ?? []);
  return { id, clusterId: cluster.clusterId, incarnation: undefined, initialVoters, from: 'cluster' };
}

/** What a person calls a node: its name in the cluster, else its id. */
export function nodeName(cluster: Cluster | undefined, id: string): string {
  return cluster?.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
}
