import { describe, expect, it } from 'vitest';
import { diffEntryLines, diffSummaryLines } from '../../src/cli/log-diff-lines.ts';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeIdentity } from '../../src/logfmt/identity.ts';
import { encodeCommitHint, encodeState } from '../../src/logfmt/records.ts';
import { type DiffEntry, type DiffOptions, type DiffSummary, diffLogs } from '../../src/logtools/diff.ts';
import type { DiffLog } from '../../src/logtools/diff-cursor.ts';
import { readOwner } from '../../src/logtools/diff-owner.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import type { Writer } from '../../src/logtools/read-log.ts';
import { type ConfigurationContent, type Content, entriesOf } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

/** Terms of commands, and configurations of term 1. */
type Words = readonly (number | ConfigurationContent)[];

interface NodeLog {
  readonly id: string;
  /** The log as one segment. */
  readonly bytes?: Uint8Array;
  /** Segments by their first indexes, where there are more. */
  readonly segments?: readonly (readonly [first: number, bytes: Uint8Array])[];
  /** `null`: the node joined later, and does not know the initial voters. */
  readonly initial?: readonly string[] | null;
  readonly committed?: number;
  readonly state?: Uint8Array;
  readonly writer?: Writer;
  readonly incarnation?: string;
  /** What of the data directory is named; all of it unless given. */
  readonly part?: string;
}

interface Found {
  readonly entries: readonly DiffEntry[];
  readonly summary: DiffSummary;
  readonly text: string;
  /** The ranges in short. */
  readonly ranges: readonly string[];
}

function log(words: Words, first = 1): Uint8Array {
  const entries = words.map((word, at): readonly [number, Content] =>
    typeof word === 'number' ? [word, `put k ${first + at}.${word}`] : [1, word],
  );
  return encodeFrames(entriesOf(entries, first));
}

/** The same bytes, of which the last has a turned bit. */
function damaged(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
}

function state(abstainThrough = 0): Uint8Array {
  return encodeState({ currentTerm: term(9), votedFor: null, abstainThrough: logIndex(abstainThrough) });
}

/** Compares data directories, and files on their own. */
async function compare(
  nodes: readonly NodeLog[],
  files: readonly Uint8Array[] = [],
  options: DiffOptions = {},
): Promise<Found> {
  await using dir = await TempDir.make();
  const logs: DiffLog[] = [];
  for (const node of nodes) logs.push(await writtenNode(dir, node));
  for (const [at, bytes] of files.entries()) {
    const name = `file${at}`;
    logs.push({ name, location: await locateLog(await dir.write(name, bytes)), writer: 'none' });
  }
  const entries: DiffEntry[] = [];
  const comparison = diffLogs(logs, options);
  let step = await comparison.next();
  for (; step.done !== true; step = await comparison.next()) entries.push(step.value);
  const summary = step.value;
  const ranges = summary.ranges.map(
    ({ from, to, term, logs, standing, needed }) =>
      `${from}-${to} t${term} ${logs.join(' ')}: ${standing}, ${needed} needed`,
  );
  return { entries, summary, text: diffSummaryLines(summary), ranges };
}

async function writtenNode(dir: TempDir, node: NodeLog): Promise<DiffLog> {
  const { id, bytes = new Uint8Array(0), initial = ['1', '2', '3'], part = '' } = node;
  const name = `n${id}`;
  const segments = node.segments ?? [[1, bytes] as const];
  for (const [first, segment] of segments) await dir.write(`${name}/${segmentName(first)}`, segment);
  await dir.write(`${name}/commit`, encodeCommitHint(logIndex(node.committed ?? 0)));
  await dir.write(`${name}/state`, node.state ?? state());
  const peers = (initial ?? []).map((peer) => ({ id: nodeId(peer), url: `http://127.0.0.1:760${peer}` }));
  const identity = { clusterId: 'told', id: nodeId(id), name, incarnation: node.incarnation ?? `of-${id}` };
  await dir.write(`${name}/node.json`, encodeIdentity({ formatVersion: 1, ...identity, peers }));
  const location = await locateLog(`${dir.path}/${name}${part}`);
  return { name, location, writer: node.writer ?? 'none', owner: await readOwner(location) };
}

