import { describe, expect, it } from 'vitest';
import { diffSummaryLines } from '../../src/cli/log-diff-lines.ts';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeIdentity } from '../../src/logfmt/identity.ts';
import { encodeCommitHint, encodeState } from '../../src/logfmt/records.ts';
import { type DiffOptions, type DiffSummary, diffLogs } from '../../src/logtools/diff.ts';
import type { DiffLog } from '../../src/logtools/diff-cursor.ts';
import { readOwner } from '../../src/logtools/diff-owner.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { type ConfigurationContent, type Content, entriesOf } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

/** What a node's log holds: terms of commands, and configurations of term 1. */
type Word = number | ConfigurationContent;

interface NodeLog {
  readonly words: readonly Word[];
  /** `null`: the node joined later, and does not know the initial voters. */
  readonly initial?: readonly string[] | null;
  readonly clusterId?: string;
  readonly committed?: number;
  /** Up to here entries may have been cut from it. */
  readonly abstainThrough?: number;
  /** A bit of the entry at this index is flipped. */
  readonly damagedAt?: number;
  /** The name of the directory, where it is not that of the node. */
  readonly name?: string;
}

const FIVE = ['1', '2', '3', '4', '5'];

function bytesOf({ words, damagedAt }: NodeLog): Uint8Array {
  const entries = entriesOf(
    words.map((word, at): readonly [number, Content] =>
      typeof word === 'number' ? [word, `put k ${at + 1}.${word}`] : [1, word],
    ),
  );
  const bytes = encodeFrames(entries);
  if (damagedAt === undefined) return bytes;
  const last = encodeFrames(entries.slice(0, damagedAt)).length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return bytes;
}

/** Compares data directories, each by the id of its node in front. */
async function compareNodes(
  nodes: readonly (readonly [id: string, log: NodeLog])[],
  options: DiffOptions = {},
): Promise<DiffSummary> {
  await using dir = await TempDir.make();
  const logs: DiffLog[] = [];
  for (const [id, log] of nodes) {
    const name = log.name ?? `n${id}`;
    await dir.write(`${name}/${segmentName(1)}`, bytesOf(log));
    await dir.write(`${name}/commit`, encodeCommitHint(logIndex(log.committed ?? 0)));
    const abstainThrough = logIndex(log.abstainThrough ?? 0);
    await dir.write(`${name}/state`, encodeState({ currentTerm: term(9), votedFor: null, abstainThrough }));
    await dir.write(`${name}/node.json`, identityOf(id, log));
    const location = await locateLog(`${dir.path}/${name}`);
    logs.push({ name, location, writer: 'none', owner: await readOwner(location) });
  }
  return await summaryOf(logs, options);
}

function identityOf(id: string, { initial = FIVE, clusterId = 'told' }: NodeLog): Uint8Array {
  return encodeIdentity({
    ...{ formatVersion: 1, clusterId, id: nodeId(id), name: `n${id}`, incarnation: `of-${id}` },
    peers: (initial ?? []).map((peer) => ({ id: nodeId(peer), url: `http://127.0.0.1:760${peer}` })),
  });
}

/** Compares files on their own, of which nobody knows whose they are. */
async function compareFiles(files: readonly NodeLog[]): Promise<DiffSummary> {
  await using dir = await TempDir.make();
  const logs: DiffLog[] = [];
  for (const [at, log] of files.entries()) {
    const name = 'abcdefg'.charAt(at);
    logs.push({ name, location: await locateLog(await dir.write(name, bytesOf(log))), writer: 'none' });
  }
  return await summaryOf(logs);
}

async function summaryOf(logs: readonly DiffLog[], options: DiffOptions = {}): Promise<DiffSummary> {
  const comparison = diffLogs(logs, options);
  for (;;) {
    const { done, value } = await comparison.next();
    if (done === true) return value;
  }
}

/** The ranges in short. */
function ranges({ ranges: all }: DiffSummary): readonly string[] {
  return all.map(
    ({ from, to, term, logs, standing, needed }) =>
      `${from}-${to} t${term} ${logs.join(' ')}: ${standing}, ${needed} needed`,
  );
}

