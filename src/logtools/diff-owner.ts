import { join } from 'node:path';
import type { NodeId } from '../lib/brands.ts';
import { asRaftError } from '../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import { decodeIdentity } from '../logfmt/identity.ts';
import { dataDirectoryOf, type LogLocation } from './locate.ts';
import { LogFile } from './log-file.ts';

/** Where a data directory says whose it is. */
const NODE_FILE = 'node.json';

/** The node that a log is of. */
export interface LogOwner {
  readonly id: NodeId;
  readonly clusterId: string;
  /** Which data directory of that node it is; undefined where only the cluster's own file says whose it is. */
  readonly incarnation: string | undefined;
  /** The voters that the cluster was made with; none where the node joined later, and does not know them. */
  readonly initialVoters: readonly NodeId[];
  /** What says all this: the data directory, or the file of the cluster's directory. */
  readonly from: 'node' | 'cluster';
}

/**
 * Whose log it is, as its data directory says; undefined for a file on its own, and where that is missing, damaged or not
 * readable: then nothing is known, which hinders nobody who only compares.
 */
export async function readOwner(location: LogLocation): Promise<LogOwner | undefined> {
  const directory = dataDirectoryOf(location);
  if (directory === undefined) return undefined;
  try {
    await using file = await LogFile.open(join(directory, NODE_FILE));
    // One byte more than may be, so that a longer file is seen to be one.
    const decoded = decodeIdentity(await file.read(0, SMALL_BODY_BYTES_MAX + 1));
    if (decoded.type === 'damaged') return undefined;
    const { id, clusterId, incarnation, peers } = decoded.value;
    return { id, clusterId, incarnation, initialVoters: peers.map((peer) => peer.id), from: 'node' };
  } catch (error) {
    const { code } = asRaftError(error);
    if (code === 'no-such-file' || code === 'not-permitted' || code === 'disk-failed') return undefined;
    throw error;
  }
}

/** Whether it is known that two logs are of different clusters. */
export function areStrangers(a: LogOwner | undefined, b: LogOwner | undefined): boolean {
  return a !== undefined && b !== undefined && a.clusterId !== b.clusterId;
}
