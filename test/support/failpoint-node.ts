/**
 * A node as `raft node run` runs it, that can be made to die at a chosen moment of a change of members: it looks for the
 * name of a failpoint in the file FAILPOINT_FILE, and kills itself there. Nothing of it is in the product.
 *
 *   failpoint-node.ts ID PORT DATA_DIR CLUSTER_ID [PEERS]      PEERS is ID=URL,…; without it the node waits to be added
 */
import { existsSync, readFileSync } from 'node:fs';
import { nodeId } from '../../src/lib/brands.ts';
import type { Configuration } from '../../src/lib/configuration.ts';
import { configurationIn, type Entry } from '../../src/lib/entry.ts';
import { createDisk, openDataDirectory } from '../../src/node/data-directory.ts';
import { HttpNetwork } from '../../src/node/http-network.ts';
import { makeServer } from '../../src/node/make-server.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import type { LogStore } from '../../src/raft/ports.ts';
import { DEFAULT_TIMING } from '../../src/raft/timing.ts';

export type Failpoint =
  | 'learner-added'
  | 'joint-appended'
  | 'joint-committed'
  | 'new-appended'
  | 'new-committed';

const [, , id = '', port = '', directory = '', clusterId = '', peers] = process.argv;
const say = (message: string): void => void process.stdout.write(`${message}\n`);
const logger = { info: say, warn: say };

function dieAt(failpoint: Failpoint): void {
  const file = process.env.FAILPOINT_FILE ?? '';
  if (server.isRunning && server.status().role !== 'leader') return;
  if (!existsSync(file) || readFileSync(file, 'utf8') !== failpoint) return;
  process.kill(process.pid, 'SIGKILL');
}

function configurationsIn(entries: readonly Entry[]): readonly Configuration[] {
  return entries.map(({ command }) => configurationIn(command)).filter((each) => each !== undefined);
}

/** The last joint configuration that was persisted tells C_new from other configurations without C_old. */
let hasJoint = false;

/** C_old,new is committed when C_new is about to be written, and C_new when it is read to be applied. */
function failing(store: LogStore): LogStore {
  return {
    persist: async (batch) => {
      const configurations = configurationsIn(batch.entries);
      const isNew = hasJoint && configurations.some(({ oldVoters }) => oldVoters === null);
      if (isNew) dieAt('joint-committed');
      await store.persist(batch);
      for (const { oldVoters, learners } of configurations) {
        if (oldVoters !== null) dieAt('joint-appended');
        else if (isNew) dieAt('new-appended');
        else if (learners.length > 0) dieAt('learner-added');
        hasJoint = oldVoters !== null;
      }
    },
    read: async (from, bytesMax, entriesMax) => {
      const entries = await store.read(from, bytesMax, entriesMax);
      const committed = entries.filter(
        ({ index }) => index <= (server.isRunning ? server.status().commitIndex : 0),
      );
      const [last] = configurationsIn(committed).slice(-1);
      if (last !== undefined && last.oldVoters === null && last.learners.length === 0) dieAt('new-committed');
      return entries;
    },
    saveCommitHint: (index) => store.saveCommitHint(index),
    close: () => store.close(),
  };
}

const server = makeServer({
  id: nodeId(id),
  name: `node${id}`,
  machine: new KvMachine(),
  logger,
  timing: DEFAULT_TIMING,
  openStore: async (members) => {
    const disk = await createDisk(directory);
    const findCluster = async (): Promise<string> => clusterId;
    const place = { disk, directory, id: nodeId(id), name: `node${id}`, clusterId } as const;
    const opened = await openDataDirectory(
      { ...place, blankDirectory: 'initialize', ...(peers === undefined ? { findCluster } : {}) },
      members,
    );
    return { ...opened, store: failing(opened.store) };
  },
});

const network = new HttpNetwork(server, { port: Number(port), machine: 'kv', version: 'test', logger });
if (peers !== undefined) {
  server.setConfiguration(
    peers.split(',').map((peer) => {
      const [member = '', url = ''] = peer.split('=');
      return { id: nodeId(member), url };
    }),
  );
}
server.connect(network);
await server.start();
process.on('SIGTERM', () => void server.stop());
const reason = await server.stopped;
if (reason !== null) say(reason.message);
process.exit(reason === null || reason.code === 'removed' ? 0 : 1);
