import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const RAFT = join(import.meta.dirname, '../../bin/run.js');
const MIXED_LOG = join(import.meta.dirname, '../fixtures/seed-log/mixed.log');

describe('what a command prints', () => {
  it.skipIf(!existsSync('/dev/full'))('is not taken for whole where the disk is full', () => {
    const full = openSync('/dev/full', 'w');
    const args = [RAFT, 'log', 'dump', MIXED_LOG];
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr.toString()).toMatch(/^Error: The output cannot be written: .*ENOSPC/);
  });

  it('reaches the end of a pipe whole, also where the exit code is not 0', async () => {
    const log = join(temporaryDirectory(), 'damaged.log');
    writeFileSync(log, damagedOften(readFileSync(MIXED_LOG)));
    const child = spawn(process.execPath, [RAFT, 'log', 'verify', log, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const output = await text(child.stdout);
    expect(await ended).toBe(65);
    expect(output.length).toBeGreaterThan(65_536);
    expect(JSON.parse(output)).toMatchObject({ ok: false });
  });
});

/** Many copies of a log, each behind the other: every beginning is an order problem, so that the report is long. */
function damagedOften(log: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 600 }, () => log.subarray(0, 506)));
}
