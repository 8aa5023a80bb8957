import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { eventually, TestCluster } from './cluster-runner.ts';
import { raft } from './runner.ts';

describe('a cluster whose nodes are all down', () => {
  it('is to be started, by its directory; where its nodes are named by address, nobody knows of one', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    const { url } = await cluster.node('node1');
    await cluster.run('cluster', 'kill', 'node1');

    const byDirectory = await cluster.run('kv', 'get', 'key');
    const byAddress = await raft(['kv', 'get', 'key', '--server', url]);
    const byVariable = await raft(['kv', 'get', 'key'], { env: { RAFT_SERVER: url } });

    expect(byDirectory.stderr).toContain(`raft cluster start --dir ${cluster.dir}\n`);
    for (const { code, stderr } of [byAddress, byVariable]) {
      expect(code).toBe(69);
      expect(stderr).toContain('See which nodes answer: raft status');
      expect(stderr).not.toContain('raft cluster');
    }
  });
});

describe('leadership', () => {
  it('is not handed to a node that is known to be down, and the command says which to start', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach')).code).toBe(0);
    const leader = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);
    const down = present(
      (await cluster.read()).nodes.find(({ id }) => id !== leader.id),
      'a follower',
    );
    await cluster.run('cluster', 'kill', down.name);
    await eventually('the leader misses it', async () => {
      const response = await fetch(`${leader.url}/raft/status`);
      const status: unknown = await response.json();
      return JSON.stringify(status).match(/"isHeard":false/) !== null;
    });

    const { code, stderr } = await cluster.run('leader', 'transfer', down.name);

    expect(code).toBe(69);
    expect(stderr).toContain(`The leader does not hear from ${down.name}`);
    expect(stderr).toContain(`raft cluster start ${down.name} --dir`);
  });
});

describe('a cluster that is not there', () => {
  it('is to be named in a way that the command takes', async () => {
    await using cluster = await TestCluster.create();

    const kill = await cluster.run('cluster', 'kill', 'node1');
    const get = await cluster.run('kv', 'get', 'key');

    expect([kill.code, get.code]).toEqual([66, 66]);
    expect(kill.stderr).toContain('Or name one: --dir DIR\n');
    expect(get.stderr).toContain('Or name one: --dir DIR, or --server URL');
  });
});

describe('raft cluster up', () => {
  it('names the port that is in use and who has it, and makes nothing', async () => {
    await using cluster = await TestCluster.create();
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;

    const up = await cluster.run('cluster', 'up', '-n', '1', '--base-port', String(port));
    server.close();

    expect(up.code).toBe(73);
    expect(up.stderr).toContain(`Port ${port} on 127.0.0.1 is in use`);
    if (process.platform === 'linux') expect(up.stderr).toContain(`by pid ${process.pid}`);
    expect((await cluster.run('cluster', 'status')).code).toBe(66);
  });

  it('does not touch a directory of something else', async () => {
    await using cluster = await TestCluster.create();
    await mkdir(cluster.dir);
    await writeFile(join(cluster.dir, 'thesis.txt'), 'my only copy');

    const up = await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0');

    expect(up.code).toBe(78);
    expect(up.stderr).toMatch(/is no cluster directory: it holds thesis\.txt/);
    expect(await readFile(join(cluster.dir, 'thesis.txt'), 'utf8')).toBe('my only copy');
  });

  it('does not make a cluster of another size or machine out of one that is there', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    await cluster.run('cluster', 'down');

    const size = await cluster.run('cluster', 'up', '-n', '3');
    const machine = await cluster.run('cluster', 'up', '--machine', 'echo');
    const port = await cluster.run('cluster', 'up', '--base-port', '1');

    expect([size.code, machine.code, port.code]).toEqual([78, 78, 78]);
    expect(size.stderr).toContain('holds a cluster of 1 node, not of 3 nodes.');
  });

  it('names the node whose data is damaged, and how to go on without it', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach')).code).toBe(0);
    for (const key of ['a', 'b', 'c']) await cluster.run('kv', 'put', key, 'value');
    await cluster.run('cluster', 'down');
    const segment = join((await cluster.node('node2')).dataDir, 'log', '00000000000000000001.log');
    const bytes = await readFile(segment);
    // The first frame: good ones follow, so this is no torn tail.
    bytes[25] = 0xff;
    await writeFile(segment, bytes);

    const up = await cluster.run('cluster', 'up');
    const start = await cluster.run('cluster', 'start', 'node2');
    const others = await cluster.run('cluster', 'start', 'node1', 'node3');
    const get = await cluster.run('kv', 'get', 'c');

    expect(up.code).toBe(65);
    expect(up.stderr).toMatch(/^Error: node2 ended with exit code 65 while it was starting\.\n {2}node2 \| /);
    expect(up.stderr).toContain('raft cluster start node1 node3');
    expect(start.code).toBe(65);
    expect(start.stderr).toMatch(/^ {2}node2 \| .*raft log repair \S+node2 {3}# says what can be done/m);
    // What it said in its earlier runs does not explain this one.
    for (const { stderr } of [up, start]) expect(stderr).not.toMatch(/listens on|has stopped/);
    expect(start.stderr.match(/^ {2}node2 \| .*checksum-mismatch/gm)).toHaveLength(1);
    expect([others.code, get.code, get.stdout]).toEqual([0, 0, 'value\n']);
  });

  it('starts all of its nodes or none where one cannot write its output', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach')).code).toBe(0);
    await cluster.run('cluster', 'down');
    const { output } = await cluster.node('node3');
    await rm(output);
    await mkdir(output);

    const up = await cluster.run('cluster', 'up', '--detach');
    const start = await cluster.run('cluster', 'start');

    for (const { code, stdout, stderr } of [up, start]) {
      expect({ code, stdout }).toEqual({ code: 73, stdout: '' });
      expect(stderr).toMatch(
        /^Error: No node was started: node3 cannot write its output to .*node3\.out \(EISDIR/,
      );
    }
    expect(await cluster.pids()).toEqual([]);
    expect((await cluster.run('cluster', 'start', 'node1', 'node2')).code).toBe(0);
    expect(await cluster.pids()).toHaveLength(2);
  });

  it('lets at most one of two commands have the cluster that both start at once', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach')).code).toBe(0);
    await cluster.run('cluster', 'down');

    const codes = (await Promise.all([0, 1].map(() => cluster.run('cluster', 'up', '--detach')))).map(
      (up) => up.code,
    );

    // Where each got some of the nodes first, both give up and say so.
    expect(codes).toContain(73);
    expect(codes.every((code) => code === 0 || code === 73)).toBe(true);
    expect(await cluster.pids()).toHaveLength(codes.includes(0) ? 3 : 0);
  });

  it("ends with the node's own exit code where the data directory is another cluster's", async () => {
    await using one = await TestCluster.create();
    await using other = await TestCluster.create();
    for (const cluster of [one, other]) {
      expect((await cluster.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
      await cluster.run('cluster', 'down');
    }
    const file = join(one.dir, 'cluster.json');
    const content = JSON.parse(await readFile(file, 'utf8'));
    const { dataDir } = await other.node('node1');
    await writeFile(file, JSON.stringify({ ...content, nodes: [{ ...content.nodes[0], dataDir }] }));

    const up = await one.run('cluster', 'up');

    expect(up.code).toBe(78);
    expect(up.stderr).toMatch(/^Error: node1 ended with exit code 78 while it was starting\.\n {2}node1 \| /);
  });
});
