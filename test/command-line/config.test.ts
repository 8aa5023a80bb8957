import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, TestCluster } from './cluster-runner.ts';
import { raft } from './runner.ts';

let cluster: TestCluster;

/** One cluster for all of these scenarios, which follow each other. */
beforeAll(async () => {
  cluster = await TestCluster.create();
  const up = await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach');
  expect(up).toMatchObject({ code: 0 });
});

afterAll(() => cluster[Symbol.asyncDispose]());

/** What `raft config get --json` says, whatever its exit code. */
async function config() {
  const { stdout } = await cluster.run('config', 'get', '--json');
  return JSON.parse(stdout);
}

/** The names of the members by their parts. */
async function parts(): Promise<Readonly<Record<string, string>>> {
  const { members } = await config();
  return Object.fromEntries(
    members.map((member: { name: string; part: string }) => [member.name, member.part]),
  );
}

async function leaderName(): Promise<string> {
  return JSON.parse((await cluster.run('leader', 'show', '--json')).stdout).name;
}

/** A server on a free port that answers each request with a text; it ends with the test. */
async function impostor(answer: string): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((_request, response) => response.end(answer));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, server };
}

describe('the members of a cluster', () => {
  it('are shown with their parts, and what is under way', async () => {
    const get = await cluster.run('config', 'get');

    expect(get.code).toBe(0);
    expect(get.stdout).toMatch(
      /│ node1 │ voter │ yes +│ +\d+ │ +0 │ http:\/\/127\.0\.0\.1:\d+ │ \d{19,20} +│/,
    );
    expect(get.stdout).toContain('Configuration 0, stable. It is committed, and no change is under way.\n');
    expect(await config()).toMatchObject({
      ...{ index: 0, phase: 'stable', waitsFor: [], leader: expect.stringMatching(/^\d+$/) },
      members: [{ name: 'node1', part: 'voter', heard: true, lag: 0 }, { name: 'node2' }, { name: 'node3' }],
    });
  });

  it('can be more: cluster add starts nodes and waits until they are members', async () => {
    const one = await cluster.run('cluster', 'add');
    const more = await cluster.run('cluster', 'add', 'reader', '--learner', '--json');

    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/│ node4 │ voter │ +\d+ │/) });
    expect(more.code).toBe(0);
    expect(JSON.parse(more.stdout).nodes).toMatchObject([{ name: 'reader', state: 'running' }]);
    expect(await parts()).toEqual({
      ...{ node1: 'voter', node2: 'voter', node3: 'voter', node4: 'voter', reader: 'learner' },
    });
    const status = await cluster.run('status', '--json');
    const { nodes, configuration } = JSON.parse(status.stdout);
    expect(nodes.map(({ part }: { part: string }) => part).sort()).toEqual([
      ...['learner', 'voter', 'voter', 'voter', 'voter'],
    ]);
    expect(configuration).toMatchObject({ phase: 'stable', waitsFor: [] });
    expect((await cluster.run('status')).stdout).toMatch(
      /\nConfiguration \d+, stable: 4 voters, 1 learner\.\n$/,
    );
  });

  it('can be previewed: each phase, its majorities, and what it tolerates; nothing is changed', async () => {
    const before = await config();

    const text = await cluster.run('config', 'promote', 'reader', '--dry-run');
    const json = await cluster.run('config', 'set', 'node1', 'node2', 'node3', '--dry-run', '--json');

    expect(text).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /│ C_old,new │ C_old +│ node1, node2, node3, node4 +│ 3 of 4 │ +4 │ - +│ 1 failure +│/,
      ),
    });
    expect(text.stdout).toMatch(/It would go\. Nothing was changed\.\n$/);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ index: before.index, learners: [], refusal: null },
      phases: [
        { phase: 'C_old', majorities: [{ of: 'C_old', needed: 3, alive: 4 }], tolerates: 1 },
        {
          phase: 'C_old,new',
          majorities: [{ of: 'C_old' }, { of: 'C_new', needed: 2, alive: 3 }],
          tolerates: 1,
        },
        { phase: 'C_new', majorities: [{ of: 'C_new', voters: [{ name: 'node1', alive: true }, {}, {}] }] },
      ],
    });
    expect(await config()).toMatchObject({ index: before.index, phase: 'stable' });
  });

  it('are changed through a node that does not lead', async () => {
    const leader = await leaderName();
    const other = await cluster.node(leader === 'node1' ? 'node2' : 'node1');

    const promote = await cluster.run('config', 'promote', 'reader', '--server', other.url, '--json');
    const again = await cluster.run('config', 'promote', 'reader');

    expect(promote.code).toBe(0);
    expect(JSON.parse(promote.stdout)).toMatchObject({
      ...{ changed: true, learners: [], index: (await config()).index },
      voters: expect.arrayContaining([expect.objectContaining({ name: 'reader' })]),
    });
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^There was nothing to change\. /),
    });
    expect((await parts()).reader).toBe('voter');
  });

  it('are given all at once, by URL, by name and by id, and whoever is left out stops by itself', async () => {
    const [one, two, reader] = await Promise.all(
      ['node1', 'node2', 'reader'].map((name) => cluster.node(name)),
    );
    const { index } = await config();

    const set = await cluster.run(
      ...[
        'config',
        'set',
        one?.url ?? '',
        `node2=${two?.url}`,
        'node3',
        '--learner',
        `${reader?.id}=${reader?.url}`,
      ],
      ...['--expect', String(index)],
    );

    expect(set).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Configuration \d+ is in force: voters node1, node2, node3; learners reader\.\n$/,
      ),
    });
    expect(await parts()).toEqual({ node1: 'voter', node2: 'voter', node3: 'voter', reader: 'learner' });
    await eventually('node4 has stopped', async () =>
      / This node was removed from the cluster by .*\n[\s\S]* has stopped\n$/.test(
        await cluster.output('node4'),
      ),
    );
    const { nodes } = JSON.parse((await cluster.run('status', '--json')).stdout);
    expect(nodes).toContainEqual(
      expect.objectContaining({ name: 'node4', part: 'removed', reachable: false }),
    );
  });

  it('may be without the leader', async () => {
    const leader = await leaderName();
    const { id } = await cluster.node(leader);
    expect((await cluster.run('kv', 'put', 'kept', 'yes')).code).toBe(0);

    const remove = await cluster.run('config', 'remove', id);

    expect(remove.code).toBe(0);
    expect(Object.keys(await parts())).not.toContain(leader);
    expect((await cluster.run('kv', 'get', 'kept')).stdout).toBe('yes\n');
    await eventually('it has stopped', async () => (await cluster.process(leader)).state === 'stopped');
    expect((await cluster.run('cluster', 'remove', leader)).code).toBe(0);
    expect((await cluster.read()).nodes.map(({ name }) => name)).not.toContain(leader);
    expect((await cluster.run('cluster', 'add', '-n', '2')).code).toBe(0);
    expect(Object.values(await parts()).sort()).toEqual(['learner', 'voter', 'voter', 'voter', 'voter']);
  });
});

