import type { NodeId } from '../lib/brands.ts';
import type { RaftError } from '../lib/errors.ts';
import { createMachine } from '../raft/machine/machines.ts';
import type { Disk, Logger, PeerAddress } from '../raft/ports.ts';
import { systemProcesses } from '../raft/processes.ts';
import type { Server } from '../raft/server.ts';
import { acquireLock, type HeldLock } from '../raft/storage/lock.ts';
import { createDisk, openDataDirectory, releasing } from './data-directory.ts';
import { HttpNetwork } from './http-network.ts';
import { findClusterId, type JoinOptions, joinCluster } from './join-cluster.ts';
import { makeServer } from './make-server.ts';
import { VERSION } from './version.ts';

export interface NodeOptions {
  readonly id: NodeId;
  readonly name: string;
  /** Undefined: derived from the peers. */
  readonly clusterId: string | undefined;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** The initial configuration, with this node; undefined where the data directory is to tell it. */
  readonly peers: readonly PeerAddress[] | undefined;
  /** The node is to join a cluster that runs; undefined where it is an initial member. */
  readonly join: JoinOptions | undefined;
  /** Where others find the node; where it listens unless given. */
  readonly advertise: string | undefined;
  /** One of `MACHINE_NAMES`. */
  readonly machine: string;
  readonly electionTimeoutMsMin: number;
  readonly electionTimeoutMsMax: number;
  readonly heartbeatMs: number;
  /** `refuse` where the node is known to have had data before: a blank directory means that it lost it. */
  readonly blankDirectory?: 'initialize' | 'refuse';
  readonly logger: Logger;
}

/** A node that runs in this process. */
export interface RunningNode {
  readonly id: NodeId;
  /** Where it listens. */
  readonly url: string;
  /** Resolves when the node has stopped: with the reason where it stopped by itself, else with null. */
  readonly stopped: Promise<RaftError | null>;
  /**
   * Resolves once the node is a member. Rejects where the cluster refuses it: as `RaftService.changeConfiguration`. A
   * node that is not to join is one from the start.
   */
  readonly joined: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs one node: takes the data directory's lock, listens, opens the disk, takes part. Errors: `already-running`,
 * `address-in-use`, `damaged`, `configuration`, `cannot-create`, `not-permitted`, `disk-full`,
 * `disk-failed`.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { id, dataDir } = options;
  const disk = await createDisk(dataDir);
  const lock = await acquireLock(dataDir, systemProcesses(), { id, startedAt: new Date().toISOString() });
  try {
    return await startLocked(options, disk, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startLocked(options: NodeOptions, disk: Disk, lock: HeldLock): Promise<RunningNode> {
  const server = serverOf(options, disk, lock);
  const { machine, logger } = options;
  const network = new HttpNetwork(server, { ...options.listen, machine, version: VERSION, logger });
  try {
    if (options.peers !== undefined) server.setConfiguration(options.peers);
    server.connect(network);
    const url = await network.listen();
    await lock.update({ url });
    await server.start();
    const joined = joinUnlessMember(server, options, options.advertise ?? url);
    // Whoever started the node may not wait for it; then the node goes on alone, as it would without an answer.
    joined.catch(() => {});
    return { id: options.id, url, stopped: server.stopped, joined, stop: () => server.stop() };
  } catch (error) {
    await network.close();
    throw error;
  }
}

/**
 * A node that knows of any members has been one itself: it does not come back by itself where it was removed. One that
 * is a learner and was to vote asks again, if it still is one: it may have been removed while it was down.
 */
async function joinUnlessMember(server: Server, { join, logger }: NodeOptions, url: string): Promise<void> {
  if (join === undefined) return;
  const { members } = server.status();
  const own = members.find(({ id }) => id === server.id);
  if (own === undefined ? members.length > 0 : own.part !== 'learner') return;
  const context = {
    logger,
    hasBeenMember: () => server.status().members.length > 0,
    isOver: () => !server.isRunning,
  };
  await joinCluster(join, { id: server.id, url }, context);
}

function serverOf(options: NodeOptions, disk: Disk, lock: HeldLock): Server {
  const { id, name, clusterId, dataDir: directory, logger, blankDirectory = 'initialize' } = options;
  const { electionTimeoutMsMin, electionTimeoutMsMax, heartbeatMs, join } = options;
  const place = {
    ...{ disk, directory, id, name, clusterId, blankDirectory },
    ...(join === undefined ? {} : { findCluster: () => findClusterId(join) }),
  };
  return makeServer({
    id,
    name,
    machine: createMachine(options.machine),
    logger,
    timing: { electionTimeoutMsMin, electionTimeoutMsMax, heartbeatMs },
    openStore: async (members) => releasing(await openDataDirectory(place, members), lock),
  });
}
