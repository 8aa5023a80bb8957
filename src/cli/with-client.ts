import { createClient } from '../api/client.ts';
import type { RaftClient } from '../api/client-types.ts';
import { CLIENT_TIMEOUT_MS } from '../lib/limits.ts';
import { findCluster, type ServerFlags } from './find-cluster.ts';

/** Calls `use` with a client of the cluster that the flags find, and closes the client afterwards. */
export async function withClient<T>(
  flags: ServerFlags & { readonly timeout?: number | undefined; readonly once?: boolean },
  use: (client: RaftClient) => Promise<T>,
): Promise<T> {
  const { servers } = await findCluster(flags);
  const client = createClient({
    servers,
    timeoutMs: flags.timeout ?? CLIENT_TIMEOUT_MS,
    session: flags.once !== true,
  });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
