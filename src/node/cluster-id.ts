import { createHash } from 'node:crypto';
import { compareNodeIds } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import type { PeerAddress } from '../raft/ports.ts';

const DIGITS = 32;

/** What can stand in a header of HTTP, without a space: visible ASCII. */
const CLUSTER_ID = /^[\x21-\x7e]{1,128}$/;

/** The id of a cluster as somebody gave it, checked. Throws a `RaftError` (`usage`). */
export function checkClusterId(text: string): string {
  if (CLUSTER_ID.test(text)) return text;
  throw new RaftError('usage', `${JSON.stringify(text)} is not the id of a cluster.`, {
    suggestions: ['Use 1 to 128 visible ASCII characters, without spaces.'],
  });
}

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
