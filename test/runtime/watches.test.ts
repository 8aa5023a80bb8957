import { describe, expect, it } from 'vitest';
import { INDEX_ZERO, logIndex } from '../../src/lib/brands.ts';
import { WATCHES_MAX } from '../../src/lib/limits.ts';
import { EchoMachine } from '../../src/raft/machine/echo.ts';
import type { ChangeSelector } from '../../src/raft/ports.ts';
import type { Watch } from '../../src/raft/service.ts';
import { WatchedMachine } from '../support/watched-machine.ts';

const EVERYTHING: ChangeSelector = { type: 'prefix', prefix: '' };

/** The indexes of the next `count` changes. */
async function nextIndexes(watch: Watch, count: number): Promise<readonly number[]> {
  const indexes: number[] = [];
  while (indexes.length < count) {
    const news = await watch.next();
    if (news === undefined) break;
    indexes.push(...news.changes.map((change) => change.index));
  }
  return indexes;
}

describe('a watch of a server', () => {
  it('begins at an index of the past, and goes on with what comes', async () => {
    const server = new WatchedMachine();
    server.apply('put a 1', 'put b 2', 'put a 3');
    const watch = await server.watches.open({ type: 'key', key: 'a' }, { from: logIndex(2) });
    expect(await watch.next()).toEqual({
      changes: [{ index: 3, type: 'put', key: 'a', value: '3' }],
      index: 3,
      leader: { id: '1' },
    });
    const next = watch.next();
    server.apply('delete b');
    server.apply('delete a');
    expect(await next).toMatchObject({ changes: [{ index: 5, type: 'delete', value: null }], index: 5 });
  });

  it('says at once that it is open, and later that it lives, also where nothing concerns it', async () => {
    const server = new WatchedMachine();
    server.apply('put a 1');
    const watch = await server.watches.open({ type: 'key', key: 'z' }, {});
    expect(await watch.next()).toEqual({ changes: [], index: 1, leader: { id: '1' } });
    server.leader = undefined;
    const heartbeat = watch.next();
    server.apply('put b 2');
    expect(await heartbeat).toEqual({ changes: [], index: 2, leader: undefined });
  });

  it('begins after what was acknowledged where no index is given', async () => {
    const server = new WatchedMachine();
    server.apply('put a 1', 'put a 2');
    const watch = await server.watches.open(EVERYTHING, {});
    server.apply('put a 3');
    expect(await nextIndexes(watch, 1)).toEqual([3]);
  });

  it('waits where the node has not come as far as it begins', async () => {
    const server = new WatchedMachine();
    server.apply('put a 1');
    const watch = await server.watches.open(EVERYTHING, { from: logIndex(4) });
    expect(await watch.next()).toMatchObject({ changes: [], index: 1 });
    server.fill(5);
    expect(await nextIndexes(watch, 2)).toEqual([4, 5]);
  });

  it('begins with the first entry where it is to begin before it', async () => {
    const server = new WatchedMachine();
    server.fill(2);
    const watch = await server.watches.open(EVERYTHING, { from: INDEX_ZERO });
    expect(await nextIndexes(watch, 2)).toEqual([1, 2]);
  });

  it('misses nothing of a long log, page by page, while the log goes on', async () => {
    const server = new WatchedMachine({ limits: { pageChangesMax: 7 } });
    server.fill(100);
    const watch = await server.watches.open(EVERYTHING, { from: logIndex(1) });
    const first = await nextIndexes(watch, 50);
    server.fill(150);
    const rest = await nextIndexes(watch, 150 - first.length);
    expect([...first, ...rest]).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
  });

  it('looks for what it wants past pages that have nothing of it', async () => {
    const server = new WatchedMachine({ limits: { pageChangesMax: 3 } });
    server.fill(20);
    server.apply('put wanted 1');
    const watch = await server.watches.open({ type: 'key', key: 'wanted' }, { from: logIndex(1) });
    await watch.next();
    expect(await nextIndexes(watch, 1)).toEqual([21]);
  });

  it('is refused where the history begins later, and says which index is the oldest', async () => {
    const server = new WatchedMachine({ limits: { changesMax: 4 } });
    server.fill(10);
    const from = (index: number) => server.watches.open(EVERYTHING, { from: logIndex(index) });
    await expect(from(6)).rejects.toMatchObject({
      code: 'compacted',
      message: expect.stringMatching(/from index 6 .*begin with 7\.$/),
      suggestions: [expect.stringContaining('raft kv watch'), expect.stringContaining('raft kv list')],
    });
    expect(await nextIndexes(await from(7), 4)).toEqual([7, 8, 9, 10]);
  });

  it('ends where its reader is so slow that the history goes past him', async () => {
    const server = new WatchedMachine({ limits: { changesMax: 4 } });
    server.fill(2);
    const watch = await server.watches.open(EVERYTHING, { from: logIndex(1) });
    await watch.next();
    server.fill(20);
    await expect(watch.next()).rejects.toMatchObject({ code: 'compacted' });
  });

  it('is refused where the machine cannot be watched', async () => {
    const server = new WatchedMachine({ machine: new EchoMachine() });
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('from now on is refused by a follower, which names the leader', async () => {
    const server = new WatchedMachine();
    server.core.role = 'follower';
    server.leader = { id: '7', url: 'http://leader' };
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({
      code: 'not-leader',
      leader: { id: '7', url: 'http://leader' },
    });
    server.leader = undefined;
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({ code: 'no-leader' });
    await server.watches.open(EVERYTHING, { from: logIndex(1) });
  });

  it('is refused where too many are open, until one is closed', async () => {
    const server = new WatchedMachine();
    const opened = await Promise.all(
      Array.from({ length: WATCHES_MAX }, () => server.watches.open(EVERYTHING, {})),
    );
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({ code: 'too-many' });
    opened[0]?.close();
    opened[0]?.close();
    await server.watches.open(EVERYTHING, {});
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({ code: 'too-many' });
  });

  it('answers whoever waits when it is closed, and when the node stops', async () => {
    const server = new WatchedMachine();
    const [closed, stopped] = await Promise.all([
      server.watches.open(EVERYTHING, {}),
      server.watches.open(EVERYTHING, {}),
    ]);
    await Promise.all([closed.next(), stopped.next()]);
    const waiting = [closed.next(), stopped.next()];
    closed.close();
    expect(await waiting[0]).toBeUndefined();
    server.watches.stop();
    await expect(waiting[1]).rejects.toMatchObject({ code: 'stopping' });
    await expect(server.watches.open(EVERYTHING, {})).rejects.toMatchObject({ code: 'stopping' });
  });
});
