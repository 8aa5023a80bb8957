import { randomInt } from 'node:crypto';
import type { NodeId } from '../lib/brands.ts';
import type { RaftError } from '../lib/errors.ts';
import { systemClock } from '../raft/clock.ts';
import { createMachine } from '../raft/machine/machines.ts';
import type { Disk, Logger, PeerAddress } from '../raft/ports.ts';
import { systemProcesses } from '../raft/processes.ts';
import { Server } from '../raft/server.ts';
import { acquireLock } from '../raft/storage/lock.ts';
import { createDisk, openDataDirectory } from './data-directory.ts';
import { HttpNetwork } from './http-network.ts';
import { VERSION } from './version.ts';

/** Seeds are drawn from this many. */
const SEEDS = 2 ** 47;

export interface NodeOptions {
  readonly id: NodeId;
  readonly name: string;
  /** Undefined: derived from the peers. */
  readonly clusterId: string | undefined;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** The initial configuration, with this node; undefined where the data directory is to tell it. */
  readonly peers: readonly PeerAddress[] | undefined;
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
  stop(): Promise<void>;
}

/**
 * Runs one node: takes the data directory's lock, listens, opens the disk, takes part. Errors: `already-running`,
 * `address-in-use`, `damaged`, `configuration`, `cannot-create`, `disk-full`, `disk-failed`.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { id, dataDir, logger } = options;
  const disk = await createDisk(dataDir);
  const lock = await acquireLock(dataDir, systemProcesses(), { id, startedAt: new Date().toISOString() });
  const server = createServer(options, disk);
  const network = new HttpNetwork(server, {
    ...options.listen,
    machine: options.machine,
    version: VERSION,
    logger,
  });
  try {
    if (options.peers !== undefined) server.setConfiguration(options.peers);
    server.connect(network);
    const url = await network.listen();
    await lock.update({ url });
    await server.start();
    const stopped = server.stopped.finally(() => lock.release());
    return {
      id,
      url,
      stopped,
      stop: async () => {
        await server.stop();
        await stopped;
      },
    };
  } catch (error) {
    await network.close();
    await lock.release();
    throw error;
  }
}

function createServer(options: NodeOptions, disk: Disk): Server {
  const { id, name, clusterId, dataDir, logger, machine } = options;
  const { electionTimeoutMsMin, electionTimeoutMsMax, heartbeatMs } = options;
  return new Server({
    id,
    name,
    machine: createMachine(machine),
    clock: systemClock,
    logger,
    timing: { electionTimeoutMsMin, electionTimeoutMsMax, heartbeatMs },
    seed: randomInt(SEEDS),
    openStore: (members) =>
      openDataDirectory(
        {
          disk,
          directory: dataDir,
          id,
          name,
          clusterId,
          blankDirectory: options.blankDirectory ?? 'initialize',
        },
        members,
      ),
  });
}