describe('a change that cannot be', () => {
  it('says why, has an exit code, and leaves the configuration as it was', async () => {
    await using other = await TestCluster.create();
    expect((await other.run('cluster', 'up', '-n', '1', '--base-port', '0', '--detach')).code).toBe(0);
    const foreign = await other.node('node1');
    const web = await impostor('<h1>Welcome</h1>');
    const original = await impostor('77');
    const before = await config();
    const cases: readonly (readonly [args: readonly string[], code: number, RegExp])[] = [
      [
        ['add', 'http://127.0.0.1:1'],
        69,
        /^Error: No node answers at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
      ],
      [['add', '7=http://127.0.0.1:1'], 69, /^Error: No node answers at /],
      [['add', web.url], 78, /is not a Raft node\.\n/],
      [['add', `7=${web.url}`], 78, /is not a Raft node\.\n/],
      [['add', foreign.url], 78, /belongs to cluster .*, this is cluster /],
      [['add', original.url], 78, /Node 77 .* speaks only the original protocol/],
      [['add', `8=${original.url}`], 78, /there is node 77, not 8|speaks only the original protocol/],
      [['add', `stranger=${foreign.url}`], 2, /^Error: Which node "stranger" is cannot be said/],
      [['remove', 'node99'], 2, /^Error: There is no node "node99" in this cluster\.\n {2}Its nodes are /],
      [['promote', 'node4'], 2, /is no member of this cluster/],
      [['set', 'reader', 'reader'], 2, /stands twice among the members/],
      [['set', 'reader', '--expect', '1'], 3, /^Error: The configuration is that of index \d+ now/],
      [['remove', 'reader', '--expect', '1'], 3, /^Error: The configuration is that of index \d+ now/],
      [['add', 'http://127.0.0.1:1/path'], 2, /This needs the URL of a node/],
    ];

    for (const [args, code, sentence] of cases) {
      const what = args.join(' ');
      const refused = await cluster.run('config', ...args);
      expect(refused, what).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) });
      const preview = await cluster.run('config', ...args, '--dry-run', '--json');
      expect(preview.code, what).toBe(code);
    }
    const json = await cluster.run('config', 'add', foreign.url, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'configuration' } });
    const preview = await cluster.run('config', 'add', foreign.url, '--dry-run', '--json');
    expect(JSON.parse(preview.stdout)).toMatchObject({ refusal: { code: 'configuration' } });
    const past = await cluster.run('config', 'set', 'reader', '--expect', '1', '--dry-run', '--json');
    expect(JSON.parse(past.stdout).refusal.suggestions).toEqual([
      `raft config get --dir ${cluster.dir}   # shows the members as they are`,
    ]);
    expect(await config()).toMatchObject({ index: before.index, phase: 'stable' });
    web.server.close();
    original.server.close();
  });

  it('because too few of the new voters are alive is refused with the arithmetic', async () => {
    const before = await config();
    const leader = await leaderName();
    const voters = Object.entries(await parts()).flatMap(([name, part]) => (part === 'voter' ? [name] : []));
    const [dead = ''] = voters.filter((name) => name !== leader);
    await cluster.run('cluster', 'kill', dead);
    await eventually('the leader misses it', async () =>
      (await config()).members.some(({ heard }: { heard: boolean }) => !heard),
    );

    const refused = await cluster.run('config', 'set', leader, dead);
    const preview = await cluster.run('config', 'set', leader, dead, '--dry-run');
    const json = await cluster.run('config', 'set', leader, dead, '--dry-run', '--json');

    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        `C_new needs 2 of its 2 voters, and 1 is alive now: ${dead} is not heard of. Nothing was changed.`,
      ),
    });
    expect([preview.code, json.code]).toEqual([3, 3]);
    expect(preview.stdout).toContain('no majority is alive');
    expect(preview.stdout).toContain('It would be refused: C_new needs 2 of its 2 voters');
    expect(JSON.parse(json.stdout)).toMatchObject({
      phases: [{}, { phase: 'C_old,new', tolerates: null }, { phase: 'C_new', tolerates: null }],
      refusal: { code: 'quorum-at-risk' },
    });
    expect(await config()).toMatchObject({ index: before.index, phase: 'stable' });
    expect((await cluster.run('cluster', 'start', dead)).code).toBe(0);
  });

  it('yet, because a new voter is not there, goes on by itself when its command is ended', async () => {
    const voters = Object.entries(await parts()).flatMap(([name, part]) => (part === 'voter' ? [name] : []));
    const { id } = await cluster.node('reader');
    await cluster.run('cluster', 'pause', 'reader');
    // It lacks this entry, and cannot get it.
    expect((await cluster.run('kv', 'put', 'missing', 'entry')).code).toBe(0);

    const change = cluster.start('config', 'promote', 'reader');
    await eventually('it catches up', async () => (await config()).phase === 'catching-up');
    const other = await cluster.run('config', 'set', ...voters);
    const get = await cluster.run('config', 'get');
    change.child.kill('SIGINT');

    expect(await change.ended).toMatchObject({
      ...{ code: 130, stdout: '' },
      stderr: expect.stringContaining(`See how far it is: raft config get --dir ${cluster.dir}\n`),
    });
    expect(other).toMatchObject({ code: 69, stderr: expect.stringContaining('Another change of members') });
    expect(get.stdout).toMatch(/\nConfiguration \d+, catching-up\. .*\nIt waits for reader\.\n/);
    expect(await config()).toMatchObject({ phase: 'catching-up', waitsFor: [id] });
    expect((await cluster.run('cluster', 'resume', 'reader')).code).toBe(0);
    await eventually('it votes', async () => (await parts()).reader === 'voter');
    expect((await cluster.run('config', 'set', '--learner', 'reader', ...voters)).code).toBe(0);
    expect((await parts()).reader).toBe('learner');
  });
});

