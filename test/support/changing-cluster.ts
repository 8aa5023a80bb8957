import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { RaftClient } from '../../src/api/client-types.ts';
import type { NodeStatus } from '../../src/api/schema.ts';
import { freePorts } from '../../src/cluster/probe.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { RaftError } from '../../src/lib/errors.ts';
import type { PeerAddress } from '../../src/raft/ports.ts';
import { eventually } from './eventually.ts';
import type { Failpoint } from './failpoint-node.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const PROGRAM = join(import.meta.dirname, 'failpoint-node.ts');
const CLUSTER_ID = 'changing';
const ATTEMPTS_MAX = 5;

export interface ChangingNode extends PeerAddress {
  readonly url: string;
  readonly dataDir: string;
  readonly port: number;
  process: ChildProcess;
}

/** A cluster of real processes whose members change, and whose nodes can be made to die on the way. */
export class ChangingCluster {
  readonly nodes: ChangingNode[] = [];
  readonly client: RaftClient;
  readonly #directory: string;
  readonly #failpointFile: string;

  private constructor(ports: readonly number[]) {
    this.client = createClient({ servers: ports.map((port) => `http://127.0.0.1:${port}`) });
    this.#directory = temporaryDirectory();
    this.#failpointFile = join(this.#directory, 'failpoint');
  }

  static async start(size: number): Promise<ChangingCluster> {
    const ports = await freePorts(size);
    const cluster = new ChangingCluster(ports);
    onTestFinished(() => cluster.#end());
    const peers = ports.map((port, i) => `${i + 1}=http://127.0.0.1:${port}`).join(',');
    for (const port of ports) cluster.#launch(port, peers);
    await cluster.leader();
    return cluster;
  }

  /** Starts nodes that wait to be made members. */
  async standby(count: number): Promise<readonly ChangingNode[]> {
    const nodes = (await freePorts(count)).map((port) => this.#launch(port, undefined));
    for (const { url } of nodes)
      await eventually(`${url} introduces itself`, async () => (await introduces(url)) || undefined);
    return nodes;
  }

  /**
   * Has the cluster led by these voters alone; whoever answers passes it on. A leader that is lost on the way leaves the
   * change to the next one, which finishes it or not: then it is asked for again, as its user would.
   */
  async change(voters: readonly ChangingNode[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.askForChange(voters);
        return;
      } catch (error) {
        const isLost = error instanceof RaftError && error.code === 'outcome-unknown';
        if (!isLost || attempt === ATTEMPTS_MAX) throw error;
      }
      await this.settled();
    }
  }

  /** Asks once. */
  async askForChange(voters: readonly ChangingNode[]): Promise<void> {
    const addresses = voters.map(({ id, url }) => ({ id, url }));
    const request = { voters: addresses, learners: [], expectIndex: null, isForced: false };
    await this.client.changeConfiguration(request);
  }

  /**
   * The leader dies at the next such moment. Resolves once it has, with the node that died. A node that stops by itself,
   * because it was removed before, is not that one.
   */
  async dieAt(failpoint: Failpoint, action: () => Promise<unknown>): Promise<ChangingNode> {
    const deaths = this.running().map(
      (node) =>
        new Promise<ChangingNode>((resolve) => {
          node.process.once('exit', (_, signal) => {
            if (signal === 'SIGKILL') resolve(node);
          });
        }),
    );
    writeFileSync(this.#failpointFile, failpoint);
    // What becomes of the change is seen afterwards: its leader dies while it is asked.
    const outcome = action().catch(() => {});
    const dead = await Promise.race(deaths);
    rmSync(this.#failpointFile);
    await outcome;
    return dead;
  }

  restart(node: ChangingNode): void {
    node.process = this.#spawn(node.id, node.port, node.dataDir, undefined);
  }

  async kill(node: ChangingNode): Promise<void> {
    const exit = once(node.process, 'exit');
    node.process.kill('SIGKILL');
    await exit;
  }

  running(): readonly ChangingNode[] {
    return this.nodes.filter(({ process }) => process.exitCode === null && process.signalCode === null);
  }

  /** The status of whoever leads in the newest term, once it says so itself. */
  leader(): Promise<NodeStatus> {
    return eventually('somebody leads', async () => {
      const { url } = await this.client.leader();
      const status = await this.client.status(url);
      return status.role === 'leader' ? status : undefined;
    });
  }

  /** Waits until no change is under way; resolves with the ids of the voters. */
  async settled(): Promise<readonly string[]> {
    return await eventually('no change of members is under way', async () => {
      const status = await this.leader();
      if (status.configuration.phase !== 'stable' || status.commitIndex < status.lastIndex) return undefined;
      return status.members.filter(({ part }) => part === 'voter').map(({ id }) => id);
    });
  }

  #launch(port: number, peers: string | undefined): ChangingNode {
    const id = nodeId(String(this.nodes.length + 1));
    const dataDir = join(this.#directory, `node${id}`);
    const process = this.#spawn(id, port, dataDir, peers);
    const node = { id, url: `http://127.0.0.1:${port}`, port, dataDir, process };
    this.nodes.push(node);
    return node;
  }

  #spawn(id: string, port: number, dataDir: string, peers: string | undefined): ChildProcess {
    const output = openSync(join(this.#directory, `node${id}.out`), 'a');
    const args = [id, String(port), dataDir, CLUSTER_ID, ...(peers === undefined ? [] : [peers])];
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, ...args], {
      stdio: ['ignore', output, output],
      env: { ...process.env, FAILPOINT_FILE: this.#failpointFile },
    });
    closeSync(output);
    return child;
  }

  async #end(): Promise<void> {
    this.client.close();
    for (const node of this.running()) await this.kill(node);
  }
}

async function introduces(url: string): Promise<boolean> {
  const response = await fetch(`${url}/raft/id`);
  await response.text();
  return response.headers.has('raft-incarnation');
}
