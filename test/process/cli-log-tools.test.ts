import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { entriesOf } from '../logtools/entries.ts';
import { raft, temporaryDirectory } from './cli-runner.ts';

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
    const [entry, summary, ...rest] = json.stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(entry).toMatchObject({ type: 'entry', index: '402', ended: [logs[1]] });
    expect(summary).toMatchObject({ type: 'summary', voters: 2, partAt: '402', committedAtMost: '401' });
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
