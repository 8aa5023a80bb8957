import { describe, expect, it } from 'vitest';
import { locateLog } from '../../src/logtools/locate.ts';
import { type DumpRow, dumpLog } from '../../src/logtools/rows.ts';
import { raft } from '../command-line/runner.ts';
import { Counters } from '../support/counters.ts';
import { lossyProxy } from '../support/lossy-proxy.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { scaled } from '../support/scale.ts';

const CLIENTS = 8;

/** How often the leader is killed. */
const ROUNDS = scaled(4, 12);

type DumpEntry = Extract<DumpRow, { readonly kind: string }>;

describe('clients that send again until they are answered', () => {
  it('have every command applied once, while the leader is killed again and again', async () => {
    const cluster = await RealCluster.start(5);
    const counters = Counters.start(
      cluster,
      CLIENTS,
      cluster.nodes.map((node) => node.url),
    );
    for (let round = 0; round < ROUNDS; round++) {
      await counters.more(150);
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await counters.more(1);
      cluster.restart(leader);
    }
    await counters.stop();
    await expectExactlyOnce(cluster, counters, 1);
  }, 120_000);

  it('have every command applied once, while every fifth answer is lost and all nodes are killed', async () => {
    const cluster = await RealCluster.start(3);
    const servers = await Promise.all(cluster.nodes.map((node) => lossyProxy(node.url, 5)));
    const counters = Counters.start(cluster, CLIENTS, servers);
    for (let round = 0; round < 3; round++) {
      await counters.more(100);
      await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
      for (const node of cluster.nodes) cluster.restart(node);
    }
    await counters.more(100);
    await counters.stop();
    // A fifth of the answers, less those that are no commands' own: a busy machine has more of them.
    await expectExactlyOnce(cluster, counters, 20);
  }, 120_000);
});

describe('the command line', () => {
  it('puts all lines of one standard input into one session', async () => {
    const cluster = await RealCluster.start(1);
    const server = cluster.nodes[0]?.url ?? '';
    const { code, stdout } = await raft(['command', '-', '--server', server], {
      input: 'put a 1\nput b 2\nget a\n',
    });
    expect(code).toBe(0);
    expect(stdout.split('\n')[2]).toBe('{"ok":true,"found":true,"value":"1","index":2}');
    const rows = await sessionRows(cluster);
    expect(rows.map((row) => row.sequence)).toEqual(['1', '2', '3']);
    expect(new Set(rows.map((row) => row.session)).size).toBe(1);
  });

  it('sends at most once with --once, and then does not know where the answer is lost', async () => {
    const cluster = await RealCluster.start(1);
    // Of each two answers the first is the status, and the second is lost.
    const server = await lossyProxy(cluster.nodes[0]?.url ?? '', 2);
    for (const args of [
      ['command', 'put a 1'],
      ['kv', 'put', 'a', '1'],
      ['kv', 'cas', 'a', '1', '2'],
      ['kv', 'delete', 'a'],
    ]) {
      const { code, stdout } = await raft([...args, '--once', '--json', '--server', server]);
      expect(code).toBe(75);
      expect(JSON.parse(stdout).error.code).toBe('outcome-unknown');
    }
    expect(await sessionRows(cluster)).toEqual([]);
    expect(await cluster.statuses()).toMatchObject([{ lastApplied: 5 }]);
  });

  it('sends again with the same sequence until time is up, and then does not know', async () => {
    const cluster = await RealCluster.start(1);
    const server = await lossyProxy(cluster.nodes[0]?.url ?? '', 2);
    const { code } = await raft(['kv', 'put', 'a', '1', '--timeout', '1', '--server', server]);
    expect(code).toBe(75);
    const rows = await sessionRows(cluster);
    expect(rows.length).toBeGreaterThan(1);
    expect(new Set(rows.map((row) => `${row.session} ${row.sequence}`)).size).toBe(1);
    const read = await raft(['kv', 'get', 'a', '--json', '--server', cluster.nodes[0]?.url ?? '']);
    // The value is that of the first copy: the index is where it was applied.
    expect(JSON.parse(read.stdout)).toEqual({ key: 'a', value: '1', index: 2 });
  });
});

/** The commands in sessions of the first node's log. */
async function sessionRows(cluster: RealCluster): Promise<readonly DumpEntry[]> {
  const rows: DumpEntry[] = [];
  for await (const row of dumpLog(await locateLog(cluster.nodes[0]?.dataDir ?? ''))) {
    if ('kind' in row && row.kind === 'session') rows.push(row);
  }
  return rows;
}

/** The audit: what is acknowledged is there, nothing is there twice, and tries were really repeated. */
async function expectExactlyOnce(
  cluster: RealCluster,
  counters: Counters,
  repeatedMin: number,
): Promise<void> {
  await cluster.settle();
  expect(await counters.total()).toBe(counters.acknowledged);
  const { commands, repeated } = await counters.copies();
  expect(commands).toBe(counters.acknowledged);
  expect(repeated).toBeGreaterThanOrEqual(repeatedMin);
}
