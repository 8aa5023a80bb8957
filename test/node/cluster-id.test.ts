import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/lib/brands.ts';
import { checkClusterId, deriveClusterId } from '../../src/node/cluster-id.ts';
import { openDataDirectory } from '../../src/node/data-directory.ts';
import { FakeDisk } from '../../src/sim/disk.ts';

const MEMBERS = [{ id: nodeId('1'), url: 'http://127.0.0.1:1' }];
const refused = expect.objectContaining({ code: 'usage' });

describe('the id of a cluster', () => {
  it.each(['a', '~!', 'x'.repeat(128), deriveClusterId(MEMBERS)])('may be "%s"', (text) => {
    expect(checkClusterId(text)).toBe(text);
  });

  it.each(['', 'two words', 'line\nfeed', 'é', '\u2603', 'x'.repeat(129)])('is never %j', (text) => {
    expect(() => checkClusterId(text)).toThrow(refused);
  });

  it('is checked before anything is written in its name', async () => {
    const disk = new FakeDisk({ seed: 1 }).mount();
    const id = nodeId('1');
    const options = { disk, directory: 'data', id, name: 'node1', blankDirectory: 'initialize' } as const;
    await expect(openDataDirectory({ ...options, clusterId: '\u2603' }, MEMBERS)).rejects.toEqual(refused);
    expect(await disk.list('.')).toEqual([]);
  });
});
