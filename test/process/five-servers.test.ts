import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

it('examples/five-servers.ts: each of five servers prints every command, in order', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'examples/five-servers.ts', '3'],
    { cwd: ROOT, timeout: 60_000 },
  );
  const lines = stdout.trimEnd().split('\n');
  const printed = lines.map((line) => /^(\d+), apply function: (command \d)$/.exec(line));
  expect(printed.every((match) => match !== null)).toBe(true);
  for (const command of ['command 1', 'command 2', 'command 3']) {
    const indexes = printed.filter((match) => match?.[2] === command).map((match) => Number(match?.[1]));
    expect(indexes).toHaveLength(5);
    expect(new Set(indexes).size).toBe(1);
  }
});
