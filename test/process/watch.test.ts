import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { WatchEvent } from '../../src/api/schema.ts';
import type { WatchTarget } from '../../src/api/watch.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { dumpLog } from '../../src/logtools/rows.ts';
import { raft, startRaft } from '../command-line/runner.ts';
import { eventually } from '../support/eventually.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { scaled } from '../support/scale.ts';
import { Writers } from '../support/writers.ts';

const ROUNDS = scaled(2, 5);

describe('watchers of five nodes', () => {
  it('are told exactly what was committed, in order, while leaders and their own nodes are killed', async () => {
    const cluster = await RealCluster.start(5);
    // Each begins at another node, so that every node that dies is somebody's.
    const watchers = cluster.nodes.map((_, at) => new Watcher(rotated(cluster, at), { prefix: '' }));
    const ofOneKey = new Watcher(rotated(cluster, 0), { key: 'changing-1' });
    const command = startRaft(['kv', 'watch', '--from', '1', '--json', '--server', urls(cluster).join(',')]);
    let printed = '';
    command.child.stdout?.on('data', (text: string) => {
      printed += text;
    });
    const writers = Writers.start(cluster, 2);
    const changer = new Changer(cluster);
    for (let round = 0; round < ROUNDS; round++) {
      await writers.more(150);
      const leader = await cluster.leader();
      const watched = cluster.nodes[(cluster.nodes.indexOf(leader) + 1 + round) % cluster.nodes.length];
      const dying = watched === undefined || watched === leader ? [leader] : [leader, watched];
      await Promise.all(dying.map((node) => cluster.kill(node)));
      await writers.more(50);
      for (const node of dying) cluster.restart(node);
    }
    await Promise.all([writers.stop(), changer.stop()]);
    await cluster.settle();
    const committed = await committedChanges(cluster);
    expect(committed.length).toBeGreaterThan(ROUNDS * 200);
    expect(new Set(committed.map(({ type }) => type)).size).toBe(2);
    for (const watcher of watchers) {
      await watcher.reaches(committed);
      expect(watcher.events).toEqual(committed);
    }
    const ofTheKey = committed.filter(({ key }) => key === 'changing-1');
    await ofOneKey.reaches(ofTheKey);
    expect(ofOneKey.events).toEqual(ofTheKey);
    const last = `"index":${committed.at(-1)?.index},`;
    await eventually('the last change is printed', () => (printed.includes(last) ? true : undefined));
    command.child.kill('SIGINT');
    const { code, stdout } = await command.ended;
    expect(code).toBe(130);
    expect(eventsIn(stdout)).toEqual(committed);
  }, 180_000);

  it('leave a node that stands still', async () => {
    const cluster = await RealCluster.start(5);
    const leader = await cluster.leader();
    const [paused] = cluster.nodes.filter((node) => node !== leader);
    const watcher = new Watcher(rotated(cluster, cluster.nodes.indexOf(paused ?? leader)), { key: 'k' });
    await put(cluster, 'k', '1');
    await watcher.count(1);
    paused?.process.kill('SIGSTOP');
    await put(cluster, 'k', '2');
    await watcher.count(2);
    expect(watcher.events.map(({ value }) => value)).toEqual(['1', '2']);
  });
});

