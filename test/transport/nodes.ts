import { userRoutes } from '../../src/api/routes.ts';
import { HttpServer } from '../../src/http/http-server.ts';
import { HEADERS } from '../../src/http/paths.ts';
import { INDEX_ZERO, type NodeId, nodeId, TERM_ZERO, type Term, term } from '../../src/lib/brands.ts';
import type { Dialect } from '../../src/raft/core/inputs.ts';
import type { Request, Response } from '../../src/raft/core/messages.ts';
import type {
  Logger,
  LogPosition,
  MismatchKind,
  PeerAddress,
  PeerMemory,
  Self,
  TransportHandlers,
} from '../../src/raft/ports.ts';
import type { RaftService, ServiceStatus } from '../../src/raft/service.ts';
import { HttpTransport } from '../../src/raft/transport/http-transport.ts';
import { identityHeaders } from '../../src/raft/transport/identity.ts';
import { LOG_START } from '../../src/raft/transport/log-position.ts';

/** What reached the layer above a transport. */
export type Heard =
  | { readonly type: 'request'; readonly from: NodeId; readonly message: Request }
  | {
      readonly type: 'response';
      readonly from: NodeId;
      readonly requestId: number;
      readonly response: Response;
    }
  | { readonly type: 'lost'; readonly to: NodeId; readonly requestId: number }
  | { readonly type: 'dialect'; readonly peer: NodeId; readonly dialect: Dialect }
  | {
      readonly type: 'mismatch';
      readonly peer: NodeId;
      readonly reason: string;
      readonly kind: MismatchKind;
    };

/** Keeps what handlers were told, and lets a test wait for it. */
export class Ear {
  readonly heard: Heard[] = [];
  readonly #waiting: {
    readonly type: Heard['type'];
    readonly count: number;
    readonly resolve: () => void;
  }[] = [];

  /** Handlers that answer each request with what `answer` gives; nothing where that is undefined. */
  handlers(answer: (message: Request) => Response | undefined = () => undefined): TransportHandlers {
    return {
      request: (from, message, reply) => {
        this.#hear({ type: 'request', from, message });
        const response = answer(message);
        if (response !== undefined) reply(response);
      },
      response: (from, requestId, response) => this.#hear({ type: 'response', from, requestId, response }),
      lost: (to, requestId) => this.#hear({ type: 'lost', to, requestId }),
      dialect: (peer, dialect) => this.#hear({ type: 'dialect', peer, dialect }),
      mismatch: (peer, reason, kind) => this.#hear({ type: 'mismatch', peer, reason, kind }),
    };
  }

  of(type: Heard['type']): readonly Heard[] {
    return this.heard.filter((each) => each.type === type);
  }

  /** Resolves once `count` of this type have been heard since the beginning. */
  async until(type: Heard['type'], count = 1): Promise<void> {
    if (this.of(type).length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ type, count, resolve }));
  }

  #hear(heard: Heard): void {
    this.heard.push(heard);
    for (const { type, count, resolve } of this.#waiting) if (this.of(type).length >= count) resolve();
  }
}

export interface TestNode {
  readonly identity: Self;
  readonly url: string;
  readonly port: number;
  readonly transport: HttpTransport;
  readonly ear: Ear;
  stop(): Promise<void>;
}

export function identity(id: string, clusterId = 'cluster-a', incarnation = `incarnation-${id}`): Self {
  return { id: nodeId(id), clusterId, incarnation };
}

export interface TestNodeOptions {
  readonly memory?: PeerMemory;
  readonly identity: Self;
  readonly port?: number;
  readonly peers?: readonly PeerAddress[];
  readonly term?: Term;
  /** Where its log ends. */
  readonly log?: LogPosition;
  readonly run?: string;
  answer?(message: Request): Response | undefined;
  readonly service?: RaftService;
  readonly logger?: Logger;
}

/** Members of the cluster of a node that is told of no others. */
const ACQUAINTED = [
  ...['7', '8', '9007199254740993', '18446744073709551615'],
  ...['13528790487630451164', '13528790487630451165', '13528790487630451167'],
];

/** What a node remembers of its peers for as long as the test lasts. */
export function memoryOf(known: Readonly<Record<string, string>> = {}): PeerMemory {
  const peers = new Map(Object.entries(known));
  return {
    recall: (peer) => peers.get(peer),
    remember: (peer, incarnation) => void peers.set(peer, incarnation),
    retain: (wanted) => {
      for (const peer of peers.keys()) if (![...wanted].some((id) => id === peer)) peers.delete(peer);
    },
  };
}

/** A node of which everything is real but the layer above its transport. */
export async function startNode(options: TestNodeOptions): Promise<TestNode> {
  const { identity: own } = options;
  const ear = new Ear();
  const run = options.run ?? `run-${own.id}`;
  const members = (options.peers ?? ACQUAINTED.map((id) => ({ id: nodeId(id), url: undefined }))).map(
    ({ id, url = null }) => ({ id, url, incarnation: null }),
  );
  const transport = new HttpTransport({
    identity: own,
    run,
    members: { inForce: members, all: members },
    memory: options.memory ?? memoryOf(),
    currentTerm: () => options.term ?? term(1),
    lastLogPosition: () => options.log ?? LOG_START,
    listensAt: () => undefined,
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  });
  const service = options.service ?? fakeService({});
  const node = { ...own, version: '0.0.0', pid: 1, machine: 'kv' };
  const server = new HttpServer({
    routes: [],
    headers: {},
    headersTimeoutMs: 1_000,
    bodyTimeoutMs: 1_000,
  });
  const headers = { ...identityHeaders(own), [HEADERS.run]: run };
  server.serve([...transport.routes, ...userRoutes({ service, node })], headers);
  const { port } = await server.listen({ port: options.port ?? 0 });
  transport.start(ear.handlers(options.answer));
  return {
    identity: own,
    url: `http://127.0.0.1:${port}`,
    port,
    transport,
    ear,
    stop: async () => {
      await transport.stop();
      await server.close(0);
    },
  };
}

export const IDLE_STATUS: ServiceStatus = {
  id: nodeId('1'),
  name: 'node1',
  role: 'follower',
  term: TERM_ZERO,
  votedFor: null,
  leaderId: null,
  leaderUrl: null,
  lastIndex: INDEX_ZERO,
  commitIndex: INDEX_ZERO,
  lastApplied: INDEX_ZERO,
  logTimeMs: 0,
  members: [],
  configuration: { index: INDEX_ZERO, phase: 'stable', waitsFor: [] },
};

/** The layer above the user's routes, in as far as a test needs it. */
export function fakeService(
  parts: Partial<RaftService> & { readonly status?: () => ServiceStatus },
): RaftService {
  return {
    id: nodeId('1'),
    command: async () => {
      throw new Error('this test sends no command');
    },
    query: async () => {
      throw new Error('this test sends no query');
    },
    changeConfiguration: async () => {
      throw new Error('this test changes no members');
    },
    transferLeadership: async () => {
      throw new Error('this test hands nothing over');
    },
    watch: async () => {
      throw new Error('this test watches nothing');
    },
    status: () => IDLE_STATUS,
    ...parts,
  };
}
