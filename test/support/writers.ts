import { createClient } from '../../src/api/client.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { eventually } from './eventually.ts';
import type { RealCluster } from './real-cluster.ts';

const LIST_LIMIT = 1_000;

/**
 * Clients that write without a pause, each its own keys, and remember what was acknowledged. A write whose outcome is
 * unknown is not repeated: it may stand, or not.
 */
export class Writers {
  readonly #cluster: RealCluster;
  readonly #acknowledged = new Map<string, string>();
  readonly #unknown = new Set<string>();
  readonly #running: Promise<void>[] = [];
  #isStopped = false;
  #lastAckMs = performance.now();
  #longestGapMs = 0;

  constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  static start(cluster: RealCluster, clients: number): Writers {
    const writers = new Writers(cluster);
    for (let i = 0; i < clients; i++) writers.#running.push(writers.#write(i));
    return writers;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  get unknownCount(): number {
    return this.#unknown.size;
  }

  /** Resolves once `count` more writes are acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledgedCount + count;
    await eventually(`${count} more writes are acknowledged`, () =>
      this.acknowledgedCount >= goal ? true : undefined,
    );
  }

  /** The longest time between two acknowledgements since the last call, in milliseconds. */
  takeLongestGapMs(): number {
    const gapMs = Math.max(this.#longestGapMs, performance.now() - this.#lastAckMs);
    this.#longestGapMs = 0;
    return gapMs;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  /** The keys of acknowledged writes that the cluster does not have, or has with another value. */
  async missing(): Promise<readonly string[]> {
    const found = await this.#readAll();
    return [...this.#acknowledged].filter(([key, value]) => found.get(key) !== value).map(([key]) => key);
  }

  async #write(client: number): Promise<void> {
    const raft = createClient({ servers: this.#cluster.nodes.map((node) => node.url) });
    for (let n = 0; !this.#isStopped; n++) {
      const key = `client-${client}-${String(n).padStart(7, '0')}`;
      const value = `value ${n} of client ${client}`;
      try {
        await raft.command(Buffer.from(JSON.stringify({ op: 'put', key, value })), { timeoutMs: 5_000 });
        this.#acknowledge(key, value);
      } catch (error) {
        if (!(error instanceof RaftError)) throw error;
        if (error.code === 'outcome-unknown') this.#unknown.add(key);
      }
    }
    raft.close();
  }

  #acknowledge(key: string, value: string): void {
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAckMs);
    this.#lastAckMs = nowMs;
    this.#acknowledged.set(key, value);
  }

  /** Everything that the cluster has, read page by page, each linearizable. */
  async #readAll(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (let after: string | undefined; ; ) {
      const query = {
        op: 'list',
        prefix: 'client-',
        limit: LIST_LIMIT,
        ...(after === undefined ? {} : { after }),
      };
      const answer = await this.#cluster.client.query(Buffer.from(JSON.stringify(query)));
      const page: { items: { key: string; value: string }[]; more: boolean } = JSON.parse(
        Buffer.from(answer).toString(),
      );
      for (const { key, value } of page.items) found.set(key, value);
      after = page.items.at(-1)?.key;
      if (!page.more || after === undefined) return found;
    }
  }
}