const LONG = { id: '1', bytes: log([1, 1, 1]) };
const SHORT = { id: '2', bytes: log([1, 1]) };
/** What an entry on n1 alone of three voters is called where n3 may have held it. */
const OPEN = ['3-3 t1 n1: possible, 1 needed'];

describe('an entry on one of three logs is not called lost', () => {
  it('where a node writes another log, which may have got it since', async () => {
    const writer = 'running';
    const atEnd = await compare([LONG, SHORT, { id: '3', bytes: log([1, 1]), writer }]);
    expect(atEnd.ranges).toEqual(OPEN);
    expect(atEnd.entries).toMatchObject([{ ended: ['n2', 'n3'] }]);
    const inPlace = await compare([LONG, SHORT, { id: '3', bytes: log([1, 1, 2]), writer }]);
    expect(inPlace.ranges).toEqual([...OPEN, '3-3 t2 n3: minority, 1 needed']);
  });

  it('where another log ends in a frame that is whole but for a bit', async () => {
    const found = await compare([LONG, SHORT, { id: '3', bytes: damaged(log([1, 1, 1])) }]);
    expect(found.ranges).toEqual(OPEN);
  });

  it('where zeros stand behind the damage of another log', async () => {
    for (const zeros of [0, 4096]) {
      const disordered = concatBytes([log([2, 2]), log([1], 3), new Uint8Array(zeros)]);
      const found = await compare([
        { id: '1', bytes: log([2, 2, 2]) },
        { id: '2', bytes: log([2, 2]) },
        { id: '3', bytes: disordered },
      ]);
      expect(found.ranges).toEqual(['3-3 t2 n1: possible, 1 needed']);
    }
    const segments = [
      [1, damaged(log([1, 1, 1]))],
      [4, new Uint8Array(4096)],
    ] as const;
    expect((await compare([LONG, SHORT, { id: '3', segments }])).ranges).toEqual(OPEN);
  });

  it('where a segment of another log is named by its path, and later ones stand beside it', async () => {
    const segments = [
      [1, log([1, 1])],
      [3, log([1], 3)],
    ] as const;
    const found = await compare([LONG, SHORT, { id: '3', segments, part: `/${segmentName(1)}` }]);
    expect(found.ranges).toEqual(OPEN);
  });

  it('where nobody knows what was cut from another log, because its state is damaged', async () => {
    const short = { id: '3', bytes: log([1, 1]) };
    expect((await compare([LONG, SHORT, { ...short, state: damaged(state(2)) }])).ranges).toEqual(OPEN);
    expect((await compare([LONG, SHORT, { ...short, state: state(2) }])).ranges).toEqual([
      '3-3 t1 n1: minority, 1 needed',
    ]);
  });

  it('where a file that lacks it may be an older copy of a log that is here', async () => {
    expect((await compare([LONG, SHORT], [log([1, 1])])).ranges).toEqual(OPEN);
    const held = await compare([LONG, SHORT], [log([1, 1, 1])]);
    expect(held.ranges).toEqual(['3-3 t1 n1 file0: majority, 0 needed']);
  });

  it('where a new node came under the id of an initial voter', async () => {
    const joint = { oldVoters: ['1', '2', '3'], voters: ['2', '3', '4@of-4'] };
    const all = log([1, 1, joint]);
    const found = await compare([
      { id: '1', bytes: log([1, 1]), initial: null, incarnation: 'new' },
      { id: '2', bytes: all },
      { id: '3', bytes: log([1, 1]) },
      { id: '4', bytes: all, initial: null },
    ]);
    expect(found.ranges).toEqual(['3-3 t1 n2 n4: possible, 1 needed']);
    expect(found.summary).toMatchObject({ notCounted: ['n1'], missing: ['1'] });
  });
});

