import { describe, expect, it } from 'vitest';
import { statsLines } from '../../src/cli/log-stats-lines.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { encodePayload } from '../../src/lib/entry.ts';
import { STATS_GROUPS_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { type StatsOptions, statsOf } from '../../src/logtools/stats.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { entriesOf, NOOP } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

const LOG = entriesOf([
  [1, NOOP],
  [1, 'put user/ann 31'],
  [1, 'put user/bob 27'],
  [4, NOOP],
  [4, { session: 1, sequence: 1, text: 'delete user/ann' }],
  [4, 'put plain 1'],
  [5, `put job:7:state ${'x'.repeat(900)}`],
  [9, 'get user/ann'],
]);

async function stats(options: StatsOptions = {}) {
  await using dir = await TempDir.make();
  await dir.write(segmentName(1), encodeFrames(LOG.slice(0, 5)));
  await dir.write(segmentName(6), encodeFrames(LOG.slice(5)));
  return await statsOf(await locateLog(dir.path), options);
}

describe('statistics', () => {
  it('count entries and bytes by term, kind, operation and key prefix', async () => {
    const found = await stats();
    expect(found).toMatchObject({
      ...{ segments: 2, entries: 8, problems: 0 },
      bytes: encodeFrames(LOG).length,
      first: { index: '1', term: '1' },
      last: { index: '8', term: '9' },
      terms: [
        { term: '1', entries: 3, firstIndex: '1', lastIndex: '3' },
        { term: '4', entries: 3, firstIndex: '4', lastIndex: '6' },
        { term: '5', entries: 1 },
        { term: '9', entries: 1 },
      ],
      emptyTerms: [
        { from: '2', to: '3' },
        { from: '6', to: '8' },
      ],
      kinds: [
        { kind: 'command', entries: 5 },
        { kind: 'session', entries: 1, bytes: 97 },
        { kind: 'noop', entries: 2 },
      ],
      operations: [{ name: 'put', entries: 4 }, { name: 'delete' }, { name: 'get' }],
      prefixes: [
        { name: 'job:', entries: 1, bytes: 940 },
        { name: 'user/', entries: 4 },
        { name: '', entries: 1 },
      ],
    });
    expect(found.sizes.map(({ from, to, entries }) => [from, to, entries])).toEqual([
      [8, 15, 6],
      [64, 127, 1],
      [512, 1023, 1],
    ]);
    expect(found.largest[0]).toMatchObject({ index: '7', term: '5', kind: 'command', size: 916 });
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it('take prefixes as deep as they are asked for, and with other separators', async () => {
    expect((await stats({ depth: 2 })).prefixes.map(({ name }) => name)).toEqual(['job:7:', '']);
    expect((await stats({ separators: 'e' })).prefixes.map(({ name }) => name)).toContain('use');
  });

  it('count only what is chosen', async () => {
    const found = await stats({ selection: await Selection.of({ where: 'op == "get"' }) });
    expect(found).toMatchObject({ entries: 1, terms: [{ term: '9' }], prefixes: [{ name: 'user/' }] });
  });

  it('keep only so many prefixes apart, and count the others together', async () => {
    await using dir = await TempDir.make();
    const commands = Array.from({ length: STATS_GROUPS_MAX + 5 }, (_, i) => [1, `put ${i}/k v`] as const);
    const location = await locateLog(await dir.write('log', encodeFrames(entriesOf(commands))));
    const { prefixes } = await statsOf(location);
    expect(prefixes.length).toBe(STATS_GROUPS_MAX + 1);
    expect(prefixes.at(-1)).toMatchObject({ name: null, entries: 5 });
  });

  it('count the damaged places, and the good entries around them', async () => {
    const found = await statsOf(await locateLog(fixturePath('damaged-log/two-bitflips.log')));
    expect(found).toMatchObject({ entries: 400, problems: 2 });
    expect(statsLines(found)).toContain('2 damaged places: raft log verify ');
  });

  it('find no damage in zeros that every crash leaves, and one place where there is one', async () => {
    const zeros = await statsOf(await locateLog(fixturePath('damaged-log/zero-tail.log')));
    expect(zeros).toMatchObject({ entries: 402, problems: 0 });
    expect(statsLines(zeros)).not.toContain('damaged place');
    const torn = await statsOf(await locateLog(fixturePath('damaged-log/torn-tail.log')));
    expect(statsLines(torn)).toContain('\n1 damaged place: ');
  });

  it('of an empty log are zeros', async () => {
    const found = await statsOf(await locateLog(fixturePath('damaged-log/empty.log')));
    expect(found).toMatchObject({ entries: 0, bytes: 0, first: null, last: null, terms: [], largest: [] });
    expect(statsLines(found)).toMatch(/: 0 entries, 0 B in one file$/);
  });

  it('are drawn as bars', async () => {
    const lines = statsLines(await stats()).split('\n');
    expect(lines).toContain('by key prefix');
    expect(lines.find((line) => line.includes('job:'))).toMatch(
      /^ {2}job: {4}1 entry {8}940 B +\d+% {2}█{30}$/,
    );
    expect(lines).toContain('terms without entries: 2 to 3, 6 to 8');
  });

  it('show the largest entries on one line each, as wide as the terminal or with a fixed part of each', async () => {
    await using dir = await TempDir.make();
    const voters = Array.from({ length: 7 }, (_, i) => ({
      ...{ id: nodeId(`1844674407370955160${i}`), url: `http://127.0.0.1:760${i}`, incarnation: null },
    }));
    const command = encodePayload({
      kind: 'configuration',
      configuration: { voters, oldVoters: null, learners: [] },
    });
    const found = await statsOf(
      await locateLog(await dir.write('log', encodeFrames(entriesOf([[1, command]])))),
    );
    const largest = (columns?: number) => statsLines(found, columns).split('\n').at(-1) ?? '';

    expect(largest(80)).toMatch(/ configuration {2}7 voters: 1844674407370955\d*…$/);
    expect(largest(80)).toHaveLength(80);
    expect(largest(300)).toContain(voters.map(({ id }) => id).join(','));
    for (const text of [largest(), largest(0)]) expect(text).toMatch(/ configuration {2}.{59}…$/);
  });
});
