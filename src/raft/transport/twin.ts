import type { LogPosition, Self } from '../ports.ts';
import { fetchPeerIdentity, type IdentityQuestion } from './http-peer.ts';

/** Who answers at an address: `a twin` is another process under this node's id. */
export type Resident =
  | { readonly who: 'this process' | 'nobody that counts' }
  | { readonly who: 'a twin'; readonly lastLogPosition: LogPosition };

/**
 * Finds out who answers at `url` for node `own`, whose process is known by `run`. The headers say who asks: a twin learns
 * from them that it is one. Never throws.
 */
export async function whoIsAt(
  url: string,
  own: Self,
  run: string,
  question: IdentityQuestion,
): Promise<Resident> {
  const found = await fetchPeerIdentity(url, question).catch(() => undefined);
  const isOwn = found?.id === own.id && found.clusterId === own.clusterId;
  // One that is starting tells its id alone.
  if (!isOwn || found.run === null) return { who: 'nobody that counts' };
  if (found.run === run) return { who: 'this process' };
  return { who: 'a twin', lastLogPosition: found.lastLogPosition };
}

/** That there is a twin, as a clause. */
export function twinAt(url: string, { id }: Self): string {
  return `another process runs as node ${id} at ${url}`;
}
