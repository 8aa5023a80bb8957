import { describe, expect, it } from 'vitest';
import { logIndex, nodeId } from '../../src/lib/brands.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeIdentity } from '../../src/logfmt/identity.ts';
import { encodeCommitHint } from '../../src/logfmt/records.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';
import { planFor, short } from './repairs.ts';
import { segmentName, TempDir } from './temp-dir.ts';

type Told = readonly (readonly [term: number, content: Content])[];

/** The log of a young cluster: a no-op of each leader, and between them what its clients sent. */
function young(greeting: string, session: number): Told {
  return [
    [1, NOOP],
    [1, greeting],
    [2, NOOP],
    [2, { session, sequence: 1, text: 'put greeting again' }],
  ];
}

const OURS = young('put greeting hello', 1);
const THEIRS = young('put greeting goodbye', 2);

/** A log with a byte of index 2 that is another one. */
function damaged(log: Told): Uint8Array {
  const bytes = encodeFrames(entriesOf(log));
  const at = encodeFrames(entriesOf(log.slice(0, 1))).length + 30;
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}

function file(dir: TempDir, name: string, bytes: Uint8Array): Promise<LogLocation> {
  return dir.write(name, bytes).then(locateLog);
}

/** A data directory of a cluster, and how far its log is known to be committed. */
async function dataDirectory(
  dir: TempDir,
  name: string,
  log: { readonly bytes: Uint8Array; readonly clusterId: string; readonly hint: number },
): Promise<LogLocation> {
  await dir.write(`${name}/${segmentName(1)}`, log.bytes);
  await dir.write(`${name}/commit`, encodeCommitHint(logIndex(log.hint)));
  const identity = { formatVersion: 1, clusterId: log.clusterId, id: nodeId('1'), name } as const;
  await dir.write(`${name}/node.json`, encodeIdentity({ ...identity, incarnation: name, peers: [] }));
  return await locateLog(`${dir.path}/${name}`);
}

describe('a log of another cluster', () => {
  it('is refused where the data directories say of which cluster they are', async () => {
    await using dir = await TempDir.make();
    const log = await dataDirectory(dir, 'x', { bytes: damaged(OURS), clusterId: 'x', hint: 0 });
    const theirs = encodeFrames(entriesOf(THEIRS));
    const other = await dataDirectory(dir, 'y', { bytes: theirs, clusterId: 'y', hint: 4 });
    await expect(planFor(log, other)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/x is of cluster x, and .*y of cluster y/),
    });
  });

  it('is refused where an entry of one index and term holds other bytes, also far behind the hole', async () => {
    await using dir = await TempDir.make();
    const log = await file(dir, 'x.log', damaged(OURS));
    expect(await planFor(log, await file(dir, 'y.log', encodeFrames(entriesOf(THEIRS))))).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringMatching(/^Index 4 of term 2 holds other bytes .* not logs of one cluster/),
      suggestions: [expect.stringContaining('raft log diff'), expect.stringContaining('--from NODE')],
    });
    const same = await planFor(log, await file(dir, 'same.log', encodeFrames(entriesOf(OURS))));
    expect(short(same)).toBe('fill 2-2');
  });

  it('is refused where terms differ before an index at which they are the same', async () => {
    await using dir = await TempDir.make();
    const log = [...OURS, [3, 'a'], [3, 'b'], [5, NOOP]] as const;
    const other = [...OURS, [3, 'a'], [4, 'b'], [5, NOOP]] as const;
    const plan = await planFor(
      await file(dir, 'x.log', damaged(log)),
      await file(dir, 'y.log', encodeFrames(entriesOf(other))),
    );
    expect(plan.refusal).toMatch(/^Index 6 has different terms in these logs, and index 7 behind it/);
  });

  it('is refused where no-ops are all that both logs hold, unless the directories are of one cluster', async () => {
    await using dir = await TempDir.make();
    const bytes = encodeFrames(entriesOf(OURS.slice(0, 1)));
    const whole = encodeFrames(entriesOf(OURS));
    // It knows more to be committed than it holds, so a node refuses it.
    await dir.write('bare/commit', encodeCommitHint(logIndex(4)));
    await dir.write(`bare/${segmentName(1)}`, bytes);
    const bare = await locateLog(`${dir.path}/bare`);
    const other = await dataDirectory(dir, 'y', { bytes: whole, clusterId: 'x', hint: 4 });
    expect(await planFor(bare, other)).toMatchObject({
      verdict: 'refused',
      refusal: expect.stringContaining('Nothing shows that the other log is of the same cluster'),
    });
    const log = await dataDirectory(dir, 'x', { bytes, clusterId: 'x', hint: 4 });
    expect(short(await planFor(log, other))).toBe('fill 2-4');
  });
});

describe('the header of a damaged frame', () => {
  it('is told where it names another entry than the one that is to take its place', async () => {
    await using dir = await TempDir.make();
    const other = await file(dir, 'y.log', encodeFrames(entriesOf(OURS)));
    const bytes = damaged([OURS[0] ?? [1, NOOP], [1, 'put greeting bye'], ...OURS.slice(2)]);
    const [fill] = (await planFor(await file(dir, 'x.log', bytes), other)).actions;
    expect(fill?.why).toMatch(/; but the damaged frame names another checksum and size \(16\) than/);
  });

  it('says nothing where the checksum, or all but the checksum, is that of the entry', async () => {
    await using dir = await TempDir.make();
    const other = await file(dir, 'y.log', encodeFrames(entriesOf(OURS)));
    const start = encodeFrames(entriesOf(OURS.slice(0, 1))).length;
    // In the checksum, the term, the size and the command.
    for (const at of [0, 4, 20, 24]) {
      const bytes = encodeFrames(entriesOf(OURS));
      bytes[start + at] = (bytes[start + at] ?? 0) ^ 1;
      const { actions } = await planFor(await file(dir, `x${at}.log`, bytes), other);
      expect(actions.map(({ type, why }) => [type, why.includes('but')])).toEqual([['fill', false]]);
    }
  });
});
