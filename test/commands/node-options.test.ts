import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeFlags, nodePlace } from '../../src/cli/node-options.ts';
import { parsePeers } from '../../src/cli/values.ts';
import { nodeId } from '../../src/lib/brands.ts';

const PEERS = parsePeers('1=http://127.0.0.1:7600,2=http://10.0.0.2:7600');
const refused = expect.objectContaining({ code: 'usage' });

let dataDir: string;
let flags: NodeFlags;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'raft-node-options-'));
  flags = {
    id: nodeId('1'),
    name: undefined,
    listen: undefined,
    advertise: undefined,
    dataDir,
    peers: undefined,
    join: undefined,
  };
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe('the place of a node', () => {
  it('is where its own entry among the peers says', () => {
    expect(nodePlace({ ...flags, peers: PEERS })).toEqual({
      name: 'node-1',
      dataDir: resolve(dataDir),
      listen: { host: '127.0.0.1', port: 7600 },
      advertise: 'http://127.0.0.1:7600',
      peers: PEERS,
    });
  });

  it('is beyond the loopback address only where --listen says so', () => {
    const away = { ...flags, id: nodeId('2'), peers: PEERS };

    expect(() => nodePlace(away)).toThrow(refused);
    expect(nodePlace({ ...away, listen: { host: '0.0.0.0', port: 7600 } }).listen.host).toBe('0.0.0.0');
  });

  it('is a cluster of one where there are no peers, at an address that others can know', () => {
    const listen = { host: '::1', port: 7600 };

    expect(nodePlace({ ...flags, listen }).peers).toEqual([{ id: '1', url: 'http://[::1]:7600' }]);
    expect(nodePlace({ ...flags, listen, advertise: 'http://node1:80' }).peers).toEqual([
      { id: '1', url: 'http://node1:80' },
    ]);
    expect(() => nodePlace({ ...flags, listen: { host: '127.0.0.1', port: 0 } })).toThrow(refused);
    expect(() => nodePlace({ ...flags, listen: { host: '0.0.0.0', port: 80 } })).toThrow(refused);
    expect(() => nodePlace(flags)).toThrow(refused);
  });

  it('leaves the peers to a data directory that knows them', async () => {
    await writeFile(join(dataDir, 'node.json'), '{}');

    expect(nodePlace({ ...flags, listen: { host: '127.0.0.1', port: 7600 } }).peers).toBeUndefined();
  });

  it('does not contradict itself', () => {
    expect(() => nodePlace({ ...flags, peers: PEERS, advertise: 'http://127.0.0.1:1' })).toThrow(refused);
    expect(() => nodePlace({ ...flags, id: nodeId('3'), peers: PEERS })).toThrow(refused);
    expect(nodePlace({ ...flags, peers: PEERS, advertise: 'http://127.0.0.1:7600', name: 'one' }).name).toBe(
      'one',
    );
  });
});
