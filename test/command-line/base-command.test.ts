import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../../src/lib/assert.ts';
import { raft, startRaft, temporaryDirectory } from './runner.ts';

const NOBODY = 'http://127.0.0.1:1';
const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  directory = await temporaryDirectory();
});

afterAll(() => directory.remove());

/** Failures of every kind, with the exit codes that scripts rely on. */
const FAILURES: readonly (readonly [
  what: string,
  args: readonly string[],
  exitCode: number,
  code: string,
])[] = [
  ['a name that is no command', ['nonsense'], 2, 'usage'],
  ['a flag that there is not', ['status', '--nonsense'], 2, 'usage'],
  ['an argument too few', ['kv', 'put', 'key'], 2, 'usage'],
  ['an argument too many', ['kv', 'get', 'one', 'two'], 2, 'usage'],
  ['a flag whose value is no number', ['cluster', 'up', '-n', 'five'], 2, 'usage'],
  ['fewer nodes than one', ['cluster', 'up', '-n', '0'], 2, 'usage'],
  ['more nodes than a cluster can have', ['cluster', 'up', '-n', '100'], 2, 'usage'],
  ['a server that is no URL', ['status', '--server', 'localhost'], 2, 'usage'],
  ['an empty command', ['command', ''], 2, 'usage'],
  ['no command at all', ['command'], 2, 'usage'],
  ['a node without an id', ['node', 'run', '--data-dir', 'x', '--listen', '127.0.0.1:7600'], 2, 'usage'],
  [
    'a node with the id 0',
    ['node', 'run', '--id', '0', '--data-dir', 'x', '--listen', '127.0.0.1:1'],
    2,
    'usage',
  ],
  ['a range that is empty', ['log', 'dump', 'x', '--from', '2', '--to', '1'], 2, 'usage'],
  ['a time that is no time', ['leader', 'show', '--timeout', 'soon'], 2, 'usage'],
  ['a cluster that is not there', ['status'], 66, 'no-such-file'],
  ['a log that is not there', ['log', 'verify', 'nothing.log'], 66, 'no-such-file'],
  ['a file that is not there', ['command', '--file', 'nothing.txt', '--server', NOBODY], 66, 'no-such-file'],
  [
    'nodes that do not answer',
    ['kv', 'get', 'key', '--server', NOBODY, '--timeout', '0.5'],
    69,
    'unreachable',
  ],
];

describe('a command that fails', () => {
  it.each(FAILURES)(
    'says so about %s, with the same exit code with and without --json',
    async (_what, args, exitCode, code) => {
      const [plain, json] = await Promise.all([
        raft(args, { cwd: directory.path }),
        raft([...args, '--json'], { cwd: directory.path }),
      ]);

      expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: exitCode, stdout: '' });
      expect(plain.stderr).toMatch(/^Error: \S.*[.)]\n/);
      expect({ code: json.code, stderr: json.stderr }).toEqual({ code: exitCode, stderr: '' });
      expect(JSON.parse(json.stdout)).toEqual({
        error: { code, message: expect.any(String), suggestions: expect.any(Array) },
      });
    },
  );

  it('shows where something unexpected happened only to who asks for it', async () => {
    // A file where a directory is expected is nothing that a command foresees.
    await writeFile(join(directory.path, 'file'), '');
    const args = ['node', 'run', '--id', '1', '--data-dir', 'file', '--listen', '127.0.0.1:1'];

    const quiet = await raft(args, { cwd: directory.path });
    const debugged = await raft(args, { cwd: directory.path, env: { DEBUG: '*' } });

    expect(quiet.stderr).not.toMatch(/^ {4}at /m);
    expect(debugged.stderr).toMatch(/^ {4}at /m);
    expect(debugged.code).toBe(quiet.code);
  });
});

describe('standard input', () => {
  it('is left alone by a command that was not told to read it', async () => {
    const shell = spawn('sh', [
      '-c',
      `while read -r l; do "$0" "$1" kv get "$l" --server ${NOBODY} 2>&1; done`,
      process.execPath,
      fileURLToPath(new URL('../../bin/run.js', import.meta.url)),
    ]);
    let output = '';
    shell.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    shell.stdin.end('one\ntwo\nthree\n');
    await once(shell, 'close');

    expect(output.match(/does not answer/g)).toHaveLength(3);
  });

  it('is refused as a value where it is no text', async () => {
    const { code, stderr } = await raft(['kv', 'put', 'key', '-', '--server', NOBODY], {
      input: Uint8Array.of(0xff, 0xfe),
    });

    expect(code).toBe(2);
    expect(stderr).toMatch(/not UTF-8/);
  });
});

describe('standard output', () => {
  it('may be closed by its reader, and the command ends quietly', async () => {
    const { child, ended } = startRaft(['log', 'dump', fixture('seed-log/mixed.log')]);
    child.stdout?.once('data', () => child.stdout?.destroy());

    const { code, stderr } = await ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('holds no colours, with NO_COLOR and without', async () => {
    const args = ['log', 'verify', fixture('damaged-log/two-bitflips.log'), '--json'];
    const outputs = await Promise.all([
      raft(args),
      raft(args, { env: { NO_COLOR: '1' } }),
      raft(['--help'], { env: { NO_COLOR: '1', FORCE_COLOR: '3' } }),
    ]);

    for (const { stdout } of outputs) expect(stdout).not.toContain('\u001b[');
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s ends a command that has no order of its own with exit code %i',
    async (signal, exitCode) => {
      const { child, ended } = startRaft(['log', 'inspect', fixture('seed-log/mixed.log'), '--follow']);
      // Once it has printed something, it runs.
      child.stdout?.once('data', () => child.kill(signal));

      expect((await ended).code).toBe(exitCode);
    },
  );

  it.each([
    ['of a key', ['kv', 'put', 'key', 'value'], /it may have been done, or may yet be\. Look whether/],
    ['of a command', ['command', 'put key value'], /it may have been done, or may yet be\. Look whether/],
    [
      'of many commands',
      ['command', '-'],
      /may yet be\. Lines up to 0 are done\. Find out about line 1 before/,
    ],
  ])('ends a write %s that waits, and says that its outcome is not known', async (_what, args, said) => {
    const silent = await silentServer();

    const { child, ended } = startRaft([...args, '--server', silent.url], { input: 'put key value\n' });
    await silent.asked;
    child.kill('SIGINT');

    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(said);
    silent.close();
  });

  it('ends a read that waits without a word: it changes nothing', async () => {
    const silent = await silentServer();

    const { child, ended } = startRaft(['kv', 'get', 'key', '--server', silent.url]);
    await silent.asked;
    child.kill('SIGINT');

    expect(await ended).toMatchObject({ code: 130, stdout: '', stderr: '' });
    silent.close();
  });
});

/** A server that takes every connection and never answers; `asked` resolves once somebody has sent it something. */
async function silentServer(): Promise<{
  readonly url: string;
  readonly asked: Promise<unknown>;
  close(): void;
}> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => server.emit('asked'));
  });
  const asked = once(server, 'asked');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'A server without an address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
