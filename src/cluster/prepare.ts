import { RaftError } from '../lib/errors.ts';
import { createCluster, readCluster } from './cluster-file.ts';
import type { Cluster, ClusterNode } from './cluster-format.ts';
import { dirFlag } from './names.ts';
import { findProcess, type ProcessSource } from './node-process.ts';
import { portOwner } from './port-owner.ts';
import { freePorts, isPortFree } from './probe.ts';

/** What `raft cluster up` was asked for. Where a value is undefined, an existing cluster keeps its own. */
export interface ClusterRequest {
  readonly dir: string;
  /** Number of nodes, 1 to `MEMBERS_MAX`. */
  readonly count: number | undefined;
  /** The first node's port; the others follow. 0 takes ports that are free. */
  readonly basePort: number | undefined;
  readonly machine: string | undefined;
}

/** What a new cluster gets where nothing else is asked for. */
export const CLUSTER_DEFAULTS = { count: 5, basePort: 7600, machine: 'kv' } as const;

const PORT_MAX = 65_535;

/** Finds out where the nodes of a cluster that has run before are to listen, and returns the cluster with that. */
export type SettleAddresses = (cluster: Cluster) => Promise<Cluster>;

/**
 * The cluster of the directory, made now if there is none, with nothing in the way of starting all of its nodes.
 * Errors: those of `settle`. Throws `already-running` or `address-in-use` (73) where something is, `configuration` (78) where the directory is
 * another's or the cluster in it is not the one that was asked for.
 */
export async function prepareCluster(
  request: ClusterRequest,
  source: ProcessSource,
  settle: SettleAddresses,
): Promise<Cluster> {
  const existing = await readCluster(request.dir);
  if (existing === undefined) return newCluster(request);
  assertSameCluster(existing, request);
  await assertNothingRuns(existing, source);
  const settled = await settle(existing);
  await assertAddressesFree(settled.nodes);
  return settled;
}

/** Throws `address-in-use` (73) where another process listens at the address of one of the nodes. */
export function assertAddressesFree(nodes: readonly ClusterNode[]): Promise<void> {
  return assertPortsFree(nodes.map(portOf));
}

async function newCluster(request: ClusterRequest): Promise<Cluster> {
  const count = request.count ?? CLUSTER_DEFAULTS.count;
  const ports = await choosePorts(count, request.basePort ?? CLUSTER_DEFAULTS.basePort);
  return createCluster(request.dir, { machine: request.machine ?? CLUSTER_DEFAULTS.machine, ports });
}

async function choosePorts(count: number, basePort: number): Promise<readonly number[]> {
  if (basePort === 0) return freePorts(count);
  if (basePort + count - 1 > PORT_MAX) {
    throw new RaftError(
      'usage',
      `${count} nodes from port ${basePort} on would need ports above ${PORT_MAX}.`,
    );
  }
  const ports = Array.from({ length: count }, (_, position) => basePort + position);
  await assertPortsFree(ports);
  return ports;
}

function assertSameCluster(cluster: Cluster, { count, basePort, machine }: ClusterRequest): void {
  const different = (what: string): RaftError =>
    new RaftError('configuration', `${cluster.dir} holds a cluster ${what}.`, {
      suggestions: [
        `Go on with it: raft cluster up${dirFlag(cluster.dir)}`,
        'Or make another cluster in another directory: add --dir DIR and --base-port 0.',
      ],
    });
  // Whoever repeats the command that made the cluster means it, also where nodes have come or gone since.
  const sizes = [cluster.nodes.length, cluster.initialPeers.length];
  if (count !== undefined && !sizes.includes(count))
    throw different(`of ${nodes(cluster.nodes.length)}, not of ${nodes(count)}`);
  if (machine !== undefined && machine !== cluster.machine) {
    throw different(`that runs the machine "${cluster.machine}", not "${machine}"`);
  }
  const first = cluster.initialPeers[0];
  if (basePort !== undefined && basePort !== 0 && first !== undefined && portOf(first) !== basePort) {
    throw different(`whose ports begin at ${portOf(first)}, not at ${basePort}`);
  }
}

function nodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

async function assertNothingRuns(cluster: Cluster, source: ProcessSource): Promise<void> {
  const processes = await Promise.all(cluster.nodes.map((node) => findProcess(node, source)));
  const alive = cluster.nodes.filter((_, position) => processes[position]?.state !== 'stopped');
  if (alive.length === 0) return;
  const flag = dirFlag(cluster.dir);
  const all = alive.length === cluster.nodes.length;
  const names = alive.map((node) => node.name).join(', ');
  const verb = alive.length === 1 ? 'runs' : 'run';
  throw new RaftError(
    'already-running',
    all
      ? `The cluster in ${cluster.dir} is already running.`
      : `${names} of the cluster in ${cluster.dir} already ${verb}.`,
    {
      suggestions: [
        all ? `Look at it: raft cluster status${flag}` : `Start the others: raft cluster start${flag}`,
        `Stop it: raft cluster down${flag}`,
      ],
    },
  );
}

async function assertPortsFree(ports: readonly number[]): Promise<void> {
  const free = await Promise.all(ports.map(isPortFree));
  const taken = ports.find((_, position) => free[position] === false);
  if (taken === undefined) return;
  const pid = await portOwner(taken);
  throw new RaftError(
    'address-in-use',
    `Port ${taken} on 127.0.0.1 is in use${pid === undefined ? '' : ` by pid ${pid}`}.`,
    {
      suggestions: [
        ...(pid === undefined ? [] : [`Look at that process: ps -p ${pid} -f`]),
        'For a new cluster, choose other ports: --base-port PORT, or --base-port 0 for any that are free.',
      ],
    },
  );
}

/** The port of a node's address. */
export function portOf(node: Pick<ClusterNode, 'url'>): number {
  return Number(new URL(node.url).port);
}
