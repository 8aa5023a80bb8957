import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCluster } from '../../src/cluster/cluster-file.ts';
import { logIndex } from '../../src/lib/brands.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { plainLog } from '../logfmt/logs.ts';
import { raft, temporaryDirectory } from './runner.ts';

const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

const linesOf = (text: string): readonly unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('raft log verify', () => {
  it('ends with 0 on a good log', async () => {
    const { code, stdout } = await raft(['log', 'verify', fixture('seed-log/mixed.log')]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/: ok, \d+ entries/);
  });

  it('ends with 65 on a log on which a node refuses to start, and names the place', async () => {
    const file = fixture('damaged-log/two-bitflips.log');
    const [plain, json] = await Promise.all([
      raft(['log', 'verify', file]),
      raft(['log', 'verify', file, '--json']),
    ]);

    expect([plain.code, json.code]).toEqual([65, 65]);
    expect(plain.stdout).toContain('checksum-mismatch at offset 8850');
    expect(plain.stdout.endsWith(`\nraft log repair ${file}   # says what can be done about it\n`)).toBe(
      true,
    );
    expect(JSON.parse(json.stdout)).toMatchObject({
      file,
      bytes: 101793,
      entries: 400,
      first: { index: '1', term: '1' },
      ok: false,
      problems: [{ kind: 'checksum-mismatch', offset: 8850, fatal: true }, { kind: 'checksum-mismatch' }],
    });
  });

  it('says that a file holds no entries, on which a node starts all the same', async () => {
    const directory = await temporaryDirectory();
    try {
      for (const bytes of [0, 512]) {
        const file = join(directory.path, `${bytes}.log`);
        await writeFile(file, Buffer.alloc(bytes));
        const { code, stdout } = await raft(['log', 'verify', file]);

        expect(code).toBe(0);
        expect(stdout).toContain(`${file}: ok, no entries in ${bytes} bytes\n`);
      }
    } finally {
      await directory.remove();
    }
  });

  it('sends nobody to a repair of what is no log', async () => {
    const { code, stdout } = await raft(['log', 'verify', fixture('damaged-log/not-a-log.log')]);

    expect([code, stdout]).toEqual([65, expect.not.stringContaining('raft log repair')]);
  });

  it('ends with 0 on a torn tail, which a node mends', async () => {
    const { code, stdout } = await raft(['log', 'verify', fixture('damaged-log/torn-tail.log'), '--json']);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, problems: [{ kind: 'torn-tail', fatal: false }] });
  });
});

describe('a file that is no log', () => {
  it.each([['inspect'], ['dump'], ['stats'], ['export'], ['state'], ['bisect', '--when', 'true']])(
    'is refused by raft log %s',
    async (command, ...flags) => {
      const file = fixture('damaged-log/not-a-log.log');
      const { code, stdout, stderr } = await raft(['log', command, file, ...flags]);

      expect(code).toBe(65);
      expect(stdout).toBe('');
      expect(stderr).toContain(`${file} is no log`);
    },
  );

  it('is refused by raft log diff, beside whatever it stands', async () => {
    const file = fixture('damaged-log/not-a-log.log');
    for (const logs of [
      [fixture('seed-log/mixed.log'), file],
      [file, fixture('damaged-log/torn-tail.log')],
    ]) {
      const { code, stdout, stderr } = await raft(['log', 'diff', ...logs]);

      expect([code, stdout]).toEqual([65, '']);
      expect(stderr).toContain(`${file} is no log`);
    }
  });
});

describe('raft log diff of logs without an entry that can be read in all of them', () => {
  it('ends with 3 where they hold no index in common, and with 65 where one is damaged', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = (name: string): string => join(directory.path, name);
      const [late, damaged, empty, blank] = [path('late'), path('damaged'), path('empty'), path('blank')];
      const entries = plainLog(6, 100);
      await writeFile(late, encodeFrames(entries.slice(3)));
      const bytes = Buffer.from(encodeFrames(entries.slice(2)));
      bytes[40] = 255 - (bytes[40] ?? 0);
      await writeFile(damaged, bytes);
      await writeFile(empty, '');
      await writeFile(blank, '');
      // A segment that was named by its path does not end where a later one stands beside it.
      const segment = path('00000000000000000001.log');
      await writeFile(segment, encodeFrames(entries.slice(0, 3)));
      await writeFile(path('00000000000000000004.log'), encodeFrames(entries.slice(3)));

      const apart = await raft(['log', 'diff', segment, late]);
      const hidden = await raft(['log', 'diff', segment, damaged]);
      const nothing = await raft(['log', 'diff', empty, blank]);

      expect(apart.stdout).toContain('so nothing was compared');
      expect([apart.code, hidden.code, nothing.code]).toEqual([3, 65, 0]);
    } finally {
      await directory.remove();
    }
  });
});

