import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NodeId } from '../lib/brands.ts';
import type { PeerAddress } from '../raft/ports.ts';
import { NODE_FILE } from '../raft/storage/layout.ts';
import { type HostPort, usage } from './values.ts';

/** The flags of `raft node run`, each already valid by itself. */
export interface NodeFlags {
  readonly id: NodeId;
  readonly name: string | undefined;
  readonly listen: HostPort | undefined;
  readonly advertise: string | undefined;
  readonly dataDir: string;
  readonly peers: readonly PeerAddress[] | undefined;
  /** Addresses of members of the cluster that the node is to join. */
  readonly join: readonly string[] | undefined;
}

/** Where a node is and who its peers are, from flags that agree with each other. */
export interface NodePlace {
  readonly name: string;
  readonly dataDir: string;
  readonly listen: HostPort;
  /** With this node among them; undefined where the data directory knows them. */
  readonly peers: readonly PeerAddress[] | undefined;
  /** Where others find it; undefined where that is where it listens. */
  readonly advertise: string | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Puts the flags together. Throws `usage` where they contradict each other or leave something open. */
export function nodePlace(flags: NodeFlags): NodePlace {
  const { id } = flags;
  const own = ownUrl(flags);
  const listen = flags.listen ?? listenAt(own);
  const dataDir = resolve(flags.dataDir);
  // A node that has been here before knows its cluster; it may be larger than this node alone.
  const name = flags.name ?? `node-${id}`;
  const place = { name, dataDir, listen, advertise: own };
  if (flags.join !== undefined) {
    if (flags.peers !== undefined) {
      throw usage('A node either begins a cluster (--peers) or joins one that runs (--join), not both.');
    }
    return { ...place, peers: undefined, advertise: own ?? urlOf(listen) };
  }
  const isKnown = existsSync(join(dataDir, NODE_FILE));
  const alone = isKnown ? undefined : [{ id, url: own ?? urlOf(listen) }];
  return { ...place, peers: flags.peers ?? alone };
}

/** Where the peers find this node, as far as the flags say. */
function ownUrl({ id, advertise, peers }: NodeFlags): string | undefined {
  if (peers === undefined) return advertise;
  const own = peers.find((peer) => peer.id === id);
  if (own === undefined) {
    throw usage(`--peers names all members of the cluster, and this node, ${id}, is not among them.`, [
      `Add it: ${id}=http://HOST:PORT`,
    ]);
  }
  if (advertise !== undefined && advertise !== own.url) {
    throw usage(
      `--advertise says ${advertise}, but --peers says that this node is at ${own.url ?? 'no address'}.`,
    );
  }
  return own.url;
}

/** A node listens beyond this machine only where --listen says so, never because of the address that peers use. */
function listenAt(url: string | undefined): HostPort {
  if (url === undefined) {
    throw usage('The node needs an address to listen at.', ['Add --listen 127.0.0.1:7600']);
  }
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (!LOOPBACK.test(host)) {
    throw usage(`${url} is beyond this machine: a node listens there only where --listen says so.`, [
      `Add --listen 0.0.0.0:${port || 80}`,
    ]);
  }
  return { host, port: Number(port || 80) };
}

function urlOf({ host, port }: HostPort): string {
  if (port === 0) {
    throw usage('With port 0 nobody knows where the node is.', [
      'Give --listen a port, or say the address with --advertise.',
    ]);
  }
  if (host === '0.0.0.0' || host === '::') {
    throw usage(`${host} is no address at which others find this node.`, [
      'Say the address with --advertise URL.',
    ]);
  }
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`).origin;
}
