import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { raft } from './raft.ts';

/** A local cluster that runs. */
export interface BenchCluster {
  readonly dir: string;
  /** Base URL of its leader. */
  readonly leaderUrl: string;
}

/**
 * Starts a cluster of `size` nodes, calls `use`, and ends the cluster whatever becomes of that. Its data lies below
 * `DIR` (the working directory unless set): the directory for temporary files may be in memory, where nothing is synced.
 */
export async function withCluster(
  size: number,
  use: (cluster: BenchCluster) => Promise<void> | void,
): Promise<void> {
  const parent = mkdtempSync(join(process.env.DIR ?? process.cwd(), '.bench-'));
  const dir = join(parent, 'cluster');
  try {
    raft('cluster', 'up', '-n', String(size), '--dir', dir, '--base-port', '0', '--detach');
    try {
      const leader: { readonly url: string } = JSON.parse(raft('leader', 'show', '--dir', dir, '--json'));
      await use({ dir, leaderUrl: leader.url });
    } finally {
      raft('cluster', 'down', '--dir', dir);
    }
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
