import { present } from '../lib/assert.ts';
import { type LogIndex, type NodeId, nodeId } from '../lib/brands.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { createPrng, nextChance, nextInteger, nextUint32, type Prng } from '../lib/prng.ts';
import type {
  Clock,
  Disk,
  Forward,
  OpenedStore,
  PeerAddress,
  Self,
  StateMachine,
  Transport,
} from '../raft/ports.ts';
import { Server } from '../raft/server.ts';
import { openStorage } from '../raft/storage/open-storage.ts';
import type { LogLimits } from '../raft/storage/segmented-log.ts';
import { DEFAULT_TIMING } from '../raft/timing.ts';
import { LocalNetwork, type Passage } from '../raft/transport/local-transport.ts';
import { SimClock } from './clock.ts';
import { FakeDisk } from './disk.ts';

const CLUSTER_ID = 'simulated';

function incarnationOf(id: NodeId): string {
  return `incarnation-${id}`;
}

/** What the network of a simulated cluster does. Times in milliseconds. */
export interface SimNetworkOptions {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Of each message, 0 to 1. */
  readonly lossProbability: number;
}

export interface SimClusterOptions {
  readonly seed: number;
  readonly size: number;
  /** How many of the nodes are the initial members; the others wait to be made members. All unless given. */
  readonly initialSize?: number;
  readonly network: SimNetworkOptions;
  /** The longest that one operation of a disk takes, in milliseconds. */
  readonly diskMsMax: number;
  readonly limits: Partial<LogLimits>;
  createMachine(): StateMachine;
}

/** A command as one node applied it. */
export interface Applied {
  readonly node: NodeId;
  readonly index: LogIndex;
  readonly command: Uint8Array;
}

export interface SimNode {
  readonly id: NodeId;
  readonly disk: FakeDisk;
  /** Rises with each start: what belongs to an earlier life is dropped. */
  life: number;
  /** Operations of the disk that begin now never end. */
  isDiskHung: boolean;
  server: Server | undefined;
  /** Why the node would not start, or stopped by itself. */
  failure: RaftError | undefined;
}

/**
 * A whole cluster in one process, run by production's own server, storage and machine over a simulated clock, network
 * and disks. A seed decides everything that happens.
 */
