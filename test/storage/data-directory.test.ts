import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/lib/brands.ts';
import { openStorage } from '../../src/raft/storage/open-storage.ts';
import { DISKS, flipBit, open, withTenEntries } from './directories.ts';
import { hardStateOf, STORAGE_OPTIONS } from './workload.ts';

describe.each(DISKS)('a data directory $name', ({ make }) => {
  const { identity } = STORAGE_OPTIONS;

  it('gets an identity once, and keeps it', async () => {
    const disk = await make();
    const made = await open(disk);
    expect(made.identity).toEqual({ formatVersion: 1, ...identity });
    expect(made.recovered).toMatchObject({ hardState: hardStateOf(0), lastIndex: 0, commitHint: 0 });
    const again = await openStorage(disk, {
      ...STORAGE_OPTIONS,
      identity: { id: identity.id, incarnation: 'another' },
      blankDirectory: 'refuse',
    });
    expect(again.identity).toEqual(made.identity);
  });

  it('of another node is refused', async () => {
    const disk = await make();
    await open(disk);
    const wanted = { ...identity, id: nodeId('13529762455909600464') };
    await expect(openStorage(disk, { ...STORAGE_OPTIONS, identity: wanted })).rejects.toMatchObject({
      code: 'configuration',
      message: 'data belongs to node 1, not to node 13529762455909600464.',
    });
  });

  it('of another cluster is refused', async () => {
    const disk = await make();
    await open(disk);
    const wanted = { ...identity, clusterId: 'cluster-b' };
    await expect(openStorage(disk, { ...STORAGE_OPTIONS, identity: wanted })).rejects.toMatchObject({
      code: 'configuration',
      message: 'data belongs to cluster cluster-a, not to cluster cluster-b.',
    });
  });

  it('that was made with other peers is refused, naming both; their order does not matter', async () => {
    const disk = await make();
    const one = { id: nodeId('1'), url: 'http://127.0.0.1:1' };
    const ten = { id: nodeId('10'), url: 'http://127.0.0.1:10' };
    const two = { id: nodeId('2'), url: 'http://127.0.0.1:2' };
    await openStorage(disk, { ...STORAGE_OPTIONS, identity: { ...identity, peers: [ten, one, two] } });
    await openStorage(disk, { ...STORAGE_OPTIONS, identity: { ...identity, peers: [two, ten, one] } });
    const other = openStorage(disk, { ...STORAGE_OPTIONS, identity: { ...identity, peers: [one, two] } });
    await expect(other).rejects.toMatchObject({
      code: 'configuration',
      message:
        'data was made with --peers 1=http://127.0.0.1:1,2=http://127.0.0.1:2,10=http://127.0.0.1:10, ' +
        'and is started with --peers 1=http://127.0.0.1:1,2=http://127.0.0.1:2.',
    });
  });

  it('that is blank is refused where the node has been part of its cluster', async () => {
    const disk = await make();
    await expect(openStorage(disk, { ...STORAGE_OPTIONS, blankDirectory: 'refuse' })).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('its votes and entries are gone'),
    });
    expect(await disk.list('.')).toEqual([]);
  });

  it('that is blank needs to be told its cluster', async () => {
    const wanted = { id: nodeId('1'), incarnation: 'x' };
    await expect(openStorage(await make(), { ...STORAGE_OPTIONS, identity: wanted })).rejects.toMatchObject({
      code: 'configuration',
    });
  });

  it('with a log but no state is refused', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await disk.unlink('state');
    await expect(open(disk)).rejects.toMatchObject({
      code: 'damaged',
      message: 'data/state is missing. The node no longer knows its term and vote.',
    });
  });

  it('with a damaged state or identity is refused', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await flipBit(disk, 'state', 20);
    await expect(open(disk)).rejects.toMatchObject({ code: 'damaged', message: /data\/state is damaged/ });
    await flipBit(disk, 'state', 20);
    await flipBit(disk, 'node.json', 40);
    await expect(open(disk)).rejects.toMatchObject({
      code: 'damaged',
      message: /data\/node.json is damaged/,
    });
  });

  it('with a log but no identity is refused', async () => {
    const disk = await make();
    await withTenEntries(disk);
    await disk.unlink('node.json');
    await expect(open(disk)).rejects.toMatchObject({
      code: 'damaged',
      message: 'data holds a log but no node.json: it cannot say whose it is.',
    });
  });
});
