import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { raft } from './cli-runner.ts';

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
