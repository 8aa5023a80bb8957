import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { entriesOf } from '../logtools/entries.ts';
import { eventually, TestCluster } from './cluster-runner.ts';
import { raft, startRaft, temporaryDirectory } from './runner.ts';

const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

describe('raft log stats', () => {
  it('draws what a log consists of, and gives it as JSON', async () => {
    const log = fixture('seed-log/mixed.log');
    const [plain, json] = await Promise.all([
      raft(['log', 'stats', log]),
      raft(['log', 'stats', log, '--from', '400', '--json']),
    ]);

    expect([plain.code, json.code]).toEqual([0, 0]);
    expect(plain.stdout).toMatch(
      /mixed\.log: 402 entries, 99\.4 KiB in one file, index 1 to 402\n\nby kind\n/,
    );
    expect(plain.stdout).toContain('█');
    expect(plain.stderr).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({
      entries: 3,
      first: { index: '400' },
      last: { index: '402' },
    });
  });
});

describe('raft log diff', () => {
  it('says where logs part, with the entries from there where they are wanted', async () => {
    const logs = [fixture('seed-log/mixed.log'), fixture('damaged-log/torn-tail.log')];
    const [plain, json, one] = await Promise.all([
      raft(['log', 'diff', ...logs]),
      raft(['log', 'diff', ...logs, '--entries', '--json']),
      raft(['log', 'diff', fixture('seed-log/mixed.log')]),
    ]);

    expect([plain.code, json.code, one.code]).toEqual([0, 0, 2]);
    expect(plain.stdout).toContain('The logs hold the same up to index 401, and part at 402.');
    expect(plain.stdout).toContain(
      'Nothing says how many vote: if there are more than these 2, give --voters.',
    );
    const [entry, summary, ...rest] = json.stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(entry).toMatchObject({ type: 'entry', index: '402', ended: [logs[1]] });
    expect(summary).toMatchObject({ type: 'summary', voters: 2, votersFrom: 'assumed', partAt: '402' });
    expect(rest).toEqual([]);
    expect(one.stderr).toContain('two logs or more');
  });

  it('ends with 65 where two logs hold different bytes of one index and term', async () => {
    const directory = await temporaryDirectory();
    try {
      const paths = await Promise.all(
        ['one', 'two'].map(async (text) => {
          const path = join(directory.path, text);
          await writeFile(path, encodeFrames(entriesOf([[1, text]])));
          return path;
        }),
      );
      const { code, stdout } = await raft(['log', 'diff', ...paths, '--json']);

      expect(code).toBe(65);
      expect(JSON.parse(stdout)).toMatchObject({ conflicts: 1 });
    } finally {
      await directory.remove();
    }
  });
});

