import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { RaftClient } from '../../src/api/client-types.ts';
import type { NodeStatus } from '../../src/api/schema.ts';
import { freePorts } from '../../src/cluster/probe.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { type DumpRow, dumpLog } from '../../src/logtools/rows.ts';
import { eventually } from './eventually.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const RAFT = join(import.meta.dirname, '../../bin/run.js');

/** Above 2^53, so that an id that is rounded anywhere is another node's. */
const FIRST_ID = 13529762455909600464n;

export interface RealNode {
  readonly name: string;
  readonly id: string;
  readonly url: string;
  readonly dataDir: string;
  readonly output: string;
  process: ChildProcess;
}

/** A cluster of real processes with real disks, which ends with the test, whatever becomes of it. */
export class RealCluster {
  readonly nodes: readonly RealNode[];
  readonly client: RaftClient;

  private constructor(nodes: readonly RealNode[]) {
    this.nodes = nodes;
    this.client = createClient({ servers: nodes.map((node) => node.url) });
  }

  /** Starts `size` nodes and waits until all of them follow one leader. */
  static async start(size: number): Promise<RealCluster> {
    const directory = temporaryDirectory();
    const ports = await freePorts(size);
    const members = ports.map((port, i) => ({
      id: String(FIRST_ID + BigInt(i)),
      url: `http://127.0.0.1:${port}`,
    }));
    const peers = ['--peers', peersOf(members)];
    const nodes = members.map(({ id, url }, i) => {
      const name = `node${i + 1}`;
      const node = { name, id, url, dataDir: join(directory, name), output: join(directory, `${name}.out`) };
      return { ...node, process: launch(node, peers) };
    });
    const cluster = new RealCluster(nodes);
    onTestFinished(() => cluster.#end());
    await cluster.leader();
    return cluster;
  }

  /** The node that all nodes which run call their leader. */
  leader(): Promise<RealNode> {
    return eventually('all nodes that run follow one leader', async () => {
      const statuses = await this.statuses();
      const leaders = new Set(statuses.map((status) => status.leaderId));
      const leader = statuses.find((status) => status.role === 'leader');
      return leaders.size === 1 ? this.nodes.find((node) => node.id === leader?.id) : undefined;
    });
  }

  /** The statuses of the nodes that run. */
  async statuses(): Promise<readonly NodeStatus[]> {
    return await Promise.all(this.running().map((node) => this.client.status(node.url)));
  }

  running(): readonly RealNode[] {
    return this.nodes.filter((node) => node.process.exitCode === null && node.process.signalCode === null);
  }

  async kill(node: RealNode): Promise<void> {
    const exit = once(node.process, 'exit');
    node.process.kill('SIGKILL');
    await exit;
  }

  /** Starts a node again on its data, without peers, so that it takes them from its disk. */
  restart(node: RealNode, flags: readonly string[] = []): void {
    node.process = launch(node, flags);
  }

  /** Takes a node's data away and starts it again as these flags say. */
  restartBlank(node: RealNode, flags: readonly string[]): void {
    rmSync(node.dataDir, { recursive: true });
    node.process = launch(node, flags);
  }

  /** What `--peers` of the nodes said when they were made. */
  get peers(): string {
    return peersOf(this.nodes);
  }

  /** Waits until every node runs, follows one leader, and has applied all there is. */
  async settle(): Promise<void> {
    await eventually('the cluster is at rest', async () => {
      const statuses = await this.statuses();
      if (statuses.length < this.nodes.length) return undefined;
      const ends = statuses.flatMap((s) => [s.lastIndex, s.commitIndex, s.lastApplied]);
      return new Set(ends).size === 1 ? true : undefined;
    });
  }

  /** The entries of a node's log as text, up to and with an index; damage stands among them. */
  async entriesOf(node: RealNode, through = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
    const rows: string[] = [];
    for await (const row of dumpLog(await locateLog(node.dataDir))) {
      if (isBehind(row, through)) break;
      rows.push(textOfRow(row));
    }
    return rows;
  }

  outputOf(node: RealNode): string {
    return readFileSync(node.output, 'utf8');
  }

  async #end(): Promise<void> {
    this.client.close();
    for (const node of this.running()) {
      node.process.kill('SIGCONT');
      await this.kill(node);
    }
  }
}

function peersOf(members: readonly Pick<RealNode, 'id' | 'url'>[]): string {
  return members.map(({ id, url }) => `${id}=${url}`).join(',');
}

function launch(node: Omit<RealNode, 'process'>, more: readonly string[]): ChildProcess {
  const { id, name, url, dataDir, output } = node;
  const file = openSync(output, 'a');
  const flags = ['--id', id, '--name', name, '--listen', new URL(url).host, '--data-dir', dataDir, ...more];
  const child = spawn(process.execPath, [RAFT, 'node', 'run', ...flags], { stdio: ['ignore', file, file] });
  closeSync(file);
  return child;
}

function isBehind(row: DumpRow, through: number): boolean {
  return 'index' in row && Number(row.index) > through;
}

function textOfRow(row: DumpRow): string {
  return 'problem' in row ? `damage: ${row.problem}` : `${row.index}/${row.term} ${row.command}`;
}
