import type { LogIndex } from '../../lib/brands.ts';
import type { Self } from '../ports.ts';
import { fetchPeerIdentity } from './http-peer.ts';

/** Who answers at an address: `a twin` is another process under this node's id. */
export type Resident =
  | { readonly who: 'this process' | 'nobody that counts' }
  /** The index of the configuration that it goes by, where it says that. */
  | { readonly who: 'a twin'; readonly configurationIndex: LogIndex | null };

/**
 * Finds out who answers at `url` for node `own`, whose process is known by `run`. `headers` say who asks: a twin learns
 * from them that it is one. Never throws.
 */
export async function whoIsAt(
  url: string,
  own: Self,
  run: string,
  headers: Readonly<Record<string, string>>,
): Promise<Resident> {
  const found = await fetchPeerIdentity(url, headers).catch(() => undefined);
  const isOwn = found?.id === own.id && found.clusterId === own.clusterId;
  // One that is starting tells its id alone.
  if (!isOwn || found.run === null) return { who: 'nobody that counts' };
  if (found.run === run) return { who: 'this process' };
  return { who: 'a twin', configurationIndex: found.configurationIndex };
}

/** That there is a twin, as a clause. */
export function twinAt(url: string, { id }: Self): string {
  return `another process runs as node ${id} at ${url}`;
}