describe('raft log repair', () => {
  it('says what it would do and lose, and changes nothing before it is told to', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'x.log');
      const bytes = await readFile(fixture('damaged-log/bitflip-command.log'));
      await writeFile(path, bytes);
      const plan = await raft(['log', 'repair', path]);
      const json = await raft(['log', 'repair', path, '--json']);

      expect([plan.code, json.code]).toEqual([0, 0]);
      expect(plan.stdout).toContain('everything from index 202 on (checksum-mismatch');
      expect(plan.stdout).toMatch(/this would be lost:\n.*checksum-mismatch/);
      const [first, ...lost] = json.stdout
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line));
      expect(first).toMatchObject({ type: 'plan', verdict: 'repairable', abstainThrough: '402' });
      expect(lost).toHaveLength(201);
      expect(lost.at(-1)).toMatchObject({ type: 'lost', index: '402' });
      expect((await readFile(path)).equals(bytes)).toBe(true);
    } finally {
      await directory.remove();
    }
  });

  it('takes what is missing from another log, and keeps the original', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'x.log');
      await copyFile(fixture('damaged-log/two-bitflips.log'), path);
      const whole = fixture('seed-log/mixed.log');
      const { code, stdout } = await raft(['log', 'repair', path, '--from', whole, '--apply']);

      expect(code).toBe(0);
      expect(stdout).toContain('The log is whole now');
      expect((await readFile(path)).equals(await readFile(whole))).toBe(true);
      const original = await readFile(fixture('damaged-log/two-bitflips.log'));
      expect((await readFile(`${path}.damaged-1`)).equals(original)).toBe(true);
    } finally {
      await directory.remove();
    }
  });

  it('says that there is no room where there is none, leaves the log as it is, and comes to its end once there is', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'x.log');
      const damaged = fixture('damaged-log/two-bitflips.log');
      await copyFile(damaged, path);
      const repair = ['log', 'repair', path, '--from', fixture('seed-log/mixed.log'), '--apply'];
      // No file may get longer than eight blocks of the shell's, which are less than the log.
      const { code, stderr } = await raft(repair, { fileBlocksMax: 8 });

      expect(code).toBe(1);
      expect(stderr).toContain('did not come to its end: EFBIG');
      expect(stderr).toContain('  Make as much room again as the log takes');
      expect(await readdir(directory.path)).toEqual(['x.log']);
      expect((await readFile(path)).equals(await readFile(damaged))).toBe(true);
      expect((await raft(repair)).code).toBe(0);
    } finally {
      await directory.remove();
    }
  });

  it('sums up what it would lose, and says of a bare file that no node may have it then', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'x.log');
      const entries = entriesOf(Array.from({ length: 9 }, (_, i) => [1, `put key-${i} value`] as const));
      const bytes = encodeFrames(entries);
      bytes[encodeFrames(entries.slice(0, 3)).length - 1] = 0xff;
      await writeFile(path, bytes);

      const { code, stdout } = await raft(['log', 'repair', path]);

      expect(code).toBe(0);
      expect(stdout).toContain("do not put this file into a node's directory");
      expect(stdout).toMatch(/\nin all: 6 entries, index 4 to 9; 1 damaged place\n$/);
    } finally {
      await directory.remove();
    }
  });

  it.each([[], ['--json']])('comes to its end where its reader goes away (%s)', async (...flags) => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'x.log');
      // More lines than a pipe holds are lost.
      const entries = entriesOf(Array.from({ length: 5000 }, (_, i) => [1, `put key-${i} value`] as const));
      const bytes = encodeFrames(entries);
      bytes[encodeFrames(entries.slice(0, 2)).length - 1] = 0xff;
      await writeFile(path, bytes);
      const { child, ended } = startRaft(['log', 'repair', path, '--apply', ...flags]);
      child.stdout?.once('data', () => child.stdout?.destroy());
      const { code, stderr } = await ended;

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(await readFile(path)).toEqual(Buffer.from(encodeFrames(entries.slice(0, 1))));
      expect((await readFile(`${path}.damaged-1`)).equals(bytes)).toBe(true);
    } finally {
      await directory.remove();
    }
  });

  it('takes nothing from the log itself', async () => {
    const log = fixture('damaged-log/two-bitflips.log');
    const { code, stderr } = await raft(['log', 'repair', log, '--from', log]);

    expect([code, stderr]).toEqual([2, expect.stringContaining('name that of another node')]);
  });

  it('ends with 65 where nothing can be kept', async () => {
    const { code, stdout } = await raft(['log', 'repair', fixture('damaged-log/not-a-log.log')]);

    expect(code).toBe(65);
    expect(stdout).toContain('it cannot be repaired. Nothing in it is an entry');
  });

  it('brings a node of a cluster back from another one, and touches no log whose node runs', async () => {
    await using cluster = await TestCluster.create();
    expect((await cluster.run('cluster', 'up', '-n', '3', '--base-port', '0', '--detach')).code).toBe(0);
    for (const value of ['one', 'two', 'three']) await cluster.run('kv', 'put', 'greeting', value);
    const { dataDir } = await cluster.node('node2');
    await eventually('node2 has the entries', async () => {
      const { stdout } = await cluster.run('log', 'dump', 'node2', '--grep', 'three', '--json');
      return stdout !== '';
    });
    expect((await cluster.run('log', 'repair', 'node2', '--apply')).code).toBe(73);
    await cluster.run('cluster', 'stop', 'node2');
    const path = join(dataDir, 'log', '00000000000000000001.log');
    const bytes = await readFile(path);
    const at = bytes.indexOf('one');
    bytes[at] = 0x4f;
    await writeFile(path, bytes);
    expect((await cluster.run('cluster', 'start', 'node2')).code).toBe(65);
    const alone = await cluster.run('log', 'repair', 'node2');
    expect(alone).toMatchObject({
      code: 65,
      stdout: expect.stringMatching(
        /node2: it cannot be repaired from this log alone\. It could .* must not be cut\.\n {2}raft log repair \S+node2 --from NODE {3}#/,
      ),
    });

    const repair = await cluster.run('log', 'repair', 'node2', '--from', 'node1', '--apply');

    expect([repair.code, repair.stdout]).toEqual([0, expect.stringContaining('from the other log')]);
    expect((await cluster.run('cluster', 'start', 'node2')).code).toBe(0);
  });
});