describe('an entry on one of three logs', () => {
  const told = (count: number, initial: readonly string[] | null = FIVE) => ({
    words: [1, 1, 1].slice(0, count),
    initial,
  });

  it('of a cluster of five may be on a majority, and asks for the other logs', async () => {
    const found = await compareNodes([
      ['3', told(3)],
      ['1', told(2)],
      ['2', told(2)],
    ]);
    expect(found).toMatchObject({ voters: 5, oldVoters: null, votersFrom: 'node', missing: ['4', '5'] });
    expect(found).toMatchObject({ committedAtMost: '3', configuredVoters: 5 });
    expect(ranges(found)).toEqual(['3-3 t1 n3: possible, 2 needed']);
    const text = diffSummaryLines(found, (id) => `n${id}`);
    expect(text).toContain('from index 3 on, of 5 voters (a majority is 3):');
    expect(text).toContain('on a majority if at least 2 more voters hold it whose logs are not known');
    expect(text).toContain('What is open is in the logs of n4, n5: give those too.');
    expect(text).not.toContain('can be lost');
  });

  it('is on no majority, whatever the one log that is not here holds', async () => {
    const nodes = ['1', '2', '4'].map((id) => [id, told(2)] as const);
    const found = await compareNodes([['3', told(3)], ...nodes]);
    expect(ranges(found)).toEqual(['3-3 t1 n3: minority, 2 needed']);
    expect(found).toMatchObject({ committedAtMost: '2' });
    const text = diffSummaryLines(found);
    expect(text).toContain('on no majority, so it is not committed and can be lost');
    expect(text).toContain('Entries up to 2 may be committed; later ones of these logs cannot be.');
  });

  it('is on a majority where two more of the five hold it', async () => {
    const nodes = ['1', '2'].map((id) => [id, told(2)] as const);
    const found = await compareNodes([['3', told(3)], ['4', told(3)], ['5', told(3)], ...nodes]);
    expect(ranges(found)).toEqual(['3-3 t1 n3 n4 n5: majority, 0 needed']);
  });

  it('is not called lost where nothing says how many vote', async () => {
    const found = await compareFiles([told(3), told(2), told(2)]);
    expect(found).toMatchObject({ voters: 3, votersFrom: 'assumed', configuredVoters: null, missing: [] });
    expect(ranges(found)).toEqual(['3-3 t1 a: possible, null needed']);
    const text = diffSummaryLines(found);
    expect(text).toContain('Nothing says how many vote: if there are more than these 3, give --voters.');
    expect(text).not.toContain('not committed');
    expect(text).toContain('Entries up to 3 may be committed; these logs hold no later ones.');
  });

  it('is told from another number of voters where one is given, and says that the cluster has not as many', async () => {
    const found = await compareNodes(
      [
        ['3', told(3)],
        ['1', told(2)],
        ['2', told(2)],
      ],
      { voters: 3 },
    );
    expect(found).toMatchObject({ voters: 3, votersFrom: 'given', configuredVoters: 5 });
    expect(ranges(found)).toEqual(['3-3 t1 n3: minority, 1 needed']);
    expect(diffSummaryLines(found)).toContain(
      '!! --voters says that 3 vote; as far as the cluster is known, 5 do.',
    );
  });

  it('of one node does not count twice where two copies of its log are given', async () => {
    const found = await compareNodes([
      ['3', told(3)],
      ['3', { ...told(3), name: 'copy' }],
      ['3', { ...told(2), name: 'older' }],
      ['1', told(2)],
    ]);
    expect(ranges(found)).toEqual(['3-3 t1 n3 copy: possible, 2 needed']);
  });
});

describe('a change of voters', () => {
  const JOINT = {
    oldVoters: ['1', '2', '3'],
    voters: ['3', '4@of-4', '5@of-5', '6@of-6', '7@of-7'],
  } as const;
  const NEW = { voters: JOINT.voters };
  const initial = JOINT.oldVoters;
  const old = (words: readonly Word[]) => ({ words, initial });
  const joined = (words: readonly Word[]) => ({ words, initial: null });

  it('takes a majority of both while it is a joint one', async () => {
    const all = [1, JOINT, 1];
    const onNewAlone = await compareNodes([
      ['1', old([1])],
      ['2', old([1])],
      ['3', old(all)],
      ['4', joined(all)],
      ['5', joined(all)],
    ]);
    // The joint configuration itself cannot be committed, so nobody has gone on to the new voters alone.
    expect(ranges(onNewAlone)).toEqual(['2-3 t1 n3 n4 n5: minority, 1 needed']);
    expect(onNewAlone).toMatchObject({ voters: 5, oldVoters: 3, votersFrom: 'configuration' });
    const onBoth = await compareNodes([
      ['1', old([1])],
      ['2', old(all)],
      ['3', old(all)],
      ['4', joined(all)],
      ['5', joined(all)],
    ]);
    expect(ranges(onBoth)).toEqual(['2-3 t1 n2 n3 n4 n5: majority, 0 needed']);
    expect(diffSummaryLines(onBoth)).toContain(
      'from index 2 on, of 3 old voters (a majority is 2) and of 5 new ones (a majority is 3):',
    );
    const onOldAlone = await compareNodes([
      ['1', old(all)],
      ['2', old(all)],
      ['3', old([1])],
      ['4', joined([1])],
    ]);
    expect(ranges(onOldAlone)).toEqual(['2-3 t1 n1 n2: possible, 3 needed']);
  });

  it('leaves an entry open that the new voters alone may have committed', async () => {
    const found = await compareNodes([
      ['1', old([1, JOINT])],
      ['2', old([1, JOINT])],
      ['3', old([1, JOINT, 1])],
      ['4', joined([1, JOINT, 1])],
      ['5', joined([1, JOINT, 1])],
    ]);
    expect(ranges(found)).toEqual(['3-3 t1 n3 n4 n5: possible, 0 needed']);
    expect(diffSummaryLines(found)).toContain('on a majority of the new voters alone');
  });

  it('does not count nodes that were removed, and says so', async () => {
    const found = await compareNodes([
      ['1', old([1, JOINT, NEW, 1])],
      ['2', old([1, JOINT])],
      ['3', old([1, JOINT, NEW, 1])],
      ['4', joined([1, JOINT, NEW, 1])],
      ['5', joined([1, JOINT, NEW])],
      ['6', joined([1, JOINT, NEW])],
    ]);
    expect(ranges(found)).toEqual([
      '3-3 t1 n1 n3 n4 n5 n6: majority, 0 needed',
      '4-4 t1 n1 n3 n4: possible, 1 needed',
    ]);
    expect(found).toMatchObject({ notCounted: ['n1', 'n2'], missing: ['7'] });
    expect(diffSummaryLines(found)).toContain(
      'from index 3 on, of 5 voters (a majority is 3), without n1, n2, which do not vote:',
    );
  });

  it('is known from the logs of files too, each of which counts for a voter', async () => {
    const found = await compareFiles([{ words: [1, NEW, 1] }, { words: [1, NEW] }, { words: [1, NEW] }]);
    expect(ranges(found)).toEqual(['3-3 t1 a: possible, 2 needed']);
    expect(found).toMatchObject({ voters: 5, votersFrom: 'configuration', missing: [] });
    expect(diffSummaryLines(found)).toContain('in the logs of the other voters: give those too.');
  });
});

