import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machineProcesses } from '../../src/cli/processes.ts';
import { readCluster } from '../../src/cluster/cluster-file.ts';
import type { Cluster, ClusterNode } from '../../src/cluster/cluster-format.ts';
import { findProcess, type NodeProcess } from '../../src/cluster/node-process.ts';
import { present } from '../../src/lib/assert.ts';
import { type Ended, type RunningCommand, raft, startRaft, temporaryDirectory } from './runner.ts';

const POLL_MS = 20;
const WAIT_MS = 20_000;

/** A cluster directory for one test, driven by the commands alone. */
export class TestCluster {
  readonly dir: string;
  readonly #remove: () => Promise<void>;

  private constructor(dir: string, remove: () => Promise<void>) {
    this.dir = dir;
    this.#remove = remove;
  }

  static async create(): Promise<TestCluster> {
    const { path, remove } = await temporaryDirectory();
    return new TestCluster(join(path, 'cluster'), remove);
  }

  /** Runs a command on this cluster to its end. */
  run(...args: readonly string[]): Promise<Ended> {
    return raft([...args, '--dir', this.dir]);
  }

  /** Starts a command on this cluster, as the leader of its process group. */
  start(...args: readonly string[]): RunningCommand {
    return startRaft([...args, '--dir', this.dir], { group: 'own' });
  }

  async read(): Promise<Cluster> {
    return present(await readCluster(this.dir), 'the cluster of the test');
  }

  async node(name: string): Promise<ClusterNode> {
    return present(
      (await this.read()).nodes.find((node) => node.name === name),
      name,
    );
  }

  async process(name: string): Promise<NodeProcess> {
    return findProcess(await this.node(name), machineProcesses());
  }

  /** The pids of the nodes that run or are paused now. */
  async pids(): Promise<readonly number[]> {
    const cluster = await readCluster(this.dir);
    const processes = await Promise.all(
      (cluster?.nodes ?? []).map((node) => findProcess(node, machineProcesses())),
    );
    return processes.flatMap((process) => (process.state === 'stopped' ? [] : [process.identity.pid]));
  }

  /** What a node has printed. */
  async output(name: string): Promise<string> {
    return readFile((await this.node(name)).output, 'utf8');
  }

  /** Stops whatever still runs and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('cluster', 'down');
    await this.#remove();
  }
}

/** Waits until `condition` holds; rejects with `what` where it does not within twenty seconds. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`This did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether no process has any of these pids. */
export function areGone(pids: readonly number[]): boolean {
  const { find } = machineProcesses();
  return pids.every((pid) => find(pid) === undefined);
}

/** What a terminal does at Ctrl-C: the command and all processes of its group get the signal. */
export function pressControlC(command: RunningCommand): void {
  process.kill(-present(command.child.pid, 'the pid of the command'), 'SIGINT');
}
