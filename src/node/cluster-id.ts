import { createHash } from 'node:crypto';
import { compareNodeIds } from '../lib/brands.ts';
import type { PeerAddress } from '../raft/ports.ts';

const DIGITS = 32;

/**
 * The id of a cluster that was given none: it follows from the initial configuration, so that nodes that were given
 * different peers take each other for strangers, and say so.
 */
export function deriveClusterId(members: readonly PeerAddress[]): string {
  const text = [...members]
    .sort((a, b) => compareNodeIds(a.id, b.id))
    .map(({ id, url }) => `${id}=${url ?? ''}`)
    .join(',');
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
}
