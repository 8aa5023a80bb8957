import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { decodePeers, encodePeers } from '../../src/logfmt/peers-record.ts';
import { DiskPeerMemory } from '../../src/raft/storage/peer-memory.ts';
import { FakeDisk } from '../../src/sim/disk.ts';

const ONE = nodeId('1');
const TWO = nodeId('18446744073709551615');

async function memoryOn(disk: FakeDisk): Promise<DiskPeerMemory> {
  return await DiskPeerMemory.open(disk.mount());
}

describe('what a node remembers of its peers', () => {
  it('is there again after a loss of power, once it was saved', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const memory = await memoryOn(disk);
    memory.remember(ONE, 'first');
    memory.remember(TWO, 'second');
    await memory.close();
    disk.powerLoss();
    const again = await memoryOn(disk);
    expect([again.recall(ONE), again.recall(TWO)]).toEqual(['first', 'second']);
    expect(again.warning).toBeUndefined();
  });

  it('is forgotten of those who are no members any more', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const memory = await memoryOn(disk);
    memory.remember(ONE, 'first');
    memory.remember(TWO, 'second');
    memory.retain(new Set([TWO]));
    await memory.close();
    const again = await memoryOn(disk);
    expect([again.recall(ONE), again.recall(TWO)]).toEqual([undefined, 'second']);
  });

  it('begins anew where the file is damaged, and says so', async () => {
    const disk = new FakeDisk({ seed: 1 });
    const mounted = disk.mount();
    const file = await mounted.open('peers', { create: true });
    await file?.pwrite(0, utf8('{"peers":{"1":"forged"},"checksum":"00000000"}'));
    const memory = await DiskPeerMemory.open(mounted);
    expect(memory.recall(ONE)).toBeUndefined();
    expect(memory.warning).toContain('its checksum does not match');
  });
});

describe('the file of peers', () => {
  it('is read as it was written', () => {
    const peers = new Map([
      [ONE, 'a'],
      [TWO, 'b'],
    ]);
    expect(decodePeers(encodePeers(peers))).toEqual({ type: 'value', value: peers });
  });

  it('is damaged where anything else stands in it', () => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"peers":[]}',
      '{"peers":{"0":"a"},"checksum":""}',
      '{"peers":{"1":7}}',
    ])
      expect(decodePeers(utf8(text)), text).toMatchObject({ type: 'damaged' });
    expect(decodePeers(Uint8Array.of(0xff))).toMatchObject({ type: 'damaged' });
  });
});
