import { randomUUID } from 'node:crypto';
import type { NodeId } from '../lib/brands.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import type { Disk, OpenedStore, PeerAddress } from '../raft/ports.ts';
import { NODE_FILE } from '../raft/storage/layout.ts';
import type { HeldLock } from '../raft/storage/lock.ts';
import { NodeDisk } from '../raft/storage/node-disk.ts';
import { openStorage } from '../raft/storage/open-storage.ts';
import { readSmallFile } from '../raft/storage/small-file.ts';
import { checkClusterId, deriveClusterId } from './cluster-id.ts';

/** Stands in `node.json` for the address of a peer that lives in the same process. */
const IN_PROCESS = 'local:';

export interface DataDirectoryOptions {
  readonly disk: Disk;
  /** Where it is, as the user calls it. */
  readonly directory: string;
  readonly id: NodeId;
  readonly name: string;
  /** Undefined: the cluster is known by its initial configuration. */
  readonly clusterId: string | undefined;
  readonly blankDirectory: 'initialize' | 'refuse';
  /** Asks the cluster that the node is to join for its id; called where the directory is blank alone. */
  readonly findCluster?: () => Promise<string>;
}

/** The disk of a data directory, which is made where it is missing. Errors: `not-permitted`, `cannot-create`. */
export async function createDisk(directory: string): Promise<NodeDisk> {
  try {
    return await NodeDisk.create(directory);
  } catch (error) {
    const { code, message } = asRaftError(error);
    throw new RaftError(
      code === 'not-permitted' ? code : 'cannot-create',
      `The data directory cannot be made: ${message}`,
      {
        cause: error,
        suggestions: ['Give another --data-dir, or make it writable.'],
      },
    );
  }
}

/**
 * Opens a node's data directory, whose lock the caller holds. Members that are not given are those that the directory
 * was made with. Errors: as `openStorage`, and `usage` for a cluster id that is none.
 */
export async function openDataDirectory(
  options: DataDirectoryOptions,
  members: readonly PeerAddress[] | undefined,
): Promise<OpenedStore> {
  const { disk, directory, id, name, blankDirectory } = options;
  // It goes into a header of every message.
  if (options.clusterId !== undefined) checkClusterId(options.clusterId);
  const joins = options.findCluster !== undefined && (await isBlank(disk));
  const peers = members?.map((member) => ({ id: member.id, url: member.url ?? IN_PROCESS }));
  const clusterId = joins ? await options.findCluster?.() : (options.clusterId ?? derived(members));
  const { store, recovered, identity, peerMemory } = await openStorage(disk, {
    directory,
    identity: {
      id,
      name,
      incarnation: randomUUID(),
      joins,
      ...(clusterId === undefined ? {} : { clusterId }),
      ...(peers === undefined ? {} : { peers }),
    },
    blankDirectory,
  });
  const known = identity.peers.map((peer) => ({
    id: peer.id,
    url: peer.url === IN_PROCESS ? undefined : peer.url,
  }));
  return { store, recovered, self: identity, peerMemory, members: known };
}

function derived(members: readonly PeerAddress[] | undefined): string | undefined {
  return members === undefined ? undefined : deriveClusterId(members);
}

async function isBlank(disk: Disk): Promise<boolean> {
  return (await readSmallFile(disk, NODE_FILE, SMALL_BODY_BYTES_MAX)) === undefined;
}

/** The same store, which frees the directory for others once it is closed. */
export function releasing(opened: OpenedStore, lock: HeldLock): OpenedStore {
  const { store } = opened;
  return {
    ...opened,
    store: {
      persist: (batch) => store.persist(batch),
      read: (from, bytesMax, entriesMax) => store.read(from, bytesMax, entriesMax),
      saveCommitHint: (index) => store.saveCommitHint(index),
      close: async () => {
        try {
          await store.close();
        } finally {
          await lock.release();
        }
      },
    },
  };
}
