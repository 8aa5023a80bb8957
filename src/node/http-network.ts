import { randomUUID } from 'node:crypto';
import { HttpForward } from '../api/forward.ts';
import { userRoutes } from '../api/routes.ts';
import { HttpServer } from '../http/http-server.ts';
import { HEADERS } from '../http/paths.ts';
import type { NodeId } from '../lib/brands.ts';
import type { Member } from '../lib/configuration.ts';
import { RaftError } from '../lib/errors.ts';
import type {
  Connection,
  KnownMembers,
  Logger,
  Network,
  PeerAddress,
  PeerMemory,
  Self,
} from '../raft/ports.ts';
import { disagreement } from '../raft/runtime/checks.ts';
import type { Server } from '../raft/server.ts';
import { idRoute } from '../raft/transport/http-handlers.ts';
import { fetchPeerIdentity } from '../raft/transport/http-peer.ts';
import { HttpTransport } from '../raft/transport/http-transport.ts';
import { identityHeaders } from '../raft/transport/identity.ts';
import { twinAt, whoIsAt } from '../raft/transport/twin.ts';

/** Requests that are being answered when a node stops may take this long to end, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

export interface HttpNetworkOptions {
  /** 127.0.0.1 unless told otherwise: a node is reachable from outside only where somebody said so. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** What `GET /raft/status` says of the machine and the program. */
  readonly machine: string;
  readonly version: string;
  readonly logger: Logger;
}

/**
 * One HTTP server for peers and users alike. It tells the node's id as soon as it listens, as the original does, and
 * serves the rest once the node has opened its disk and knows who it is.
 */
export class HttpNetwork implements Network {
  readonly #server: Server;
  readonly #options: HttpNetworkOptions;
  readonly #http: HttpServer;
  #url: Promise<string> | undefined;
  /** The same once it is known. */
  #listensAt: string | undefined;
  #forward: HttpForward | undefined;

  constructor(server: Server, options: HttpNetworkOptions) {
    this.#server = server;
    this.#options = options;
    this.#http = new HttpServer({
      routes: [idRoute(server.id)],
      headers: {},
      logger: options.logger,
    });
  }

  /** Listens, unless it does already; resolves with the base URL. Errors: `address-in-use`, `cannot-create`. */
  listen(): Promise<string> {
    this.#url ??= this.#listen();
    return this.#url;
  }

  async open(self: Self, members: KnownMembers, memory: PeerMemory): Promise<Connection> {
    const headers = identityHeaders(self);
    const run = randomUUID();
    const transport = new HttpTransport({
      identity: self,
      run,
      members,
      memory,
      currentTerm: () => this.#server.currentTerm(),
      lastLogPosition: () => this.#server.lastLogPosition(),
      listensAt: () => this.#listensAt,
      logger: this.#options.logger,
    });
    let urls = urlsOf(members.all);
    const forward = new HttpForward({ urlOf: (id) => urls.get(id) ?? undefined, headers });
    this.#forward = forward;
    this.#http.serve([...transport.routes, ...this.#userRoutes(self)], { ...headers, [HEADERS.run]: run });
    try {
      await this.listen();
      await refuseTwin(self, urlsOf(members.all).get(self.id) ?? null, run);
    } catch (error) {
      await transport.stop();
      throw error;
    }
    return {
      transport,
      forward,
      setMembers: (next) => {
        urls = urlsOf(next.all);
        transport.setMembers(next);
      },
      identify,
    };
  }

  /** Requests that are passed on to the leader are among those that may still end. */
  async close(): Promise<void> {
    await this.#http.close(CLOSE_GRACE_MS);
    await this.#forward?.close();
  }

  #userRoutes(self: Self) {
    const { machine, version } = this.#options;
    const { clusterId, incarnation } = self;
    return userRoutes({
      service: this.#server,
      node: { clusterId, incarnation, version, pid: process.pid, machine },
    });
  }

  async #listen(): Promise<string> {
    const { host, port } = await this.#http.listen({
      port: this.#options.port,
      ...(this.#options.host === undefined ? {} : { host: this.#options.host }),
    });
    this.#listensAt = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    return this.#listensAt;
  }
}

function urlsOf(members: readonly Member[]): ReadonlyMap<NodeId, string | null> {
  return new Map(members.map(({ id, url }) => [id, url]));
}

/**
 * Whether another process answers under this node's id where the others look for it, on a copy of its data: the two would
 * vote as one. Where nobody answers, the transport goes on asking. Throws `already-running`.
 */
async function refuseTwin(self: Self, url: string | null, run: string): Promise<void> {
  const headers = { ...identityHeaders(self), [HEADERS.run]: run };
  if (url === null || (await whoIsAt(url, self, run, { headers })).who !== 'a twin') return;
  throw disagreement(self.id, twinAt(url, self), 'twin');
}

async function identify({ id, url }: PeerAddress): Promise<Self> {
  if (url === undefined) throw new RaftError('usage', `Node ${id} has no address.`);
  const { id: found, clusterId, incarnation } = await fetchPeerIdentity(url);
  if (clusterId !== null && incarnation !== null) return { id: found, clusterId, incarnation };
  throw new RaftError(
    'unsupported',
    `Node ${found} at ${url} does not introduce itself: it is starting, or it speaks only the original protocol.`,
    { suggestions: ['Wait until it has started, or use a node of this program.'] },
  );
}
