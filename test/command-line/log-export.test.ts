import { once } from 'node:events';
import { readdirSync, watch, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { fixturePath, plainLog } from '../logfmt/logs.ts';
import { PtyTerminal } from '../support/pty-terminal.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { raft, startRaft } from './runner.ts';

describe('raft log export --format parquet', () => {
  it('writes a file that other programs read, of the entries that were asked for', async () => {
    const path = join(temporaryDirectory(), 'x.parquet');
    const log = fixturePath('damaged-log/bitflip-command.log');
    const args = ['log', 'export', log, '--format', 'parquet', '--from', '400', '--output', path];
    const [first, second] = [await raft(args), await raft(args)];

    expect([first.code, first.stdout, first.stderr]).toEqual([0, '', '']);
    expect([second.code, second.stderr]).toEqual([73, expect.stringContaining('exists already')]);
    const { buffer, byteOffset, length } = await readFile(path);
    const rows = await parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + length) });
    expect(rows.map(({ index }) => index)).toEqual([400n, 401n, 402n]);
  });

  it('is not written to a terminal', async () => {
    const log = fixturePath('seed-log/mixed.log');
    const terminal = new PtyTerminal(['log', 'export', log, '--format', 'parquet'], {
      columns: 100,
      rows: 20,
    });
    try {
      await terminal.shows(/The format parquet is bytes: name a file for it/);
      await terminal.shows(/raft log export LOG --format parquet --output FILE/);
      await terminal.shows(/ended with 2/);
    } finally {
      terminal.close();
    }
  });
});

describe('raft log export --output', () => {
  it('leaves nothing where a file may not get so long, and names the limit', async () => {
    const directory = temporaryDirectory();
    const output = join(directory, 'x.ndjson');
    const args = [
      'log',
      'export',
      fixturePath('seed-log/mixed.log'),
      '--format',
      'ndjson',
      '--output',
      output,
    ];
    const { code, stderr } = await raft(args, { fileBlocksMax: 8 });

    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be written: EFBIG')]);
    expect(stderr).toContain('another disk, or raise the quota or file size limit (ulimit -f).');
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(['parquet', 'ndjson'])('leaves nothing where it is interrupted: %s', async (format) => {
    const directory = temporaryDirectory();
    const log = join(temporaryDirectory(), 'x.log');
    writeFileSync(log, encodeFrames(plainLog(300_000, 60)));
    const watching = watch(directory);
    const begun = once(watching, 'change');
    const output = join(directory, 'out');
    const command = startRaft(['log', 'export', log, '--format', format, '--output', output]);
    try {
      await begun;
      command.child.kill('SIGINT');
      const { code } = await command.ended;

      expect(code).toBe(130);
      expect(readdirSync(directory)).toEqual([]);
    } finally {
      watching.close();
    }
  });
});