describe('leadership', () => {
  it('is handed to a voter that is named, or to the fittest', async () => {
    const before = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);
    const voters = Object.entries(await parts()).flatMap(([name, part]) => (part === 'voter' ? [name] : []));
    const [heir = ''] = voters.filter((name) => name !== before.name);

    const named = await cluster.run('leader', 'transfer', heir, '--json');
    const same = await cluster.run('leader', 'transfer', heir);
    const fittest = await cluster.run('leader', 'transfer');

    expect(named.code).toBe(0);
    expect(JSON.parse(named.stdout)).toMatchObject({ name: heir, term: before.term + 1 });
    expect(same.stdout).toMatch(
      new RegExp(`^${heir} \\(\\d+\\) leads in term ${before.term + 1} at http://`),
    );
    expect(fittest.stdout).toMatch(new RegExp(`leads in term ${before.term + 2} at http://`));
    expect(await leaderName()).not.toBe(heir);
  });

  it('is not handed to who does not vote, or is not there', async () => {
    const learner = await cluster.run('leader', 'transfer', 'reader');
    const nobody = await cluster.run('leader', 'transfer', 'node99', '--json');

    expect(learner).toMatchObject({ code: 2, stderr: expect.stringContaining('raft config promote reader') });
    expect(nobody.code).toBe(2);
    expect(JSON.parse(nobody.stdout)).toMatchObject({ error: { code: 'usage' } });
  });

  it('goes over when its node is stopped', async () => {
    const before = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);

    expect((await cluster.run('cluster', 'stop', before.name)).code).toBe(0);

    const after = JSON.parse((await cluster.run('leader', 'show', '--json')).stdout);
    expect(after.term).toBe(before.term + 1);
    expect(await cluster.output(after.name)).toContain(
      `candidate in term ${after.term}: the leader hands over to it`,
    );
    expect((await cluster.run('cluster', 'start', before.name)).code).toBe(0);
  });
});

