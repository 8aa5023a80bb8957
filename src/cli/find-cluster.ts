import { resolve } from 'node:path';
import { readCluster } from '../cluster/cluster-file.ts';
import type { Cluster } from '../cluster/cluster-format.ts';
import { DEFAULT_CLUSTER_DIR } from '../cluster/names.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { serverVariable } from './server-variable.ts';
import { parseNodeUrls, usage } from './values.ts';

/** What the flags of `serverFlags` hold. */
export interface ServerFlags {
  readonly dir?: string | undefined;
  readonly server?: readonly string[] | undefined;
}

/** Where the nodes are, and the names that a cluster directory gives them. */
export interface FoundCluster {
  /** Base URLs, at least one. */
  readonly servers: readonly string[];
  /** Undefined where the cluster was not found by its directory. */
  readonly cluster: Cluster | undefined;
}

/**
 * Finds the cluster: `--server`, then a `--dir` that was typed, then RAFT_SERVER, then the default directory. What is
 * typed goes before what the environment says. Throws `no-such-file` where there is none.
 */
export async function findCluster(flags: ServerFlags): Promise<FoundCluster> {
  if (flags.server !== undefined) return { servers: flags.server, cluster: undefined };
  const fromEnvironment = serverVariable(flags);
  if (fromEnvironment !== undefined) return { servers: urlsOfVariable(fromEnvironment), cluster: undefined };
  const cluster = await requireCluster(
    flags.dir,
    'Or name one: --dir DIR, or --server URL for nodes that were started in another way.',
  );
  return { servers: cluster.nodes.map((node) => node.url), cluster };
}

/** The addresses in RAFT_SERVER. Whoever typed none has to be told where a bad one comes from. */
function urlsOfVariable(text: string): readonly string[] {
  try {
    return parseNodeUrls(text);
  } catch (error) {
    throw usage(`RAFT_SERVER: ${asRaftError(error).message}`, [
      'Set RAFT_SERVER to the addresses of nodes, or take it away: unset RAFT_SERVER',
    ]);
  }
}

/** The cluster of a directory. Throws `no-such-file` where there is none; `otherwise` says how else to name one. */
export async function requireCluster(
  dir: string | undefined,
  otherwise = 'Or name one: --dir DIR',
): Promise<Cluster> {
  const directory = dir ?? DEFAULT_CLUSTER_DIR;
  const cluster = await readCluster(directory);
  if (cluster !== undefined) return cluster;
  throw new RaftError('no-such-file', `There is no cluster in ${resolve(directory)}.`, {
    suggestions: ['Make one: raft cluster up -n 5', otherwise],
  });
}
