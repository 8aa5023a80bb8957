import type { NodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { systemClock } from '../raft/clock.ts';
import type { CommandResult, Forward } from '../raft/ports.ts';
import type { Server } from '../raft/server.ts';
import { carrySoon, LocalNetwork } from '../raft/transport/local-transport.ts';

/** Connects servers of this process with each other, without sockets: for tests and for embedding. */
export class LocalHub {
  readonly #network = new LocalNetwork(carrySoon(systemClock));
  readonly #servers = new Map<NodeId, Server>();

  /** Connects a server to all others of this hub. Before its `start`. */
  connect(server: Server): void {
    this.#servers.set(server.id, server);
    server.connect({
      open: async (self) => ({ transport: this.#network.transport(self.id), forward: this.#forward() }),
      close: async () => {
        this.#servers.delete(server.id);
      },
    });
  }

  #forward(): Forward {
    return {
      command: async (leader, { command, place }, signal): Promise<CommandResult> =>
        this.#find(leader).command(command, { signal, place, forwarded: true }),
      query: async (leader, query, signal): Promise<Uint8Array> =>
        this.#find(leader).query(query, 'linearizable', { signal, forwarded: true }),
    };
  }

  #find(id: NodeId): Server {
    const server = this.#servers.get(id);
    if (server === undefined)
      throw new RaftError('unreachable', `Server ${id} is not in this process any more.`);
    return server;
  }
}
