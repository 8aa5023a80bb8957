import type { ServerFlags } from './find-cluster.ts';

/** What RAFT_SERVER says, or undefined where it says nothing or the command line names the place itself. */
export function serverVariable({ dir, server }: ServerFlags): string | undefined {
  const { RAFT_SERVER } = process.env;
  return dir === undefined && server === undefined && RAFT_SERVER !== '' ? RAFT_SERVER : undefined;
}