describe('the directory of a cluster', () => {
  it('is no log, and each command says how it is typed for one of the nodes', async () => {
    const directory = await temporaryDirectory();
    try {
      await createCluster(join(directory.path, 'raft-data'), { machine: 'kv', ports: [7600, 7601, 7602] });
      for (const command of ['verify', 'stats', 'dump', 'inspect', 'state', 'export', 'repair']) {
        const { code, stderr } = await raft(['log', command, 'raft-data'], { cwd: directory.path });

        expect(code).toBe(66);
        expect(stderr).toContain(`\n  Name a node, for example: raft log ${command} node1\n`);
      }
    } finally {
      await directory.remove();
    }
  });
});

describe('raft log verify of a data directory', () => {
  it('ends with 65 where the log is gone, and where it begins too late', async () => {
    const directory = await temporaryDirectory();
    try {
      const { path } = directory;
      await mkdir(join(path, 'log'));
      const blank = await raft(['log', 'verify', path, '--json']);
      expect(blank.code).toBe(66);
      await writeFile(join(path, 'commit'), encodeCommitHint(logIndex(3)));
      const gone = await raft(['log', 'verify', path]);
      expect(gone.code).toBe(65);
      expect(gone.stderr).toMatch(/All segments .* are gone, but entries up to 3 are known to be committed/);
      const segment = join(path, 'log/00000000000000000003.log');
      await writeFile(segment, encodeFrames(plainLog(4, 100).slice(2)));
      const late = await raft(['log', 'verify', path]);
      expect(late.code).toBe(65);
      expect(late.stdout).toContain('index-gap at offset 0, 0 bytes: index 3 follows 0: 1 to 2 are missing');
      expect(late.stdout).toContain(`\nraft log repair ${path}   #`);
      const alone = await raft(['log', 'verify', segment]);
      expect([alone.code, alone.stdout]).toEqual([0, expect.not.stringContaining('raft log repair')]);
      // A log is repaired as a whole, and so the data directory is what has to be named.
      await writeFile(segment, (await readFile(segment)).fill(0xff, 30, 40));
      expect((await raft(['log', 'verify', segment])).stdout).toContain(`\nraft log repair ${path}   #`);
    } finally {
      await directory.remove();
    }
  });
});

describe('raft log verify on a log of many blocks', () => {
  it('gives with threads the verdict that it gives without, whether the log is whole or damaged', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'large.log');
      const bytes = encodeFrames(plainLog(160_000, 128));
      for (const damage of [[], [3, 9_000_000, 9_000_200, 23_456_789]]) {
        for (const at of damage) bytes[at] = (bytes[at] ?? 0) ^ 4;
        await writeFile(path, bytes);

        const [alone, threads] = await Promise.all(
          ['1', '2'].map((count) => raft(['log', 'verify', path, '--threads', count, '--json'])),
        );

        expect(threads).toEqual(alone);
        expect(alone?.code).toBe(damage.length === 0 ? 0 : 65);
        expect(alone?.stderr).toBe('');
      }
    } finally {
      await directory.remove();
    }
  });
});

describe('raft log dump', () => {
  it('gives the entries of the original as they were written, uint64 values exact', async () => {
    for (const name of ['mixed', 'uint64-extremes']) {
      const { stdout } = await raft(['log', 'dump', fixture(`seed-log/${name}.log`)]);
      const written = linesOf(await readFile(fixture(`seed-log/${name}.ndjson`), 'utf8'));
      const entries = linesOf(stdout).filter((row) => !isDamage(row));

      expect(entries).toHaveLength(written.length);
      expect(entries).toMatchObject(written);
    }
  });

  it('shows damage in its place', async () => {
    const { code, stdout } = await raft(['log', 'dump', fixture('damaged-log/bitflip-command.log')]);
    const rows = linesOf(stdout);
    const at = rows.findIndex(isDamage);

    expect(code).toBe(0);
    expect(rows[at]).toMatchObject({ problem: 'checksum-mismatch', offset: expect.any(Number) });
    expect(rows[at - 1]).toHaveProperty('index', String(at));
    expect(rows[at + 1]).toHaveProperty('index', String(at + 2));
  });

  it('shows the entries of a range of indexes alone', async () => {
    const { stdout } = await raft(['log', 'dump', fixture('seed-log/mixed.log'), '--from', '7', '--to', '9']);

    expect(linesOf(stdout)).toMatchObject([{ index: '7' }, { index: '8' }, { index: '9' }]);
  });
});

