import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import { decodeIdentity, encodeIdentity, type NodeIdentity } from '../../src/logfmt/identity.ts';
import { decodeCommitHint, decodeState, encodeCommitHint, encodeState } from '../../src/logfmt/records.ts';

const HUGE_ID = nodeId('13529762455909600464');

const state = { currentTerm: term(7), votedFor: HUGE_ID, abstainThrough: logIndex(0) };

const identity: NodeIdentity = {
  formatVersion: 1,
  clusterId: 'c1',
  id: HUGE_ID,
  name: 'node1',
  incarnation: '5f2e',
  peers: [
    { id: HUGE_ID, url: 'http://127.0.0.1:9001' },
    { id: nodeId('2'), url: 'http://127.0.0.1:9002' },
  ],
};

/** Every way to flip one bit of some bytes. */
function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const copy = bytes.slice();
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      yield copy;
    }
  }
}

/** The record with another value at `at`, and its checksum put right: another program may have written it. */
function rewritten(bytes: Uint8Array, at: number, value: bigint): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  view.setBigUint64(at, value, true);
  view.setUint32(0, crc32(copy, 4), true);
  return copy;
}

describe('the state file', () => {
  it('gives back term and vote, whatever they are', () => {
    const arbitraryState = fc.record({
      currentTerm: fc.maxSafeNat().map(term),
      votedFor: fc.option(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((id) => nodeId(id.toString()))),
      abstainThrough: fc.maxSafeNat().map(logIndex),
    });
    fc.assert(
      fc.property(arbitraryState, (value) => {
        expect(decodeState(encodeState(value))).toEqual({ type: 'value', value });
      }),
    );
  });

  it('is known to be damaged by any flipped bit and at any other length', () => {
    const bytes = encodeState(state);
    for (const flipped of flips(bytes)) expect(decodeState(flipped).type).toBe('damaged');
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeState(bytes.subarray(0, length)).type).toBe('damaged');
    }
    expect(decodeState(new Uint8Array(36)).type).toBe('damaged');
  });

  it('is not read where it is another kind of file, of another version, or beyond what a node counts with', () => {
    expect(decodeState(encodeCommitHint(logIndex(3)))).toMatchObject({
      detail: expect.stringContaining('mark'),
    });
    const bytes = encodeState(state);
    const markAndVersion = 0x0000_0002_5453_4652n;
    expect(decodeState(rewritten(bytes, 4, markAndVersion))).toMatchObject({
      detail: expect.stringContaining('version is 2'),
    });
    expect(decodeState(rewritten(bytes, 12, 2n ** 53n))).toMatchObject({
      detail: expect.stringContaining('currentTerm'),
    });
    expect(decodeState(rewritten(bytes, 28, 2n ** 53n))).toMatchObject({
      detail: expect.stringContaining('abstain'),
    });
  });

  it('never makes the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(decodeState(bytes).type).toBe('damaged');
        expect(decodeCommitHint(bytes).type).toBe('damaged');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the commit hint', () => {
  it('gives back its index, and nothing where a bit was flipped', () => {
    const bytes = encodeCommitHint(logIndex(123_456));
    expect(decodeCommitHint(bytes)).toEqual({ type: 'value', value: 123_456 });
    for (const flipped of flips(bytes)) expect(decodeCommitHint(flipped).type).toBe('damaged');
    expect(decodeCommitHint(rewritten(bytes, 12, 2n ** 60n)).type).toBe('damaged');
  });
});

describe('node.json', () => {
  it('gives back the identity, ids of 64 bits exact', () => {
    expect(decodeIdentity(encodeIdentity(identity))).toEqual({ type: 'value', value: identity });
    expect(JSON.parse(textOf(encodeIdentity(identity)))).toMatchObject({ id: '13529762455909600464' });
  });

  it('is the same file when a person has only laid it out differently', () => {
    const compact = utf8(JSON.stringify(JSON.parse(textOf(encodeIdentity(identity)))));
    expect(decodeIdentity(compact)).toEqual({ type: 'value', value: identity });
  });

  it('is known to be damaged by any change of what it says', () => {
    for (const flipped of flips(encodeIdentity(identity))) {
      const decoded = decodeIdentity(flipped);
      // Between its values JSON allows other white space.
      if (decoded.type === 'value') expect(decoded.value).toEqual(identity);
    }
    const text = textOf(encodeIdentity(identity));
    expect(decodeIdentity(utf8(text.replace('9002', '9003')))).toMatchObject({
      detail: expect.stringContaining('checksum'),
    });
  });

  it.each<readonly [string, (json: Record<string, unknown>) => void, string]>([
    ['a key is missing', (json) => delete json.name, '"name" is missing'],
    ['a key is not known', (json) => Object.assign(json, { extra: 1 }), '"extra" is not known'],
    ['the version is another', (json) => Object.assign(json, { formatVersion: 2 }), 'format version is 2'],
    ['the id is a number', (json) => Object.assign(json, { id: 5 }), '"id"'],
    ['the id is 0', (json) => Object.assign(json, { id: '0' }), '"id"'],
    ['the cluster has no id', (json) => Object.assign(json, { clusterId: '' }), '"clusterId"'],
    ['the name is no text', (json) => Object.assign(json, { name: null }), '"name"'],
    ['the incarnation is no text', (json) => Object.assign(json, { incarnation: [] }), '"incarnation"'],
    ['the peers are no list', (json) => Object.assign(json, { peers: {} }), '"peers"'],
    ['a peer has no url', (json) => Object.assign(json, { peers: [{ id: '1' }] }), 'a peer'],
    [
      'a peer has too many keys',
      (json) => Object.assign(json, { peers: [{ id: '1', url: 'u', x: 1 }] }),
      'a peer',
    ],
    ['a peer is null', (json) => Object.assign(json, { peers: [null] }), 'a peer'],
    [
      'a peer stands twice',
      (json) =>
        Object.assign(json, {
          peers: [
            { id: '1', url: 'a' },
            { id: '1', url: 'b' },
          ],
        }),
      'twice',
    ],
    [
      'there are too many peers',
      (json) => Object.assign(json, { peers: Array(100).fill({ id: '1', url: 'a' }) }),
      '100',
    ],
  ])('is refused where %s', (_case, change, detail) => {
    const json: Record<string, unknown> = JSON.parse(textOf(encodeIdentity(identity)));
    change(json);
    const decoded = decodeIdentity(utf8(JSON.stringify(json)));
    expect(decoded).toEqual({ type: 'damaged', detail: expect.stringContaining(detail) });
  });

  it('never makes the decoder throw, on JSON and on bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json().map(utf8), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        expect(decodeIdentity(bytes).type).toBe('damaged');
      }),
      { numRuns: 2000 },
    );
    expect(decodeIdentity(new Uint8Array(1_000_000)).type).toBe('damaged');
  });
});
