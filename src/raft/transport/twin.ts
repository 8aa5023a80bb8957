import type { Self } from '../ports.ts';
import { fetchPeerIdentity } from './http-peer.ts';

/** Who answers at the address that the others have for a node: `a twin` is another process under its id. */
export type AtOwnAddress = 'this process' | 'a twin' | 'nobody that counts';

/** Finds out who answers at `url` for node `own`, whose process is known by `run`. Never throws. */
export async function whoIsAt(url: string, own: Self, run: string): Promise<AtOwnAddress> {
  const found = await fetchPeerIdentity(url).catch(() => undefined);
  const isOwn = found?.id === own.id && found.clusterId === own.clusterId;
  // One that is starting tells its id alone.
  if (!isOwn || found.run === null) return 'nobody that counts';
  return found.run === run ? 'this process' : 'a twin';
}

/** That there is a twin, as a clause. */
export function twinAt(url: string, { id }: Self): string {
  return `another process runs as node ${id} at ${url}`;
}
