import type { LogIndex } from '../lib/brands.ts';
import { parseNodeId } from '../lib/brands.ts';
import { EMPTY_BYTES } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import type { Logger, StateMachine } from '../raft/ports.ts';
import { systemProcesses } from '../raft/processes.ts';
import type { Server } from '../raft/server.ts';
import { acquireLock } from '../raft/storage/lock.ts';
import { DEFAULT_TIMING, type Timing } from '../raft/timing.ts';
import { createDisk, openDataDirectory, releasing } from './data-directory.ts';
import { makeServer } from './make-server.ts';

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
  const { dataDir: directory, name = id, clusterId } = options;
  return makeServer({
    id,
    name,
    machine: machineOf(options.apply),
    logger: options.logger ?? SILENT,
    timing: options.timing ?? DEFAULT_TIMING,
    openStore: async (members) => {
      const disk = await createDisk(directory);
      const lock = await acquireLock(directory, systemProcesses(), { id });
      try {
        const place = { disk, directory, id, name, clusterId, blankDirectory: 'initialize' } as const;
        return releasing(await openDataDirectory(place, members), lock);
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  });
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