describe('raft log dump --where', () => {
  const log = fixture('seed-log/mixed.log');

  it('shows the entries for which the condition holds', async () => {
    const { stdout } = await raft(['log', 'dump', log, '--where', 'index < 3 && text.startsWith("SET")']);

    for (const row of linesOf(stdout)) expect(row).toMatchObject({ text: expect.stringMatching(/^SET/) });
    expect(linesOf(stdout)).toHaveLength(1);
  });

  it('ends with 2 where it is not understood, and points at the place', async () => {
    const plain = await raft(['log', 'dump', log, '--where', 'index = 5']);
    const json = await raft(['log', 'inspect', log, '--where', 'index = 5', '--json']);

    expect([plain.code, json.code]).toEqual([2, 2]);
    expect(plain.stderr).toContain('at character 7');
    expect(plain.stderr).toContain('\n  index = 5\n        ^\n');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'usage' } });
  });
});

describe('a choice of entries that none of them meets', () => {
  const log = fixture('damaged-log/bitflip-command.log');
  const NONE = ['--where', 'size > 1000000'];

  it.each([
    ['inspect', NONE, /^ +offset .*\n +\d+ {2}!! checksum-mismatch.*\n$/],
    ['inspect', [...NONE, '--json'], /^\{"type":"damage".*\}\n$/],
    ['dump', NONE, /^\{.*"problem":"checksum-mismatch".*\}\n$/],
  ])('is said beside the output of raft log %s %j', async (command, flags, output) => {
    const { code, stdout, stderr } = await raft(['log', command, log, ...flags]);

    expect([code, stderr]).toEqual([0, '0 of 401 entries match.\n']);
    // Damage is no entry: it is shown, and is no match.
    expect(stdout).toMatch(output);
  });

  it('is not said of entries outside a range, which are not read, nor where one is shown or all are wanted', async () => {
    const whole = fixture('seed-log/mixed.log');
    const [range, one, all] = await Promise.all([
      raft(['log', 'dump', whole, '--from', '2', '--to', '5', ...NONE]),
      raft(['log', 'dump', whole, '--where', 'index == 7']),
      raft(['log', 'dump', whole]),
    ]);

    expect(range).toMatchObject({ stdout: '', stderr: '0 of 6 entries that were read match.\n' });
    for (const { stderr } of [one, all]) expect(stderr).toBe('');
  });
});

describe('raft log inspect', () => {
  it('shows one line for each entry under a heading', async () => {
    const { stdout } = await raft(['log', 'inspect', fixture('seed-log/cluster-node1.log')]);
    const [heading, ...rows] = stdout.trimEnd().split('\n');

    expect(heading?.trim().split(/ +/)).toEqual(['offset', 'index', 'term', 'size', 'kind', 'command']);
    expect(rows[0]).toMatch(/^ +0 +1 +1 +14 +command +SET key1 node0$/);
  });

  it('ends by itself once it has shown the last entry that was asked for, also where it follows', async () => {
    const log = fixture('seed-log/mixed.log');
    const { code, stdout } = await raft(['log', 'inspect', log, '--follow', '--from', '401', '--to', '402']);

    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
  });

  it('finds a log by the path of a file in the working directory', async () => {
    const directory = await temporaryDirectory();
    try {
      await copyFile(fixture('seed-log/mixed.log'), join(directory.path, 'node1.log'));

      const { code, stdout } = await raft(['log', 'inspect', 'node1.log', '--json', '--to', '1'], {
        cwd: directory.path,
      });

      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ type: 'entry', index: '1', segment: 'node1.log' });
    } finally {
      await directory.remove();
    }
  });
});

describe('a lock that cannot be read', () => {
  it('stops nobody who only reads the log, and leaves the writer unknown', async () => {
    const directory = await temporaryDirectory();
    try {
      const torn = await readFile(fixture('damaged-log/torn-tail.log'));
      await mkdir(join(directory.path, 'log'));
      await writeFile(join(directory.path, 'log', '00000000000000000001.log'), torn);
      // A file that this user may not read would do as well, but root may read every file.
      await mkdir(join(directory.path, 'lock'));

      const [verify, dump, inspect] = await Promise.all(
        ['verify', 'dump', 'inspect'].map((command) => raft(['log', command, directory.path, '--json'])),
      );

      for (const ended of [verify, dump, inspect]) {
        expect(ended?.code).toBe(0);
        expect(ended?.stderr).toMatch(/^Whether a node writes to .* now is not known\. Cannot read .*lock: /);
        expect(ended?.stdout).toContain('torn-tail');
      }
    } finally {
      await directory.remove();
    }
  });
});

function isDamage(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'problem' in row;
}
