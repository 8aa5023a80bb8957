import {
  BATCH_BYTES_MAX,
  LOG_WINDOW_BYTES_MAX,
  SEGMENT_BYTES_MAX,
  SEGMENT_FILL_BYTES,
} from '../../lib/limits.ts';
import type { NodeIdentity } from '../../logfmt/identity.ts';
import type { Disk, LogStore, PeerMemory, Recovered } from '../ports.ts';
import { CommitHint } from './commit-hint.ts';
import { DurableStore } from './durable-store.ts';
import { type DirectoryOptions, establishIdentity } from './identity.ts';
import { DiskPeerMemory } from './peer-memory.ts';
import { recoverLog } from './recover.ts';
import type { LogLimits } from './segmented-log.ts';

/** How a node's data directory is opened. */
export interface StorageOptions extends DirectoryOptions {
  /** Other limits than those of `lib/limits.ts`, for tests and simulations. */
  readonly limits?: Partial<LogLimits>;
}

/** A node's storage, ready for use. */
export interface OpenedStorage {
  readonly store: LogStore;
  readonly recovered: Recovered;
  readonly identity: NodeIdentity;
  readonly peerMemory: PeerMemory;
}

const DEFAULT_LIMITS: LogLimits = {
  segmentBytesMax: SEGMENT_BYTES_MAX,
  segmentFillBytes: SEGMENT_FILL_BYTES,
  batchBytesMax: BATCH_BYTES_MAX,
  windowBytesMax: LOG_WINDOW_BYTES_MAX,
};

/**
 * Opens the data directory that `disk` shows, and makes it one where it is blank. Whoever calls holds the directory's
 * lock. All that is in `recovered` is durable.
 *
 * Errors: `configuration` where the directory belongs to another node or cluster, or was made with other peers;
 * `damaged` where going on could lose or invent entries or votes; `disk-full`, `disk-failed`.
 */
export async function openStorage(disk: Disk, options: StorageOptions): Promise<OpenedStorage> {
  const identity = await establishIdentity(disk, options);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const hint = await CommitHint.open(disk);
  const peerMemory = await DiskPeerMemory.open(disk);
  const { log, hardState, configurations, isBegunByOriginal, warnings } = await recoverLog(disk, {
    directory: options.directory,
    hint,
    limits,
  });
  const recovered: Recovered = {
    hardState,
    lastIndex: log.lastIndex,
    termRuns: log.termRuns(),
    configurations,
    isBegunByOriginal,
    commitHint: hint.index,
    warnings: peerMemory.warning === undefined ? warnings : [...warnings, peerMemory.warning],
  };
  const store = new DurableStore({ disk, log, hint, peerMemory, hardState });
  return { store, recovered, identity, peerMemory };
}
