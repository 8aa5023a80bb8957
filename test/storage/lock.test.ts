import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import type { ProcessIdentity, ProcessTable } from '../../src/raft/ports.ts';
import { psProcesses, systemProcesses } from '../../src/raft/processes.ts';
import { acquireLock, type HeldLock, readLiveLock, readLock } from '../../src/raft/storage/lock.ts';

const processes = systemProcesses();
const children: ChildProcess[] = [];
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(directory, { recursive: true });
});

/** A process that lives until it is killed, and its first line of output. */
async function startChild(
  command: string,
  parameters: readonly string[],
): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [chunk] = await once(present(child.stdout, 'standard output'), 'data');
  return { child, line: String(chunk).trim() };
}

async function startNode(): Promise<ChildProcess> {
  const { child } = await startChild(process.execPath, [
    '-e',
    'console.log("up"); setInterval(() => {}, 1000)',
  ]);
  return child;
}

function identityOf(child: ChildProcess): ProcessIdentity {
  return present(processes.find(present(child.pid, 'pid')), 'process');
}

async function writeLock(identity: ProcessIdentity): Promise<void> {
  await writeFile(join(directory, 'lock'), JSON.stringify({ ...identity, id: '1', token: 'left over' }));
}

describe('a lock', () => {
  it('is held once, tells who holds it, and is free again afterwards', async () => {
    const lock = await acquireLock(directory, processes, { id: '7', startedAt: '2026-01-01T00:00:00Z' });
    expect(await readLock(directory)).toMatchObject({
      ...processes.self(),
      id: '7',
      startedAt: '2026-01-01T00:00:00Z',
    });
    await lock.update({ url: 'http://127.0.0.1:9' });
    expect(await readLiveLock(directory, processes)).toMatchObject({ id: '7', url: 'http://127.0.0.1:9' });
    await expect(acquireLock(directory, processes, { id: '7' })).rejects.toMatchObject({
      code: 'already-running',
      message: `Node 7 is already running on ${directory} at http://127.0.0.1:9, as process ${process.pid}.`,
    });
    await lock.release();
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
    await (await acquireLock(directory, processes, { id: '7' })).release();
  });

  it('of another live process is respected', async () => {
    const child = await startNode();
    await writeLock(identityOf(child));
    await expect(acquireLock(directory, processes, { id: '1' })).rejects.toMatchObject({
      code: 'already-running',
      message: expect.stringContaining(`as process ${child.pid}`),
    });
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('that was copied with its directory says nothing about the copy', async () => {
    const lock = await acquireLock(directory, processes, { id: '7' });
    const copy = join(directory, 'copy');
    await cp(join(directory, 'lock'), join(copy, 'lock'));

    expect(await readLock(copy)).toBeUndefined();
    expect(await readLiveLock(copy, processes)).toBeUndefined();
    const other = await acquireLock(copy, processes, { id: '7' });
    expect(await readLiveLock(copy, processes)).toMatchObject({ token: other.content.token });
    expect(await readLiveLock(directory, processes)).toMatchObject({ token: lock.content.token });
  });

  it('of a process that was killed is taken over', async () => {
    const child = await startNode();
    await writeLock(identityOf(child));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readLiveLock(directory, processes)).toBeUndefined();
    await acquireLock(directory, processes, { id: '1' });
    expect(await readLock(directory)).toMatchObject(processes.self());
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it.each([
    { what: 'its pid now belongs to a process that started at another time', other: { startTime: '1' } },
    { what: 'the machine has booted since', other: { bootId: 'an earlier boot' } },
  ])('is taken over where $what', async ({ other }) => {
    const child = await startNode();
    await writeLock({ ...identityOf(child), ...other });
    await acquireLock(directory, processes, { id: '1' });
    expect(await readLock(directory)).toMatchObject(processes.self());
  });

  it.each(['', '{"pid":', 'null', '{"pid":"1"}'])(
    'that a power loss left as %j is taken over',
    async (content) => {
      await writeFile(join(directory, 'lock'), content);
      expect(await readLock(directory)).toBeUndefined();
      await acquireLock(directory, processes, { id: '1' });
      expect(await readLock(directory)).toMatchObject(processes.self());
    },
  );

  it('is taken over from a process that died in the midst of taking it over itself', async () => {
    const dead = { pid: 999_999_999, startTime: '1', bootId: 'here' };
    await writeLock(dead);
    const digest = createHash('sha256')
      .update(await readFile(join(directory, 'lock')))
      .digest('hex')
      .slice(0, 16);
    const claim = { ...dead, startTime: '2', id: '1', token: 'the claim of the second' };
    await writeFile(join(directory, `lock.after-${digest}`), JSON.stringify(claim));

    await acquireLock(directory, processes, { id: '1' });
    expect(await readLock(directory)).toMatchObject(processes.self());
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('that is somebody else’s by now is not released', async () => {
    const lock = await acquireLock(directory, processes, { id: '1' });
    const child = await startNode();
    await writeLock(identityOf(child));
    await lock.release();
    expect(await readLock(directory)).toMatchObject(identityOf(child));
  });

  it('goes to one of many that find the same leftover at once', async () => {
    for (let round = 0; round < 20; round++) {
      await writeLock({ pid: 999_999_999, startTime: String(round), bootId: 'here' });
      const rivals = Array.from({ length: 8 }, (_, number) => ({
        pid: 1_000_000_000 + number,
        startTime: '1',
        bootId: 'here',
      }));
      const table = (self: ProcessIdentity): ProcessTable => ({
        self: () => self,
        find: (pid) => rivals.find((rival) => rival.pid === pid),
      });
      const attempts = rivals.map((rival) => acquireLock(directory, table(rival), { id: String(rival.pid) }));
      const results = await Promise.allSettled(attempts);
      const held = results.filter(
        (result): result is PromiseFulfilledResult<HeldLock> => result.status === 'fulfilled',
      );
      const refused = results.filter((result) => result.status === 'rejected');
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'already-running' });
      expect(held).toHaveLength(1);
      const lock = present(held[0], 'lock').value;
      expect(await readLock(directory)).toMatchObject({ token: lock.content.token });
      await lock.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });
});

describe.each([
  { name: 'the processes of this system', table: processes },
  { name: 'the processes that ps shows', table: psProcesses() },
])('$name', ({ table }) => {
  it('has this process, the same each time', () => {
    expect(table.self().pid).toBe(process.pid);
    expect(table.self().startTime).not.toBe('unknown');
    expect(table.find(process.pid)).toEqual(table.self());
  });

  it('has a child until it ends', async () => {
    const child = await startNode();
    const pid = present(child.pid, 'pid');
    expect(table.find(pid)).toEqual(table.find(pid));
    expect(table.find(pid)?.pid).toBe(pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(table.find(pid)).toBeUndefined();
  });

  it('has no process that was never there', () => {
    expect(table.find(999_999_999)).toBeUndefined();
  });

  it.runIf(existsSync('/bin/sh'))(
    'does not count a zombie: it only waits for its parent to ask',
    async () => {
      const { line } = await startChild('/bin/sh', ['-c', '(exec sleep 0.05) & echo $!; exec sleep 60']);
      const pid = Number(line);
      const deadline = Date.now() + 5_000;
      while (table.find(pid) !== undefined && Date.now() < deadline)
        await new Promise((soon) => setImmediate(soon));
      expect(table.find(pid)).toBeUndefined();
      // The pid is still taken: only a zombie can have both.
      expect(() => process.kill(pid, 0)).not.toThrow();
    },
  );
});

describe('a process with a name full of spaces and parentheses', () => {
  it.runIf(process.platform === 'linux')('has its own start time all the same', async () => {
    const script = 'process.title = "a) S 1 (b"; console.log("up"); setInterval(() => {}, 1000)';
    const { child } = await startChild(process.execPath, ['-e', script]);
    const found = identityOf(child);
    expect(Number(found.startTime)).toBeGreaterThanOrEqual(Number(processes.self().startTime));
  });
});
