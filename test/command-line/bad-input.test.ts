import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { type Ended, raft, temporaryDirectory } from './runner.ts';

const NOBODY = ['--server', 'http://127.0.0.1:1', '--timeout', '0.3'];

/** The flags of a node that could run, with some of them replaced or added. */
function node(flags: Readonly<Record<string, string>>): readonly string[] {
  const all = { id: '1', 'data-dir': 'data', listen: '127.0.0.1:7999', ...flags };
  return ['node', 'run', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
}

/** What is wrong, the command line, and the exit code that it ends with. */
type BadCommandLine = readonly [what: string, args: readonly string[], exitCode: number];

const COMMAND_LINES: readonly BadCommandLine[] = [
  ['an empty name', [''], 2],
  ['a flag in place of a name', ['--nonsense'], 2],
  ['a name with control characters', ['\u001b[31mred'], 2],
  ['a log that is a device', ['log', 'verify', '/dev/null'], 66],
  ['an endless log', ['log', 'dump', '/dev/zero', '--to', '1'], 66],
  ['a directory without a log', ['log', 'verify', 'empty'], 66],
  ['a log below a file', ['log', 'inspect', 'file/log'], 66],
  ['an index beyond 2^64', ['log', 'dump', 'file', '--from', '99999999999999999999999'], 2],
  ['an index below 0', ['log', 'dump', 'file', '--from', '-1'], 2],
  ['a command file that is not there', ['command', '--file', 'missing', ...NOBODY], 66],
  ['a command file that is a directory', ['command', '--file', 'empty', ...NOBODY], 66],
  ['an empty command file', ['command', '--file', 'file', ...NOBODY], 2],
  ['a command file that is too large', ['command', '--file', 'huge', ...NOBODY], 2],
  ['a text and a file at once', ['command', 'get k', '--file', 'file', ...NOBODY], 2],
  ['a time of 0', ['command', 'get k', '--timeout', '0'], 2],
  ['a time without end', ['command', 'get k', '--timeout', '1e9'], 2],
  ['a server with a password', ['leader', 'show', '--server', 'http://user:secret@127.0.0.1:1'], 2],
  ['a server that is a file', ['status', '--server', 'file:///etc/passwd'], 2],
  ['servers of which one is empty', ['kv', 'get', 'k', '--server', 'http://127.0.0.1:1,'], 2],
  ['a list of no items', ['kv', 'list', '--limit', '0', ...NOBODY], 2],
  ['a watch of a key and a prefix', ['kv', 'watch', 'k', '--prefix', 'p', ...NOBODY], 2],
  ['a watch from index 0', ['kv', 'watch', 'k', '--from', '0', ...NOBODY], 2],
  ['a watch until no change', ['kv', 'watch', 'k', '--count', '0', ...NOBODY], 2],
  ['a comparison without a value', ['kv', 'cas', 'k', 'a', ...NOBODY], 2],
  ['a cluster directory that is a file', ['status', '--dir', 'file'], 78],
  ['a cluster to be made in a file', ['cluster', 'up', '-n', '1', '--dir', 'file'], 78],
  ['a cluster to be made where nothing can be', ['cluster', 'up', '-n', '1', '--dir', '/proc/raft-test'], 73],
  ['a number of nodes that is a fraction', ['cluster', 'up', '-n', '2.5'], 2],
  ['a port beyond all ports', ['cluster', 'up', '-n', '1', '--base-port', '65536'], 2],
  ['nodes of no cluster', ['cluster', 'kill', 'node1', '--dir', 'empty'], 66],
  ['an id beyond 2^64', node({ id: '18446744073709551616' }), 2],
  ['an address without a port', node({ listen: '127.0.0.1' }), 2],
  ['a port without an address', node({ listen: '127.0.0.1:0' }), 2],
  ['a data directory that is a file', node({ 'data-dir': 'file' }), 73],
  ['a data directory that cannot be', node({ 'data-dir': '/proc/raft-test' }), 73],
  ['a machine that there is not', node({ machine: 'sql' }), 2],
  ['a flag that is given twice', [...node({}), '--id', '2'], 2],
  ['peers without this node', node({ peers: '2=http://127.0.0.1:1' }), 2],
  ['peers with one id twice', node({ peers: '1=http://127.0.0.1:1,1=http://127.0.0.1:2' }), 2],
  ['a peer without an address', node({ peers: '1' }), 2],
  ['a heartbeat slower than an election', node({ 'heartbeat-ms': '250' }), 2],
  ['a cluster timing that is no number', node({ 'election-timeout-ms': 'fast' }), 2],
  ['an address of another machine', node({ listen: '192.0.2.1:7999' }), 73],
];

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  await mkdir(join(directory.path, 'empty'));
  await writeFile(join(directory.path, 'file'), '');
  await writeFile(join(directory.path, 'huge'), Buffer.alloc(COMMAND_BYTES_MAX + 1, 'x'));
});

