import { compareNodeIds, type NodeId, parseNodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';
import type { PeerAddress } from '../raft/ports.ts';

/**
 * Values of flags and arguments, from text. Each parser throws a `usage` error (exit code 2) whose sentence says what
 * was wanted and what it got.
 */

/** Where a server listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A whole number from `min` to `max`. */
export function parseWholeNumber(
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw wanted(`a whole number from ${min} to ${max}`, text);
}

/** A node's id: a uint64 in decimal, at least 1. */
export function parseId(text: string): NodeId {
  const id = parseNodeId(text);
  if (id === undefined) throw wanted('a node id, a whole number from 1 to 18446744073709551615', text);
  return id;
}

/** `HOST:PORT`; an IPv6 address stands in brackets. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw wanted('HOST:PORT, such as 127.0.0.1:7600', text);
  return { host, port };
}

/** The base URL of a node: http, a host, perhaps a port, and nothing else. */
export function parseNodeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain =
    url !== undefined &&
    url.protocol === 'http:' &&
    url.hostname !== '' &&
    (url.pathname === '/' || url.pathname === '') &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  if (!plain) throw wanted('the URL of a node, such as http://127.0.0.1:7600', text);
  return url.origin;
}

/** `URL[,URL…]`, without repeated ones. */
export function parseNodeUrls(text: string): readonly string[] {
  const urls = text.split(',').map((each) => parseNodeUrl(each.trim()));
  return [...new Set(urls)];
}

/** `ID=URL[,ID=URL…]`: the members of a cluster, in the order of their ids. */
export function parsePeers(text: string): readonly PeerAddress[] {
  const peers = text.split(',').map((each) => parsePeer(each.trim()));
  if (peers.length > MEMBERS_MAX)
    throw usage(`A cluster has at most ${MEMBERS_MAX} members, and this names ${peers.length}.`);
  for (const field of ['id', 'url'] as const) {
    const values = peers.map((peer) => peer[field]);
    const repeated = values.find((value, position) => values.indexOf(value) !== position);
    if (repeated !== undefined)
      throw usage(`Each peer has an ${field} of its own, and ${repeated} stands there twice.`);
  }
  return peers.toSorted((a, b) => compareNodeIds(a.id, b.id));
}

/** An error about the command line: exit code 2. */
export function usage(message: string, suggestions: readonly string[] = []): RaftError {
  return new RaftError('usage', message, { suggestions });
}

function parsePeer(text: string): PeerAddress {
  const separator = text.indexOf('=');
  if (separator < 1) throw wanted('ID=URL for each peer, such as 1=http://127.0.0.1:7600', text);
  return { id: parseId(text.slice(0, separator)), url: parseNodeUrl(text.slice(separator + 1)) };
}

function wanted(what: string, text: string): RaftError {
  return usage(`This needs ${what}; it got "${text}".`);
}