describe('--voters', () => {
  it('does not count a node that does not vote, and says so', async () => {
    const learner = { id: '4', bytes: log([1, 1]), initial: null };
    const found = await compare([LONG, SHORT, learner], [], { voters: 3 });
    expect(found.ranges).toEqual(OPEN);
    expect(found.summary).toMatchObject({ votersFrom: 'given', notCounted: ['n4'] });
    expect(found.text).toContain('of 3 voters (a majority is 2), without n4, which does not vote:');
  });

  it('says that it leaves out the old voters of a joint configuration', async () => {
    const joint = { oldVoters: ['1', '2', '3'], voters: ['3', '4@of-4', '5@of-5'] };
    const logs = [LONG, { id: '3', bytes: log([1, 1, 1, joint]) }];
    const joined = { id: '4', bytes: log([1, 1, 1, joint]), initial: null };
    const found = await compare([...logs, joined], [], { voters: 3 });
    expect(found.ranges).toEqual(['4-4 t1 n3 n4: majority, 0 needed']);
    expect(found.summary).toMatchObject({ dropsOldVoters: true, notCounted: ['n1'] });
    expect(found.text).toContain('!! The configuration is joint and takes a majority of the old voters too;');
    expect((await compare(logs, [], { voters: 5 })).text).toContain('!! The configuration is joint');
    expect((await compare([LONG, SHORT], [], { voters: 3 })).text).not.toContain('joint');
  });
});

describe('a log that holds two histories', () => {
  const forked = { id: '3', bytes: concatBytes([log([1, 1, 1, 1, 1]), log([2, 2], 4)]) };
  const others = [
    { id: '1', bytes: log([1, 1, 1, 2, 2]) },
    { id: '2', bytes: log([1, 1, 1]) },
  ];

  it('may have held either from where an index comes again, and says so', async () => {
    for (const committed of [0, 5]) {
      const found = await compare([...others, { ...forked, committed }]);
      expect(found.ranges).toEqual(['4-5 t2 n1: possible, 1 needed']);
      expect(found.entries).toMatchObject([
        { index: '4', versions: [{ logs: ['n1'], standing: 'possible' }], unknown: ['n3'] },
        { index: '5', versions: [{ logs: ['n1'], standing: 'possible' }], unknown: ['n3'] },
      ]);
      expect(found.text).toContain('!! n3 holds two histories from index 4 on');
      expect(found.summary.logs[2]).toMatchObject({ committedThrough: String(Math.min(committed, 3)) });
    }
  });

  it('is compared anew where only the summary is asked for, with the same outcome', async () => {
    const all = await compare([...others, forked]);
    const alone = await compare([...others, forked], [], { isSummaryOnly: true });
    expect(alone).toEqual({ ...all, entries: [] });
  });
});

it('takes two entries that their nodes know to be committed for a conflict', async () => {
  const found = await compare([
    { ...LONG, committed: 3 },
    { id: '2', bytes: log([1, 1, 2]), committed: 3 },
    { id: '3', bytes: log([1, 1]) },
  ]);
  expect(found.summary.conflicts).toBe(1);
  expect(found.text).toContain(
    '!! At 1 index two logs hold different bytes of one term, or different entries',
  );
  expect(found.entries.map(diffEntryLines).join()).toContain('!! different entries that nodes know');
});

it('does not say that there are no later entries where logs end in damage', async () => {
  const bytes = concatBytes([damaged(log([1, 1, 1])), new Uint8Array(100).fill(7)]);
  const all = await compare(['1', '2', '3'].map((id) => ({ id, bytes })));
  expect(all.text).toContain(
    'Entries up to 2 may be committed; what stands in the damaged places at the end of n1, n2, n3 is not known.',
  );
  const shorter = { id: '2', bytes: log([1]) };
  const above = await compare([
    { id: '1', bytes: log([1, 2]) },
    shorter,
    { id: '3', bytes: damaged(log([1])) },
  ]);
  expect(above.text).toContain('; what stands in the damaged places at the end of n3 is not known.');
  const none = await compare([shorter, { ...shorter, id: '1' }, { id: '3', bytes: log([1]) }]);
  expect(none.text).toContain('these logs hold no later ones.');
});