afterAll(() => directory.remove());

/** One sentence that begins with "Error:", suggestions below it, and nothing of the program's insides. */
function expectOneSentence({ code, stdout, stderr }: Ended, exitCode: number): void {
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toMatch(/^Error: [^\n]+[.)]\n( {2}[^\n]+\n)*$/);
  expect(stderr).not.toMatch(/^ {4}at |unexpected|node:internal|undefined|\[object/im);
}

describe('a command line that cannot be meant', () => {
  it.each(COMMAND_LINES)('is refused in one sentence: %s', async (_what, args, exitCode) => {
    expectOneSentence(await raft(args, { cwd: directory.path }), exitCode);
  });
});

describe('a command line that is not understood', () => {
  it.each([
    [['comand', 'put a b'], 'There is no command "comand".\n  Did you mean raft command?\n'],
    [['status', 'nonsense', '--json'], 'Unexpected argument: nonsense.'],
    [['log', 'verfy', 'x'], 'There is no command "log verfy".\n  Did you mean raft log verify?\n'],
    [['kv', 'cas', 'key', 'value'], 'or --absent KEY VALUE.\n  Add --help to see how commands are used.\n'],
    [['log', 'repair', 'x', '--apply', '--plan'], '--plan and --apply cannot be given together.\n'],
    [['log', 'bisect', 'x'], 'Something is missing: --when.\n'],
  ])('says what is wrong in it: %j', async (args, said) => {
    const { code, stdout, stderr } = await raft(args, { cwd: directory.path });

    expect(code).toBe(2);
    expect(args.includes('--json') ? JSON.parse(stdout).error.message : stderr).toContain(said);
  });

  it('is told from an environment that is not', async () => {
    const { code, stderr } = await raft(['status'], { cwd: directory.path, env: { RAFT_SERVER: 'foo' } });

    expect(code).toBe(2);
    expect(stderr).toMatch(/^Error: RAFT_SERVER: This needs the URL of a node, .* it got "foo"\.\n/);
    expect(stderr).toContain('unset RAFT_SERVER');
  });
});

describe('input that no command expects, sent to a cluster of one', () => {
  it('is refused in one sentence, or is a command of any bytes; the node lives and keeps what it had', async () => {
    const cluster = await RealCluster.start(1);
    const [first] = cluster.nodes;
    const on = (args: readonly string[], input?: string | Uint8Array): Promise<Ended> =>
      raft([...args, '--server', first?.url ?? ''], {
        cwd: directory.path,
        ...(input === undefined ? {} : { input }),
      });
    expect((await on(['kv', 'put', 'kept', 'value'])).code).toBe(0);

    expectOneSentence(await on(['kv', 'put', '', 'value']), 2);
    expectOneSentence(await on(['kv', 'get', '']), 2);
    expectOneSentence(await on(['kv', 'get', 'k'.repeat(5_000)]), 2);
    expectOneSentence(await on(['kv', 'put', 'k', '-'], Uint8Array.of(0xff, 0xfe, 0x00)), 2);
    expectOneSentence(await on(['kv', 'put', 'k', '-'], Buffer.alloc(COMMAND_BYTES_MAX + 1, 'x')), 2);
    expectOneSentence(await on(['command', '-'], Buffer.alloc(2 * COMMAND_BYTES_MAX, 'x')), 2);
    const binary = await on(
      ['command', '-', '--json'],
      Buffer.from('\x89RAFT\r\n\x1a\x00\n\xff\xfe\n', 'latin1'),
    );
    expect(binary.code).toBe(0);
    expect(binary.stdout.trimEnd().split('\n')).toHaveLength(3);

    const refused = await on(['command', 'frobnicate a']);
    expect({ code: refused.code, answer: JSON.parse(refused.stdout) }).toMatchObject({
      code: 0,
      answer: { ok: false },
    });

    expect((await on(['kv', 'get', 'kept'])).stdout).toBe('value\n');
    expect(cluster.running()).toHaveLength(1);
  });
});