export class SimCluster {
  readonly clock = new SimClock();
  readonly nodes: readonly SimNode[];
  /** Everything that any node ever applied, in the order in which it happened. */
  readonly applied: Applied[] = [];
  readonly #options: SimClusterOptions;
  readonly #prng: Prng;
  readonly #network: LocalNetwork;

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#prng = createPrng(options.seed);
    this.#network = new LocalNetwork((passage, arrive) => this.#carry(passage, arrive));
    this.nodes = Array.from({ length: options.size }, (_, i): SimNode => {
      const disk = new FakeDisk({ seed: nextUint32(this.#prng), complete: () => this.#diskDelay(node) });
      const node: SimNode = {
        id: nodeId(String(i + 1)),
        disk,
        life: 0,
        isDiskHung: false,
        server: undefined,
        failure: undefined,
      };
      return node;
    });
  }

  /** Starts a node on what its disk holds. Runs within simulated time: let the clock run to see it up. */
  start(node: SimNode): void {
    node.life++;
    node.failure = undefined;
    const { life } = node;
    const server = this.#createServer(node, node.disk.mount());
    node.server = server;
    if (this.#isInitial(node)) server.setConfiguration(this.#initialMembers());
    this.#connect(server, node, life);
    server.start().catch((error: unknown) => {
      if (node.life === life) node.failure = asRaftError(error);
    });
    void server.stopped.then((reason) => {
      if (node.life === life && reason !== null) node.failure = reason;
    });
  }

  /** Takes the power from a node: what was not synced is dropped, torn and reordered. */
  powerLoss(node: SimNode): void {
    node.life++;
    node.server = undefined;
    node.isDiskHung = false;
    node.disk.powerLoss();
  }

  /** The node that leads, as it says itself, of the newest term. */
  leader(): SimNode | undefined {
    const leading = this.nodes.filter((node) => roleOf(node) === 'leader');
    return leading.sort((a, b) => termOf(b) - termOf(a))[0];
  }

  #createServer(node: SimNode, disk: Disk): Server {
    const { life } = node;
    return new Server({
      id: node.id,
      name: `node${node.id}`,
      machine: this.#observed(node),
      clock: this.#clockOf(node, life),
      logger: { info: () => {}, warn: () => {} },
      timing: DEFAULT_TIMING,
      seed: nextUint32(this.#prng),
      openStore: async (members) => this.#openStore(node, disk, members ?? []),
    });
  }

  async #openStore(node: SimNode, disk: Disk, members: readonly PeerAddress[]): Promise<OpenedStore> {
    const peers = members.map(({ id }) => ({ id, url: 'sim:' }));
    const { store, recovered, identity, peerMemory } = await openStorage(disk, {
      directory: `node${node.id}`,
      identity: { ...this.#selfOf(node.id), peers, joins: !this.#isInitial(node) },
      blankDirectory: 'initialize',
      limits: this.#options.limits,
    });
    return { store, recovered, self: identity, peerMemory, members };
  }

  #connect(server: Server, node: SimNode, life: number): void {
    const transport = this.#network.transport(node.id);
    const ofThisLife: Transport = {
      start: (handlers) => transport.start(handlers),
      send: (to, envelope) => {
        if (node.life === life) transport.send(to, envelope);
      },
      stop: async () => {
        if (node.life === life) await transport.stop();
      },
    };
    server.connect({
      open: async () => ({
        transport: ofThisLife,
        forward: NO_FORWARD,
        setMembers: () => {},
        identify: async ({ id }) => this.#selfOf(id),
      }),
      close: async () => {},
    });
  }

  /** A clock whose callbacks die with the node's life. */
  #clockOf(node: SimNode, life: number): Clock {
    const guarded = (callback: () => void) => () => {
      if (node.life === life) callback();
    };
    return {
      nowMs: () => this.clock.nowMs(),
      after: (delayMs, callback) => this.clock.after(delayMs, guarded(callback)),
      soon: (callback) => this.clock.soon(guarded(callback)),
    };
  }

  #carry(passage: Passage, arrive: () => void): void {
    const { delayMsMin, delayMsMax, lossProbability } = this.#options.network;
    if (nextChance(this.#prng, lossProbability)) return;
    const lives = this.#lives(passage);
    const delayMs = nextInteger(this.#prng, delayMsMin, delayMsMax);
    this.clock.after(delayMs, () => {
      // A connection does not outlive either of its ends.
      if (this.#lives(passage) === lives) arrive();
    });
  }

  #lives({ from, to }: Passage): string {
    return `${this.#node(from).life}/${this.#node(to).life}`;
  }

  #diskDelay(node: SimNode): Promise<void> | undefined {
    if (node.isDiskHung) return new Promise(() => {});
    if (this.#options.diskMsMax === 0) return undefined;
    const delayMs = nextInteger(this.#prng, 0, this.#options.diskMsMax);
    return new Promise((resolve) => this.clock.after(delayMs, resolve));
  }

  #observed(node: SimNode): StateMachine {
    const machine = this.#options.createMachine();
    return {
      apply: (index, command) => {
        this.applied.push({ node: node.id, index, command });
        return machine.apply(index, command);
      },
      query: (query) => machine.query(query),
      snapshot: () => machine.snapshot(),
      restore: (snapshot) => machine.restore(snapshot),
    };
  }

  #selfOf(id: NodeId): Self {
    return { id, clusterId: CLUSTER_ID, incarnation: incarnationOf(id) };
  }

  #initialMembers(): readonly PeerAddress[] {
    return this.nodes.filter((node) => this.#isInitial(node)).map(({ id }) => ({ id, url: undefined }));
  }

  #isInitial(node: SimNode): boolean {
    return this.nodes.indexOf(node) < (this.#options.initialSize ?? this.#options.size);
  }

  #node(id: NodeId): SimNode {
    return present(
      this.nodes.find((node) => node.id === id),
      `node ${id}`,
    );
  }
}

/** Simulated clients ask the leader themselves. */
async function askTheLeader(leader: NodeId): Promise<never> {
  throw new RaftError('no-leader', `Node ${leader} leads, ask it.`);
}

const NO_FORWARD: Forward = {
  command: askTheLeader,
  query: askTheLeader,
  changeConfiguration: askTheLeader,
  transferLeadership: askTheLeader,
};

function roleOf(node: SimNode): string | undefined {
  return statusOf(node)?.role;
}

function termOf(node: SimNode): number {
  return statusOf(node)?.term ?? 0;
}

/** A node's view of itself; undefined while it is not up. */
export function statusOf(node: SimNode): ReturnType<Server['status']> | undefined {
  return node.server?.isRunning === true ? node.server.status() : undefined;
}