describe('without a leader', () => {
  it('the members are shown as those who answer know them, and nothing can be changed', async () => {
    const voters = Object.entries(await parts()).flatMap(([name, part]) => (part === 'voter' ? [name] : []));
    await cluster.run('cluster', 'stop', ...voters.slice(1));

    const get = await cluster.run('config', 'get');
    const remove = await cluster.run('config', 'remove', voters[1] ?? '', '--timeout', '1');
    const add = await cluster.run('cluster', 'add');
    const nodes = (await cluster.read()).nodes.length;

    expect(get.code).toBe(69);
    expect(get.stdout).toMatch(/\nNo leader answers that a majority follows\. This is what (\w+) knows/);
    expect(remove).toMatchObject({ code: 69, stderr: expect.stringContaining('nothing was changed') });
    // What it says to type next looks where it was told to look itself.
    expect(remove.stderr).toContain(`See which nodes answer: raft status --dir ${cluster.dir}\n`);
    expect(remove.stderr).toContain(`raft config get --dir ${cluster.dir}   # shows the members`);
    expect(add.code).toBe(69);
    expect((await cluster.read()).nodes).toHaveLength(nodes);
    await cluster.run('cluster', 'down');
    const none = await cluster.run('config', 'get', '--json');
    const one = await raft(['config', 'get', '--server', (await cluster.node(voters[0] ?? '')).url]);
    expect([none.code, one.code]).toEqual([69, 69]);
    const message = `None of the ${nodes} nodes says who the members are.`;
    expect(JSON.parse(none.stdout)).toMatchObject({ error: { code: 'unreachable', message } });
    expect(one.stderr).toMatch(/^Error: The node does not say who the members are\.\n/);
  });
});
