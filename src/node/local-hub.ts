import type { NodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { systemClock } from '../raft/clock.ts';
import type { Forward, Self } from '../raft/ports.ts';
import type { Server } from '../raft/server.ts';
import { carrySoon, LocalNetwork } from '../raft/transport/local-transport.ts';

/** Connects servers of this process with each other, without sockets: for tests and for embedding. */
export class LocalHub {
  readonly #network = new LocalNetwork(carrySoon(systemClock));
  readonly #servers = new Map<NodeId, Server>();
  readonly #selves = new Map<NodeId, Self>();

  /** Connects a server to all others of this hub. Before its `start`. */
  connect(server: Server): void {
    this.#servers.set(server.id, server);
    server.connect({
      open: async (self) => {
        this.#selves.set(self.id, self);
        return {
          transport: this.#network.transport(self.id),
          forward: this.#forward(),
          // Everybody of this process can be reached, member or not.
          setMembers: () => {},
          identify: async ({ id }) => this.#selfOf(id),
        };
      },
      close: async () => {
        this.#servers.delete(server.id);
        this.#selves.delete(server.id);
      },
    });
  }

  #forward(): Forward {
    return {
      command: async (leader, { command, place }, signal) =>
        this.#find(leader).command(command, { signal, place, forwarded: true }),
      query: async (leader, query, signal) =>
        this.#find(leader).query(query, 'linearizable', { signal, forwarded: true }),
      changeConfiguration: async (leader, request, signal) =>
        this.#find(leader).changeConfiguration(request, { signal, forwarded: true }),
      transferLeadership: async (leader, target, signal) =>
        this.#find(leader).transferLeadership(target, { signal, forwarded: true }),
    };
  }

  #find(id: NodeId): Server {
    const server = this.#servers.get(id);
    if (server === undefined) throw notHere(id);
    return server;
  }

  #selfOf(id: NodeId): Self {
    const self = this.#selves.get(id);
    if (self === undefined) throw notHere(id);
    return self;
  }
}

function notHere(id: NodeId): RaftError {
  return new RaftError('unreachable', `Server ${id} is not in this process, or not any more.`);
}