describe('raft kv watch', () => {
  it('begins after what was written, prints each change, and ends with 0 after as many as were wanted', async () => {
    const cluster = await RealCluster.start(3);
    const on = (...args: readonly string[]) => raft(['kv', ...args, '--server', urls(cluster).join(',')]);
    await on('put', 'greeting', 'before');
    const server = ['--server', urls(cluster).join(',')];
    const command = startRaft(['kv', 'watch', 'greeting', '--count', '3', ...server]);
    const said = await command.line(/^Watching greeting from index \d+ on/);
    await on('put', 'greeting', 'hello world');
    await on('put', 'other', 'not seen');
    await on('cas', 'greeting', 'wrong', 'not seen');
    await on('cas', 'greeting', 'hello world', 'goodbye');
    await on('delete', 'greeting');
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${said}\n` });
    const first = Number(/\d+/.exec(said)?.[0]);
    expect(stdout).toMatch(/^\d+ put greeting hello world\n\d+ put greeting goodbye\n\d+ delete greeting\n$/);
    expect(Number(/^\d+/.exec(stdout)?.[0])).toBe(first);
    const again = await on('watch', '--prefix', 'greet', '--from', '1', '--count', '1', '--json');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(again.stdout)).toEqual({
      ...{ type: 'put', key: 'greeting', value: 'before', index: expect.any(Number) },
    });
  });

  it('ends with 69 at the start where nobody answers', async () => {
    const nobody = ['--server', 'http://127.0.0.1:1,http://127.0.0.1:2'];
    expect(await raft(['kv', 'watch', 'k', ...nobody])).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^Error: None of the 2 servers answers\./),
    });
    const json = await raft(['kv', 'watch', 'k', '--json', ...nobody]);
    expect(json.code).toBe(69);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'unreachable' } });
  });

  it.each([
    ['the majority is', 2],
    ['all are', 3],
  ])('says that it waits when %s dead, and goes on when they are back', async (_, deadCount) => {
    const cluster = await RealCluster.start(3);
    const server = ['--server', urls(cluster).join(','), '--timeout', '0.5'];
    const command = startRaft(['kv', 'watch', 'k', '--count', '1', ...server]);
    await command.line(/^Watching k from index/);
    const dead = cluster.nodes.slice(0, deadCount);
    await Promise.all(dead.map((node) => cluster.kill(node)));
    await command.line(/^No node serves the watch now: .* It goes on trying\.$/);
    for (const node of dead) cluster.restart(node);
    await eventually('a write is taken', () => put(cluster, 'k', 'back').then(() => true));
    expect(await command.ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ put k back\n$/),
    });
  });
});

/** A watcher in this process, from the first index on. */
class Watcher {
  readonly events: WatchEvent[] = [];

  constructor(servers: readonly string[], target: WatchTarget) {
    const client = createClient({ servers });
    onTestFinished(() => client.close());
    void this.#watch(client.watch({ ...target, from: 1 }));
  }

  async count(count: number): Promise<void> {
    await eventually(`${count} changes are told`, () => (this.events.length >= count ? true : undefined));
  }

  /** Resolves once the last of these changes has been told. */
  async reaches(changes: readonly WatchEvent[]): Promise<void> {
    const last = changes.at(-1)?.index ?? 0;
    await eventually(`change ${last} is told`, () =>
      (this.events.at(-1)?.index ?? 0) >= last ? true : undefined,
    );
  }

  async #watch(events: AsyncIterable<WatchEvent>): Promise<void> {
    for await (const event of events) this.events.push(event);
  }
}

/** Puts, deletes and compares the same few keys again and again, whatever becomes of it. */
class Changer {
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(cluster: RealCluster) {
    this.#running = this.#change(cluster);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #change(cluster: RealCluster): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const key = `changing-${n % 3}`;
      const commands = [
        { op: 'put', key, value: String(n) },
        { op: 'cas', key, expect: n % 2 === 0 ? String(n) : 'wrong', value: `${n} again` },
        { op: 'delete', key },
        { op: 'delete', key },
      ];
      for (const command of commands) {
        await cluster.client.command(Buffer.from(JSON.stringify(command))).catch((error: unknown) => {
          if (!(error instanceof RaftError)) throw error;
        });
      }
    }
  }
}

/** What the log of a node says was changed: a plain map applies its commands again. */
async function committedChanges(cluster: RealCluster): Promise<readonly WatchEvent[]> {
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('A cluster without nodes');
  const items = new Map<string, string>();
  const seen = new Set<string>();
  const changes: WatchEvent[] = [];
  for await (const row of dumpLog(await locateLog(node.dataDir))) {
    if (!('kind' in row)) continue;
    // A client that sends again has its command in the log twice, and applied once.
    const place = `${row.session}/${row.sequence}`;
    if (row.session !== undefined && seen.has(place)) continue;
    seen.add(place);
    changes.push(...changeIn(Number(row.index), row.clientCommand ?? row.command, items));
  }
  return changes;
}

function changeIn(index: number, base64: string, items: Map<string, string>): readonly WatchEvent[] {
  const text = Buffer.from(base64, 'base64').toString();
  if (!text.startsWith('{')) return [];
  const command: { op: string; key: string; value: string; expect?: string } = JSON.parse(text);
  const { op, key, value } = command;
  if (op === 'delete') return items.delete(key) ? [{ type: 'delete', index, key, value: null }] : [];
  if (op === 'cas' && items.get(key) !== command.expect) return [];
  items.set(key, value);
  return [{ type: 'put', index, key, value }];
}

function eventsIn(stdout: string): readonly unknown[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function urls(cluster: RealCluster): readonly string[] {
  return cluster.nodes.map((node) => node.url);
}

/** The addresses of all nodes, one of which comes first. */
function rotated(cluster: RealCluster, first: number): readonly string[] {
  const all = urls(cluster);
  return [...all.slice(first), ...all.slice(0, first)];
}

async function put(cluster: RealCluster, key: string, value: string): Promise<void> {
  await cluster.client.command(Buffer.from(JSON.stringify({ op: 'put', key, value })));
}
