import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { entriesOf } from '../logtools/entries.ts';
import { PtyTerminal } from '../support/pty-terminal.ts';
import { type RunningCommand, raft, startRaft, temporaryDirectory } from './runner.ts';

const KEY = 'evil\u001b[2J';
const VALUE = '\u001b[31mred\nx\ty\u009b1A';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let kv: TestNode;
let echo: TestNode;

/** A cluster of one. */
interface TestNode {
  readonly running: RunningCommand;
  readonly server: string;
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  kv = await startNode('kv');
  echo = await startNode('echo');
  expect(await raft(['kv', 'put', KEY, VALUE, '--server', kv.server])).toMatchObject({ code: 0 });
});

afterAll(async () => {
  for (const { running } of [kv, echo]) {
    running.child.kill('SIGTERM');
    await running.ended;
  }
  await directory.remove();
});

/** Starts a node whose name would clear the screen. */
async function startNode(machine: 'kv' | 'echo'): Promise<TestNode> {
  const [port = 0] = await freePorts(1);
  const where = ['--data-dir', join(directory.path, machine), '--listen', `127.0.0.1:${port}`];
  const names = ['--id', '1', '--name', `node\u001b[2J`, '--machine', machine];
  const running = startRaft(['node', 'run', ...names, ...where]);
  await running.line(/listens on/);
  return { running, server: `http://127.0.0.1:${port}` };
}

/** What a command of the cluster sends to a terminal. */
function onTerminal({ server }: TestNode, ...args: readonly string[]): Promise<string> {
  return sentToTerminal(...args, '--server', server);
}

/** What a command that ends by itself sends to a terminal, up to the shell's own word. */
async function sentToTerminal(...args: readonly string[]): Promise<string> {
  const terminal = new PtyTerminal(args, { columns: 200, rows: 60 });
  try {
    const { text } = await terminal.left();
    return text.slice(0, text.indexOf('ended with')).replaceAll('\r\n', '\n');
  } finally {
    terminal.close();
  }
}

describe('keys and values with control characters', () => {
  it('are dots on a terminal, and move nothing there', async () => {
    expect(await onTerminal(kv, 'kv', 'list')).toBe('evil.[2J\t.[31mred.x.y.1A\n');
    expect(await onTerminal(kv, 'kv', 'watch', KEY, '--from', '1', '--count', '1')).toMatch(
      /^Watching evil\.\[2J from .*\n\d+ put evil\.\[2J \.\[31mred\.x\.y\.1A\n$/,
    );
  });

  it('are dots in errors too', async () => {
    const changed = await onTerminal(kv, 'kv', 'cas', KEY, 'other', 'new');

    expect(changed).toMatch(
      /^Error: Nothing was changed: the key "evil\.\[2J" holds ".*red\\nx\\ty\.1A"\.\n$/,
    );
    expect(await onTerminal(kv, 'kv', 'get', 'no\u001b[2J')).toContain('There is no key "no.[2J".');
  });

  it('keep their lines on a terminal where a value stands alone', async () => {
    expect(await onTerminal(kv, 'kv', 'get', KEY)).toBe('.[31mred\nx\ty.1A\n');
  });

  it('are in a pipe what they are', async () => {
    const { server } = kv;

    expect((await raft(['kv', 'get', KEY, '--server', server])).stdout).toBe(`${VALUE}\n`);
    expect((await raft(['kv', 'list', '--server', server])).stdout).toBe(`${KEY}\t${VALUE}\n`);
    expect((await raft(['kv', 'get', 'no\u001b[2J', '--server', server])).stderr).toContain('"no\u001b[2J"');
  });
});

describe('the answer of a machine', () => {
  it('is shown on a terminal without what could move its cursor, and bytes in hexadecimal digits', async () => {
    const file = join(directory.path, 'bytes');
    writeFileSync(file, Buffer.from('1b5b324aff', 'hex'));

    expect(await onTerminal(echo, 'command', VALUE)).toBe('.[31mred\nx\ty.1A\n');
    expect(await onTerminal(echo, 'command', '--file', file)).toBe('0x1b5b324aff\n');
    expect((await raft(['command', VALUE, '--server', echo.server])).stdout).toBe(`${VALUE}\n`);
  });
});

describe('an export to a terminal', () => {
  it('has dots in place of what could move its cursor, and a pipe gets the table as it is', async () => {
    const log = join(directory.path, 'x.log');
    writeFileSync(log, encodeFrames(entriesOf([[1, `put k ${VALUE}`]])));

    for (const format of ['csv', 'ndjson']) {
      const args = ['log', 'export', log, '--format', format];
      expect(await sentToTerminal(...args)).not.toMatch(/(?![\n\t])\p{Cc}/u);
      expect((await raft(args)).stdout).toContain('\u009b1A');
    }
  });
});

describe('the name of a node', () => {
  it('moves no cursor of a terminal either', async () => {
    for (const command of ['status', 'leader show', 'config get']) {
      const shown = await onTerminal(kv, ...command.split(' '));

      expect(shown).toContain('node.[2J');
      expect(shown).not.toContain('\u001b');
    }
  });
});
