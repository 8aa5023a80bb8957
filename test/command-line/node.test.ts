import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { present } from '../../src/lib/assert.ts';
import { type RunningCommand, raft, startRaft, temporaryDirectory } from './runner.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const ID = '18446744073709551615';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let port: number;
let server: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  [port = 0] = await freePorts(1);
  server = `http://127.0.0.1:${port}`;
});

afterEach(() => directory.remove());

function run(...more: readonly string[]): RunningCommand {
  const dataDir = join(directory.path, 'data');
  return startRaft([
    'node',
    'run',
    '--id',
    ID,
    '--data-dir',
    dataDir,
    '--listen',
    `127.0.0.1:${port}`,
    ...more,
  ]);
}

describe('raft node run', () => {
  it('runs a cluster of one that keeps its data, and stops in order with exit code 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const node = run();
      await node.line(new RegExp(`\\(${ID}\\) listens on ${server}, its data is in `));
      const counted = await raft(['kv', 'list', '--server', server]);
      const put = await raft(['kv', 'put', signal, 'seen', '--server', server]);
      node.child.kill(signal);
      const { code, stdout, stderr } = await node.ended;

      expect(put.code).toBe(0);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`stopping: ${signal}\n.* has stopped\n$`));
      expect(counted.stdout.includes('SIGTERM\tseen\n')).toBe(signal !== 'SIGTERM');
    }
  });

  it('refuses a data directory that another node holds, and a port that is in use, with exit code 73', async () => {
    const node = run();
    await node.line(/listens on/);

    const sameDirectory = await run('--advertise', 'http://127.0.0.1:1').ended;
    const samePort = await raft([
      ...['node', 'run', '--id', '1', '--data-dir', join(directory.path, 'other')],
      ...['--listen', `127.0.0.1:${port}`, '--json'],
    ]);
    node.child.kill();
    await node.ended;

    expect(sameDirectory.code).toBe(73);
    expect(sameDirectory.stderr).toContain(`${node.child.pid}`);
    expect(samePort.code).toBe(73);
    expect(JSON.parse(samePort.stdout).error.code).toBe('address-in-use');
  });

  it('refuses the data directory of another node with exit code 78', async () => {
    const node = run();
    await node.line(/listens on/);
    node.child.kill();
    await node.ended;

    const other = await raft([
      ...['node', 'run', '--id', '1', '--data-dir', join(directory.path, 'data')],
      ...['--listen', `127.0.0.1:${port}`],
    ]);

    expect(other.code).toBe(78);
  });

  it('refuses a blank data directory where it is said to have run before, with exit code 65', async () => {
    expect((await run('--established').ended).code).toBe(65);
  });

  it('speaks JSON lines to whoever asks for JSON', async () => {
    const node = run('--json');
    await node.line(/listens on/);
    node.child.kill();

    for (const line of (await node.ended).stdout.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toEqual({
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        level: expect.stringMatching(/^(info|warn)$/),
        message: expect.any(String),
      });
    }
  });
});

