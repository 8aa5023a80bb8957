import { createClient } from '../../src/api/client.ts';
import type { RaftClient } from '../../src/api/client-types.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { dumpLog } from '../../src/logtools/rows.ts';
import { eventually } from './eventually.ts';

/** No outage of a test is as long; a command that is not answered until then has failed the test. In milliseconds. */
const PATIENCE_MS = 30_000;

/** What counters need of the cluster that they count in. */
interface CountedCluster {
  readonly client: RaftClient;
  readonly nodes: readonly { readonly dataDir: string }[];
}

interface Counter {
  readonly key: string;
  acknowledged: number;
}

/** What a node's log says of commands in sessions. */
export interface Copies {
  /** Pairs of session and sequence. */
  readonly commands: number;
  /** Those that stand in the log more than once. */
  readonly repeated: number;
}

/**
 * Clients that count, each in a key of its own, by compare-and-set: a step that is applied twice says so at once, since
 * the key then holds what nobody expected. Every step has to be acknowledged in the end.
 */
export class Counters {
  readonly #cluster: CountedCluster;
  readonly #counters: readonly Counter[];
  readonly #running: Promise<void>[];
  #isStopped = false;
  #lastAcknowledgedMs = performance.now();
  #longestGapMs = 0;

  private constructor(cluster: CountedCluster, clients: number, servers: readonly string[], pauseMs: number) {
    this.#cluster = cluster;
    this.#counters = Array.from({ length: clients }, (_, i) => ({ key: `counter-${i}`, acknowledged: 0 }));
    this.#running = this.#counters.map((counter) => this.#count(counter, servers, pauseMs));
    // Whoever waits next hears of a failure; until then it is not unhandled.
    for (const running of this.#running) running.catch(() => {});
  }

  /** Each client pauses for so long after each step: without a pause they take all the processors that there are. */
  static start(cluster: CountedCluster, clients: number, servers: readonly string[], pauseMs = 0): Counters {
    return new Counters(cluster, clients, servers, pauseMs);
  }

  get acknowledged(): number {
    return this.#counters.reduce((sum, counter) => sum + counter.acknowledged, 0);
  }

  /** Resolves once `count` more steps are acknowledged; rejects where a client has failed. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged + count;
    const reached = eventually(
      `${count} more steps are acknowledged`,
      () => (this.acknowledged >= goal ? true : undefined),
      PATIENCE_MS,
    );
    await Promise.race([reached, Promise.all(this.#running)]);
  }

  /** The longest time between two acknowledgements, of whichever clients, since this was last asked. In milliseconds. */
  takeLongestGapMs(): number {
    const gapMs = Math.max(this.#longestGapMs, performance.now() - this.#lastAcknowledgedMs);
    this.#longestGapMs = 0;
    return gapMs;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  /** What the cluster holds in all counters together. */
  async total(): Promise<number> {
    let total = 0;
    for (const { key } of this.#counters) {
      const answer = await ask(this.#cluster.client, { op: 'get', key });
      total += Number(answer.value ?? 0);
    }
    return total;
  }

  /** Reads the log of the first node. */
  async copies(): Promise<Copies> {
    const [node] = this.#cluster.nodes;
    const counts = new Map<string, number>();
    for await (const row of dumpLog(await locateLog(node?.dataDir ?? ''))) {
      if (!('kind' in row) || row.session === undefined) continue;
      const command = `${row.session}/${row.sequence}`;
      counts.set(command, (counts.get(command) ?? 0) + 1);
    }
    const repeated = [...counts.values()].filter((count) => count > 1).length;
    return { commands: counts.size, repeated };
  }

  async #count(counter: Counter, servers: readonly string[], pauseMs: number): Promise<void> {
    const client = createClient({ servers, timeoutMs: PATIENCE_MS });
    try {
      while (!this.#isStopped) {
        await this.#step(client, counter);
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    } finally {
      client.close();
    }
  }

  async #step(client: RaftClient, counter: Counter): Promise<void> {
    const { key, acknowledged } = counter;
    const expect = acknowledged === 0 ? null : String(acknowledged);
    const command = { op: 'cas', key, expect, value: String(acknowledged + 1) };
    const { response } = await client.command(Buffer.from(JSON.stringify(command)));
    const answer = JSON.parse(Buffer.from(response).toString());
    if (answer.swapped !== true)
      throw new Error(`${key} at ${acknowledged} was answered: ${JSON.stringify(answer)}`);
    counter.acknowledged++;
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAcknowledgedMs);
    this.#lastAcknowledgedMs = nowMs;
  }
}

async function ask(client: RaftClient, query: object): Promise<{ value?: string }> {
  const answer = await client.query(Buffer.from(JSON.stringify(query)), { timeoutMs: PATIENCE_MS });
  return JSON.parse(Buffer.from(answer).toString());
}
