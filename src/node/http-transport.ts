import type { NodeId } from '../lib/brands.ts';
import type { Logger, PeerAddress } from '../raft/ports.ts';
import type { Server } from '../raft/server.ts';
import { fetchPeerIdentity } from '../raft/transport/http-peer.ts';
import { HttpNetwork } from './http-network.ts';
import { VERSION } from './version.ts';

export interface HttpTransportOptions {
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly logger?: Logger;
}

/**
 * Mounts a server on an HTTP server of its own (the original's HTTPTransport) and resolves with its base URL. It tells
 * its id at once, and takes part after `start`. Before `start`. Errors: `address-in-use`, `cannot-create`.
 */
export async function httpTransport(server: Server, options: HttpTransportOptions): Promise<string> {
  const network = new HttpNetwork(server, {
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
    machine: 'embedded',
    version: VERSION,
    logger: options.logger ?? { info: () => {}, warn: () => {} },
  });
  server.connect(network);
  return network.listen();
}

/**
 * A peer at a base URL (the original's NewHTTPPeer): asks it for its id. Errors: `unreachable`, `configuration` where
 * what answers is no Raft node.
 */
export async function httpPeer(url: string): Promise<PeerAddress> {
  const base = url.replace(/\/+$/, '');
  return { id: (await fetchPeerIdentity(base)).id, url: base };
}

/** A peer in this process, reached through a `LocalHub`. */
export function localPeer(server: { readonly id: NodeId }): PeerAddress {
  return { id: server.id, url: undefined };
}
