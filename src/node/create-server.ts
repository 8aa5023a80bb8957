import { randomInt } from 'node:crypto';
import type { LogIndex } from '../lib/brands.ts';
import { parseNodeId } from '../lib/brands.ts';
import { EMPTY_BYTES } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import { systemClock } from '../raft/clock.ts';
import type { Logger, OpenedStore, PeerAddress, StateMachine } from '../raft/ports.ts';
import { systemProcesses } from '../raft/processes.ts';
import { Server } from '../raft/server.ts';
import { acquireLock, type HeldLock } from '../raft/storage/lock.ts';
import { DEFAULT_TIMING, type Timing } from '../raft/timing.ts';
import { createDisk, openDataDirectory } from './data-directory.ts';

/** Seeds are drawn from this many. */
const SEEDS = 2 ** 47;

/**
 * Applies one committed command and answers it (the original's ApplyFunc). Never called concurrently; `index` rises
 * without repeating, and starts over when the server does, because the log is applied anew.
 */
export type ApplyFunction = (index: LogIndex, command: Uint8Array) => Uint8Array;

export interface CreateServerOptions {
  /** An integer from 1 to 2^64-1 in decimal, unique in the cluster. */
  readonly id: string;
  /** For people; the id unless given. */
  readonly name?: string;
  /** Where the log and the vote are kept; made where it is missing. */
  readonly dataDir: string;
  /** What the commands mean: a function, or a whole machine that answers queries as well. */
  readonly apply: ApplyFunction | StateMachine;
  /** Follows from the initial configuration unless given. */
  readonly clusterId?: string;
  readonly timing?: Timing;
  /** Says nothing unless given. */
  readonly logger?: Logger;
}

const SILENT: Logger = { info: () => {}, warn: () => {} };

/**
 * Makes a server, as the original's NewServer does: give it its members with `setConfiguration`, mount it with
 * `httpTransport` (or a `LocalHub`), and `start` it. Errors: `usage` for an id that is none.
 */
export function createServer(options: CreateServerOptions): Server {
  const id = parseNodeId(options.id);
  if (id === undefined) {
    throw new RaftError(
      'usage',
      `"${options.id}" is not an id: ids are integers from 1 to 18446744073709551615.`,
    );
  }
  let lock: HeldLock | undefined;
  const openStore = async (members: readonly PeerAddress[] | undefined): Promise<OpenedStore> => {
    const disk = await createDisk(options.dataDir);
    lock = await acquireLock(options.dataDir, systemProcesses(), { id });
    const { dataDir: directory, name = id, clusterId } = options;
    return openDataDirectory({ disk, directory, id, name, clusterId, blankDirectory: 'initialize' }, members);
  };
  const server = new Server({
    id,
    name: options.name ?? id,
    machine: machineOf(options.apply),
    clock: systemClock,
    logger: options.logger ?? SILENT,
    timing: options.timing ?? DEFAULT_TIMING,
    seed: randomInt(SEEDS),
    openStore,
  });
  // The directory is free for others once the server has ended, however it did.
  void server.stopped.finally(() => lock?.release());
  return server;
}

function machineOf(apply: ApplyFunction | StateMachine): StateMachine {
  if (typeof apply !== 'function') return apply;
  return {
    apply,
    query: () => {
      throw new RaftError('machine-error', 'This machine answers commands only, no queries.');
    },
    snapshot: () => EMPTY_BYTES,
    restore: () => {},
  };
}
