import { appendFile, open, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { writeLargeLog } from '../../bench/large-log.ts';
import { SCAN_THREADS_BYTES_MIN } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import type { BlocksAhead, ScanThreads } from '../../src/logtools/scan-threads.ts';
import { plainLog } from '../logfmt/logs.ts';
import { raft, temporaryDirectory } from './runner.ts';

/** The built ones: from its sources a thread has nothing to run. */
const { ScanThreads: BuiltThreads }: { ScanThreads: typeof ScanThreads } = await import(
  new URL('../../dist/logtools/scan-threads.js', import.meta.url).href
);

/** A log of three blocks. */
const BYTES = encodeFrames(plainLog(160_000, 128));

async function hasFound(bytes: number, ahead: BlocksAhead | undefined): Promise<void> {
  while (ahead !== undefined && ahead.bytes < bytes) await setImmediate();
}

describe('a thread with a head start', () => {
  it('goes through a file before anybody asks, and what it has found is taken over', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'large.log');
      await writeFile(path, BYTES);
      await using threads = BuiltThreads.withHeadStart(path);
      const { headStart } = threads;
      expect(headStart?.threads).toBe(1);
      // All but the block at which a scan begins.
      await hasFound(BYTES.length - 8 * 1024 * 1024, headStart);
      await using file = await open(path);
      threads.grow(3);

      const ahead = await threads.begin(file.fd, BYTES.length);

      expect(ahead).toBe(headStart);
      expect(ahead.threads).toBe(3);
      expect(ahead.runs.nextFrom(1)).toMatchObject({ to: expect.any(Number) });
      await ahead.end();
    } finally {
      await directory.remove();
    }
  });

  it('begins anew where the file has been written to or replaced meanwhile', async () => {
    const directory = await temporaryDirectory();
    try {
      const [path, other] = [join(directory.path, 'large.log'), join(directory.path, 'other.log')];
      const changes = [
        () => appendFile(path, encodeFrames(plainLog(1, 100))),
        async () => {
          await writeFile(other, BYTES);
          await rename(other, path);
        },
        // Written to, and the time of that put back.
        async () => {
          const { atime, mtime } = await stat(path);
          const file = await open(path, 'r+');
          await file.write('?', 20_000_000);
          await file.close();
          await utimes(path, atime, mtime);
        },
      ];
      for (const change of changes) {
        await writeFile(path, BYTES);
        // A whole second, which can be put back exactly.
        await utimes(path, 1, 1);
        await using threads = BuiltThreads.withHeadStart(path);
        const { headStart } = threads;
        await hasFound(1, headStart);
        await change();
        await using file = await open(path);
        const { size } = await file.stat();

        const ahead = await threads.begin(file.fd, size);

        expect(ahead).not.toBe(headStart);
        await hasFound(1, ahead);
        await ahead.end();
      }
    } finally {
      await directory.remove();
    }
  });
});

describe('raft log verify on a log that is long enough for a head start', () => {
  it('gives the verdict that one thread gives, whatever else was typed', async () => {
    const directory = await temporaryDirectory();
    try {
      const path = join(directory.path, 'large.log');
      writeLargeLog(path, Math.ceil(SCAN_THREADS_BYTES_MIN / 152) + 1);
      const file = await open(path, 'r+');
      for (const at of [3, 30_000_000, 30_000_200, 90_000_000]) await file.write('?', at);
      await file.close();
      const alone = await raft(['log', 'verify', path, '--threads', '1', '--json']);
      expect(alone.code).toBe(65);
      for (const more of [
        [],
        ['--threads', '2'],
        ['--threads=3'],
        ['--threads', '01'],
        ['--dir', directory.path],
      ]) {
        expect(await raft(['log', 'verify', path, '--json', ...more])).toEqual(alone);
        expect(await raft(['log', 'verify', ...more, path, '--json'])).toEqual(alone);
      }
      // Where nobody takes the thread, it ends with the program.
      const help = await raft(['log', 'verify', path, '--help']);
      expect([help.code, help.signal, help.stdout]).toEqual([0, null, expect.stringContaining('USAGE')]);
      expect((await raft(['log', 'verify', path, '--no-such-flag'])).code).toBe(2);
      expect((await raft(['log', 'verify', 'missing.log', path])).code).toBe(2);
    } finally {
      await directory.remove();
    }
  });
});