/** A directory with a log whose commands the key-value machine understands. */
async function kvLog(): Promise<{
  readonly path: string;
  remove(): Promise<void>;
  readonly directory: string;
}> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, 'kv.log');
  const commands = ['put a 1', 'put b 2', 'put a 3', 'delete b'].map((text) => [1, text] as const);
  await writeFile(path, encodeFrames(entriesOf(commands)));
  return { path, directory: directory.path, remove: () => directory.remove() };
}

describe('raft log state', () => {
  it('shows the state after an entry, or after the last one', async () => {
    const log = await kvLog();
    try {
      const [plain, json, beyond] = await Promise.all([
        raft(['log', 'state', log.path, '--at', '2']),
        raft(['log', 'state', log.path, '--json']),
        raft(['log', 'state', log.path, '--at', '5']),
      ]);

      expect([plain.code, json.code, beyond.code]).toEqual([0, 0, 2]);
      expect(plain.stdout).toBe(
        'After index 2 (term 1) there are 2 keys:\na = 1  (index 1)\nb = 2  (index 2)\n',
      );
      expect(
        json.stdout
          .trimEnd()
          .split('\n')
          .map((line): unknown => JSON.parse(line)),
      ).toEqual([
        { type: 'state', index: '4', term: '1', keys: 1, committedThrough: '0' },
        { type: 'item', key: 'a', value: '3', index: 3 },
      ]);
    } finally {
      await log.remove();
    }
  });

  it('says how many of the keys begin as asked, also where none does', async () => {
    const log = await kvLog();
    try {
      const state = ['log', 'state', log.path, '--at', '2', '--prefix'];
      const [one, none, json] = await Promise.all([
        raft([...state, 'a']),
        raft([...state, 'nope']),
        raft([...state, 'nope', '--json']),
      ]);

      expect([one.code, none.code, json.code]).toEqual([0, 0, 0]);
      expect(one.stdout).toBe('After index 2 (term 1) 1 of 2 keys begins with "a":\na = 1  (index 1)\n');
      expect(none.stdout).toBe('After index 2 (term 1) 0 of 2 keys begin with "nope".\n');
      expect(JSON.parse(json.stdout)).toMatchObject({ type: 'state', keys: 2 });
    } finally {
      await log.remove();
    }
  });

  it('ends with 65 behind damage', async () => {
    const { code, stderr } = await raft(['log', 'state', fixture('damaged-log/missing-entry.log')]);

    expect(code).toBe(65);
    expect(stderr).toContain('raft log repair');
  });
});

describe('raft log bisect', () => {
  it('shows the first entry that makes a condition true, and ends with 3 where there is none', async () => {
    const log = await kvLog();
    try {
      const [found, json, none] = await Promise.all([
        raft(['log', 'bisect', log.path, '--when', 'state["a"] == "3"']),
        raft(['log', 'bisect', log.path, '--when', 'size(state) == 2', '--json']),
        raft(['log', 'bisect', log.path, '--when', 'size(state) > 2']),
      ]);

      expect([found.code, json.code, none.code]).toEqual([0, 0, 3]);
      expect(found.stdout).toContain('put a 3\n"a": "1" became "3"\n');
      expect(JSON.parse(json.stdout)).toMatchObject({ index: '2', change: { key: 'b', before: null } });
      expect(none.stderr).toContain('No entry up to index 4 makes it true: it never comes true.');
    } finally {
      await log.remove();
    }
  });
});

describe('raft log export', () => {
  it('writes a table to standard output or to a new file, and overwrites none', async () => {
    const log = await kvLog();
    try {
      const file = join(log.directory, 'out.csv');
      const plain = await raft(['log', 'export', log.path, '--where', 'op == "delete"']);
      const first = await raft(['log', 'export', log.path, '--format', 'csv', '--output', file]);
      const second = await raft(['log', 'export', log.path, '--format', 'csv', '--output', file]);

      expect([plain.code, first.code, second.code]).toEqual([0, 0, 73]);
      expect(JSON.parse(plain.stdout)).toMatchObject({ index: '4', op: 'delete', key: 'b' });
      expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(6);
    } finally {
      await log.remove();
    }
  });

  it('writes a log for the original as far as it is committed, and asks where nothing says how far', async () => {
    const log = await kvLog();
    try {
      const file = join(log.directory, 'original.log');
      const unknown = await raft(['log', 'export', log.path, '--format', 'original']);
      const written = await raft([
        ...['log', 'export', log.path, '--format', 'original', '--committed', '2', '--output', file],
      ]);

      expect([unknown.code, written.code]).toEqual([2, 0]);
      expect(unknown.stderr).toContain('--committed INDEX');
      expect((await raft(['log', 'verify', file])).stdout).toContain('ok, 2 entries');
    } finally {
      await log.remove();
    }
  });
});
