import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createCluster,
  findClusterNode,
  markEstablished,
  readCluster,
  selectNodes,
} from '../../src/cluster/cluster-file.ts';
import { CLUSTER_FILE, dirFlag } from '../../src/cluster/names.ts';
import { addNode, dropNodes } from '../../src/cluster/node-list.ts';
import { present } from '../../src/lib/assert.ts';
import { parseNodeId } from '../../src/lib/brands.ts';

const PLAN = { machine: 'kv', ports: [7600, 7601, 7602] };

/** Above the highest pid that a kernel gives. */
const PID_OF_NO_PROCESS = 2 ** 31 - 1;

let parent: string;
let dir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'raft-cluster-file-'));
  dir = join(parent, 'cluster');
});

afterEach(() => rm(parent, { recursive: true, force: true }));

describe('a cluster directory', () => {
  it('is read as it was made', async () => {
    const made = await createCluster(dir, PLAN);

    expect(await readCluster(dir)).toEqual(made);
    expect(made.nodes.map((node) => node.name)).toEqual(['node1', 'node2', 'node3']);
    expect(made.nodes.map((node) => node.url)).toEqual(PLAN.ports.map((port) => `http://127.0.0.1:${port}`));
    expect(await readdir(dir)).toEqual([CLUSTER_FILE]);
  });

  it('gives its nodes ids that need all 64 bits', async () => {
    const { nodes } = await createCluster(dir, PLAN);

    for (const { id } of nodes) {
      expect(parseNodeId(id)).toBe(id);
      expect(BigInt(id)).toBeGreaterThanOrEqual(2n ** 63n);
    }
    expect(new Set(nodes.map((node) => node.id)).size).toBe(3);
  });

  it('may be moved as a whole', async () => {
    const made = await createCluster(dir, PLAN);
    const moved = join(parent, 'moved');
    await rename(dir, moved);

    const found = present(await readCluster(moved), 'the moved cluster');

    expect(found.clusterId).toBe(made.clusterId);
    expect(found.nodes.map((node) => node.dataDir)).toEqual(
      ['node1', 'node2', 'node3'].map((name) => join(moved, name)),
    );
  });

  it('is made only once, also where two try at the same time', async () => {
    const results = await Promise.allSettled([createCluster(dir, PLAN), createCluster(dir, PLAN)]);

    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    await expect(createCluster(dir, PLAN)).rejects.toMatchObject({ code: 'already-running' });
  });

  it('remembers which of its nodes have had data, also when that is gone, and nothing else changes', async () => {
    const made = await createCluster(dir, PLAN);
    const [first, ...others] = made.nodes;
    const { dataDir } = present(first, 'node1');
    expect(made.nodes.map((node) => node.established)).toEqual([false, false, false]);
    await mkdir(dataDir);
    expect(await markEstablished(made)).toEqual(made);
    await writeFile(join(dataDir, 'node.json'), '{}');

    await markEstablished(made);
    await rm(dataDir, { recursive: true });

    const expected = { ...made, nodes: [{ ...first, established: true }, ...others] };
    expect(await markEstablished(made)).toEqual(expected);
    expect(await readCluster(dir)).toEqual(expected);
  });

  it('keeps the members that it began with, whoever joins and leaves', async () => {
    const made = await createCluster(dir, PLAN);
    const initial = made.nodes.map(({ id, url }) => ({ id, url }));

    const { node } = await addNode(made, { name: undefined, joins: 'learner' });
    await dropNodes(made, [present(made.nodes[0], 'node1').id]);

    const found = present(await readCluster(dir), 'the cluster');
    expect(found.initialPeers).toEqual(initial);
    expect(found.nodes.map(({ name, joins }) => [name, joins])).toEqual([
      ['node2', null],
      ['node3', null],
      ['node4', 'learner'],
    ]);
    expect(initial.map(({ url }) => url)).not.toContain(node.url);
    expect(node.established).toBe(false);
  });

  it('gives a new node no name that one which is gone has left something under', async () => {
    const made = await createCluster(dir, PLAN);
    await mkdir(join(dir, 'node7'));
    await writeFile(join(dir, 'node8.out.old'), '');

    expect((await addNode(made, { name: undefined, joins: 'voter' })).node.name).toBe('node9');
    expect((await addNode(made, { name: 'reader', joins: 'voter' })).node.name).toBe('reader');
    const refused: readonly (readonly [string, string])[] = [
      ['node7', 'cannot-create'],
      ['reader', 'usage'],
      ['../out', 'usage'],
      ['17', 'usage'],
      ['node10.log', 'usage'],
    ];
    for (const [name, code] of refused)
      await expect(addNode(made, { name, joins: 'voter' }), name).rejects.toMatchObject({ code });
  });

  it('loses nothing where many change it at the same time', async () => {
    const made = await createCluster(dir, PLAN);

    await Promise.all(Array.from({ length: 5 }, () => addNode(made, { name: undefined, joins: 'voter' })));

    const { nodes } = present(await readCluster(dir), 'the cluster');
    expect(new Set(nodes.map(({ name }) => name)).size).toBe(8);
    expect(new Set(nodes.map(({ url }) => url)).size).toBe(8);
    expect(await readdir(dir)).toEqual([CLUSTER_FILE]);
  });

  it('keeps its last node: without any it would be none', async () => {
    const made = await createCluster(dir, PLAN);

    await dropNodes(
      made,
      made.nodes.map(({ id }) => id),
    );

    expect((await readCluster(dir))?.nodes).toHaveLength(3);
  });

  it('of an earlier version is read: all of its nodes were there from the beginning', async () => {
    const made = await createCluster(dir, PLAN);
    const { initialPeers: _, ...earlier } = JSON.parse(await readFile(join(dir, CLUSTER_FILE), 'utf8'));
    await writeFile(join(dir, CLUSTER_FILE), JSON.stringify(earlier));

    expect(await readCluster(dir)).toEqual(made);
  });

  it('is none where the directory is missing or empty', async () => {
    expect(await readCluster(dir)).toBeUndefined();
    await mkdir(dir);
    expect(await readCluster(dir)).toBeUndefined();
  });

  it('is made where a command before was ended while it made it, and nothing is left of that', async () => {
    await mkdir(dir);
    const gone = `${CLUSTER_FILE}.${PID_OF_NO_PROCESS}.new`;
    const underWay = `${CLUSTER_FILE}.${process.ppid}.new`;
    await writeFile(join(dir, gone), '{');
    await writeFile(join(dir, underWay), '{');
    expect(await readCluster(dir)).toBeUndefined();

    const made = await createCluster(dir, PLAN);

    expect(await readCluster(dir)).toEqual(made);
    expect((await readdir(dir)).toSorted()).toEqual([CLUSTER_FILE, underWay].toSorted());
  });

  it('is rid of what a command left that was ended while it changed it', async () => {
    const made = await createCluster(dir, PLAN);
    await writeFile(join(dir, `${CLUSTER_FILE}.${PID_OF_NO_PROCESS}.new`), '{');

    await addNode(made, { name: undefined, joins: 'voter' });

    expect(await readdir(dir)).toEqual([CLUSTER_FILE]);
  });

  it('is refused where it holds something else', async () => {
    await mkdir(dir);
    await writeFile(join(dir, 'thesis.txt'), 'text');

    await expect(readCluster(dir)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('thesis.txt'),
    });
  });

  it.each([
    ['no JSON', () => '{'],
    ['a list', () => '[]'],
    ['a later format', (text: string) => text.replace('"formatVersion": 1', '"formatVersion": 2')],
    ['a node without a url', (text: string) => text.replace('"url"', '"uri"')],
    ['an id that is a number', (text: string) => text.replace(/"id": "(\d+)"/, '"id": $1')],
    [
      'a name that leads out of the directory',
      (text: string) => text.replace('"name": "node1"', '"name": "../node1"'),
    ],
    ['no nodes', (text: string) => text.replace(/"nodes": \[[\s\S]*\]/, '"nodes": []')],
  ])('is refused where its file is %s', async (_what, damage) => {
    await createCluster(dir, PLAN);
    const file = join(dir, CLUSTER_FILE);
    const text = await readFile(file, 'utf8');
    expect(damage(text)).not.toBe(text);
    await writeFile(file, damage(text));

    await expect(readCluster(dir)).rejects.toMatchObject({ code: 'configuration' });
  });
});