it('takes a log from which entries were cut for one that may have held them', async () => {
  const initial = ['1', '2', '3'];
  const logs = [
    ['1', { words: [1, 1, 2], initial }],
    ['2', { words: [1, 1], initial }],
  ] as const;
  const cut = await compareNodes([...logs, ['3', { words: [1, 1], initial, abstainThrough: 3 }]]);
  expect(ranges(cut)).toEqual(['3-3 t2 n1: possible, 1 needed']);
  const whole = await compareNodes([...logs, ['3', { words: [1, 1], initial, abstainThrough: 2 }]]);
  expect(ranges(whole)).toEqual(['3-3 t2 n1: minority, 1 needed']);
});

describe('a hole in a log', () => {
  const words = [1, 1, 1, 1];

  it('does not let the logs be called the same where it is', async () => {
    const found = await compareNodes([
      ['1', { words }],
      ['2', { words: [...words, 2], damagedAt: 2 }],
    ]);
    expect(found).toMatchObject({ agreeThrough: '4', notCompared: 1, partAt: '5' });
    expect(diffSummaryLines(found)).toContain(
      'Where all of them can be read, the logs hold the same up to index 4, and part at 5.',
    );
    // A log that holds the same behind the hole holds the same in it, so it is known who votes.
    expect(found.ranges).toMatchObject([{ from: '5', votersFrom: 'node', voters: 5 }]);
    const first = await compareNodes([
      ['1', { words: [1, 1] }],
      ['2', { words: [1, 1, 1], damagedAt: 2 }],
    ]);
    expect(first).toMatchObject({ agreeThrough: '1', notCompared: 1, partAt: '3' });
  });

  it('may hide a configuration: what stands behind it in that log alone is open', async () => {
    const others = ['2', '3', '4'].map((id) => [id, { words: [1] }] as const);
    const found = await compareNodes([['1', { words: [1, 1, 2], damagedAt: 2 }], ...others]);
    expect(found.ranges).toMatchObject([{ from: '3', votersFrom: 'assumed', standing: 'possible' }]);
  });
});

describe('logs of different clusters', () => {
  it('are called that before all else, and nothing is said of what may be committed', async () => {
    const found = await compareNodes([
      ['1', { words: [1, 1, 2], committed: 3 }],
      ['2', { words: [1, 1, { voters: ['9'] }, 1], clusterId: 'other' }],
    ]);
    expect(found).toMatchObject({ areStrangers: true, committedAtMost: null, conflicts: 0 });
    expect(found.logs).toMatchObject([
      { id: '1', clusterId: 'told' },
      { id: '2', clusterId: 'other' },
    ]);
    expect(new Set(found.ranges.map(({ standing }) => standing))).toEqual(new Set(['unjudged']));
    const [first, ...rest] = diffSummaryLines(found).split('\n');
    expect(first).toBe('!! These are logs of different clusters: n1 of cluster told, n2 of cluster other.');
    expect(rest.at(-1)).toBe('What may be committed is not said of logs of different clusters.');
  });
});

describe('what is known to be committed', () => {
  it('is not said to be open', async () => {
    const found = await compareNodes([
      ['1', { words: [1, 1, 1], committed: 3 }],
      ['2', { words: [1, 1, 1], committed: 2 }],
    ]);
    expect(diffSummaryLines(found)).toContain(
      '\nEntries up to 3 are committed; these logs hold no later ones.',
    );
    const more = await compareNodes([
      ['1', { words: [1, 1, 1], committed: 2 }],
      ['2', { words: [1, 1] }],
    ]);
    expect(diffSummaryLines(more)).toContain('Entries up to 2 are committed, and those up to 3 may be;');
  });
});