describe('the commands of a cluster of one', () => {
  let node: RunningCommand;
  beforeEach(async () => {
    node = run();
    await node.line(/listens on/);
  });
  afterEach(async () => {
    node.child.kill();
    await node.ended;
  });

  const on = (...args: readonly string[]) => raft(args, { env: { RAFT_SERVER: server } });

  it('say by exit code 3 that the answer is no', async () => {
    const absent = await on('kv', 'get', 'key');
    const put = await on('kv', 'put', 'key', 'old', '--json');
    const got = await on('kv', 'get', 'key', '--json');
    const swapped = await on('kv', 'cas', 'key', 'old', 'new');
    const failed = await on('kv', 'cas', 'key', 'old', 'newer', '--json');
    const taken = await on('kv', 'cas', 'key', 'mine', '--absent');
    const stale = await on('kv', 'get', 'key', '--stale');
    const gone = await on('kv', 'delete', 'key', '--json');
    const nothing = await on('kv', 'delete', 'key', '--json');

    expect(absent).toMatchObject({ code: 3, stdout: '', stderr: 'Error: There is no key "key".\n' });
    const { index } = JSON.parse(put.stdout);
    expect(JSON.parse(got.stdout)).toEqual({ key: 'key', value: 'old', index });
    expect([swapped.code, failed.code, taken.code]).toEqual([0, 3, 3]);
    expect(JSON.parse(failed.stdout).error).toMatchObject({
      code: 'answered-no',
      message: expect.stringContaining('"new"'),
    });
    expect(stale.stdout).toBe('new\n');
    // Three comparisons stand between, of which two changed nothing.
    expect(JSON.parse(gone.stdout)).toEqual({ key: 'key', found: true, index: index + 4 });
    expect(JSON.parse(nothing.stdout)).toEqual({ key: 'key', found: false, index: index + 5 });
  });

  it('say at which index a key was removed, so that a watch can begin there', async () => {
    await on('kv', 'put', 'key', 'value');
    const { stdout } = await on('kv', 'delete', 'key');
    const index = /^key was removed at index (\d+)\n$/.exec(stdout)?.[1] ?? 'none';
    const watch = startRaft(['kv', 'watch', 'key', '--from', index, '--server', server]);

    await watch.line(new RegExp(`^${index} delete key$`));
    watch.child.kill();
    await watch.ended;
    expect((await on('kv', 'delete', 'key')).stdout).toBe(
      `There was no key key at index ${Number(index) + 1}\n`,
    );
  });

  it('list keys in order, also from standard input to the last page', async () => {
    const lines = Array.from(
      { length: 30 },
      (_, position) => `put k${String(position).padStart(2, '0')} v${position}`,
    );
    const sent = await raft(['command', '-', '--server', server], { input: `${lines.join('\r\n')}\n\n` });
    expect(sent.code).toBe(0);
    expect(sent.stdout.trimEnd().split('\n')).toHaveLength(30);

    const all = await on('kv', 'list', 'k');
    const limited = await on('kv', 'list', 'k1', '--limit', '2', '--json');

    expect(all.stdout).toBe(lines.map((_, at) => `k${String(at).padStart(2, '0')}\tv${at}\n`).join(''));
    expect(
      limited.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { key: 'k10', value: 'v10' },
      { key: 'k11', value: 'v11' },
    ]);
  });

  it('stop at the line that fails, name it, and send none after it', async () => {
    const sending = startRaft(['command', '-', '--server', server, '--timeout', '1'], { stdin: 'open' });
    const answered = sending.line(/"ok":true/);
    sending.child.stdin?.write('put first 1\n');
    await answered;
    node.child.kill('SIGSTOP');
    sending.child.stdin?.end('put second 2\nput third 3\n');
    const { code, stdout, stderr } = await sending.ended;
    node.child.kill('SIGCONT');

    expect([69, 75]).toContain(code);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^Error: Line 2: /);
    expect(stderr).toContain('Lines up to 1 are done.');
    expect((await on('kv', 'get', 'third')).code).toBe(3);
  });

  it('stop when nobody reads the answers any more, and say which line was the last', async () => {
    for (const flags of [[], ['--json']]) {
      const sending = startRaft(['command', '-', '--server', server, ...flags], { stdin: 'open' });
      const answered = sending.line(/ok/);
      sending.child.stdin?.write('put first 1\n\n');
      await answered;
      const gone = new Promise((resolve) => sending.child.stdout?.once('close', resolve));
      sending.child.stdout?.destroy();
      await gone;
      sending.child.stdin?.end(`put ${flags.length}second 2\nput ${flags.length}third 3\n`);
      const { code, stderr } = await sending.ended;

      expect(code).toBe(141);
      const [, last, next] =
        /^Nobody reads the answers any more\.\nLine (\d) was the last one answered, and no other was sent\. Go on with: tail -n \+(\d)\n$/.exec(
          stderr,
        ) ?? [];
      // The end of the first answer may have met the closed pipe already; the answer to the third line surely has.
      expect(['1 2', '3 4']).toContain(`${last} ${next}`);
      expect((await on('kv', 'get', `${flags.length}second`)).code).toBe(last === '3' ? 0 : 3);
      expect((await on('kv', 'get', `${flags.length}third`)).code).toBe(3);
    }
  });

  it.skipIf(!existsSync('/dev/full'))('stop at the line whose answer the disk does not take', async () => {
    const full = openSync('/dev/full', 'w');
    const sending = spawn(process.execPath, [RUN, 'command', '-', '--server', server], {
      stdio: ['pipe', full, 'pipe'],
    });
    closeSync(full);
    const said = text(present(sending.stderr, 'standard error'));
    sending.stdin?.end('put first 1\nput second 2\n');
    const [code] = await once(sending, 'exit');

    expect(code).toBe(1);
    expect(await said).toMatch(/^Line 1 was the last one answered.*\nError: The output cannot be written/);
    expect((await on('kv', 'get', 'second')).code).toBe(3);
  });

  it('take values from standard input as they are', async () => {
    const put = await raft(['kv', 'put', 'motd', '-', '--server', server], { input: 'two\nlines ☃\n' });
    const got = await on('kv', 'get', 'motd', '--json');

    expect(put.code).toBe(0);
    expect(JSON.parse(got.stdout).value).toBe('two\nlines ☃\n');
  });
});