describe('a node of a cluster', () => {
  it('is found by its name, its id or its address', async () => {
    const cluster = await createCluster(dir, PLAN);
    const node = present(cluster.nodes[1], 'node2');

    for (const text of ['node2', node.id, 'http://127.0.0.1:7601', 'http://127.0.0.1:7601/']) {
      expect(findClusterNode(cluster, text)).toBe(node);
    }
    expect(findClusterNode(cluster, 'node4')).toBeUndefined();
  });

  it('is meant once where it is named twice, and all are where none is named', async () => {
    const cluster = await createCluster(dir, PLAN);

    expect(selectNodes(cluster, ['node3', 'node1', 'node3']).map((node) => node.name)).toEqual([
      'node3',
      'node1',
    ]);
    expect(selectNodes(cluster, [])).toBe(cluster.nodes);
    expect(() => selectNodes(cluster, ['node9'])).toThrow(/no node "node9"/);
  });
});

describe('the --dir of a command to type next', () => {
  it('is left out for the default directory, and quoted where a shell needs it', () => {
    expect(dirFlag(join(process.cwd(), 'raft-data'))).toBe('');
    expect(dirFlag('/srv/raft-data')).toBe(' --dir /srv/raft-data');
    expect(dirFlag('/srv/my data')).toBe(" --dir '/srv/my data'");
    expect(dirFlag("/srv/it's")).toBe(" --dir '/srv/it'\\''s'");
  });

  it('gets --dir for the default directory too where RAFT_SERVER would be asked without it', () => {
    const dir = join(process.cwd(), 'raft-data');
    vi.stubEnv('RAFT_SERVER', 'http://127.0.0.1:7600');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(dirFlag(dir)).toBe(` --dir ${dir}`);
    vi.stubEnv('RAFT_SERVER', '');
    expect(dirFlag(dir)).toBe('');
  });
});
