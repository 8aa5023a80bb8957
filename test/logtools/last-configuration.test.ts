import { readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Configuration } from '../../src/lib/configuration.ts';
import { encodeFrames, FRAME_HEADER_BYTES } from '../../src/logfmt/frame.ts';
import {
  type ConfigurationsSought,
  configurationsAfter,
  lastConfiguration,
  lastPosition,
} from '../../src/logtools/last-configuration.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';
import { segmentName, TempDir } from './temp-dir.ts';

const MIB = 1024 * 1024;

/** The index of the last configuration of a log with these segments, and the ids of its voters. */
async function lastOf(...segments: readonly (readonly Content[])[]): Promise<unknown> {
  await using dir = await TempDir.make();
  let first = 1;
  for (const contents of segments) {
    const entries = entriesOf(
      contents.map((content) => [1, content]),
      first,
    );
    await dir.write(segmentName(first), encodeFrames(entries));
    first += contents.length;
  }
  const found = await lastConfiguration(dir.path);
  return found === undefined ? undefined : [found.index, found.configuration.voters.map(({ id }) => id)];
}

describe('the last configuration of a log', () => {
  it('is the last of all its segments, and none where they hold none', async () => {
    const one = { voters: ['1'] };
    const two = { voters: ['2'] };

    expect(await lastOf([NOOP, 'put a 1'])).toBeUndefined();
    expect(await lastOf([one, 'put a 1'], [NOOP, two], ['put b 2'])).toEqual([4n, ['2']]);
    expect(await lastOf([two, one, NOOP])).toEqual([2n, ['1']]);
  });

  it('is none that stands in the command of somebody', async () => {
    const configuration = { voters: ['9'] };
    const [entry] = entriesOf([[1, configuration]], 3);
    const frame = encodeFrames(entry === undefined ? [] : [entry]);

    expect(
      await lastOf([{ voters: ['1'] }, NOOP, frame, { session: 1, sequence: 1, text: 'put a 1' }]),
    ).toEqual([...[1n, ['1']]]);
    expect(await lastOf([NOOP, NOOP, frame])).toBeUndefined();
  });

  it('is found wherever it stands between the parts in which the file is read', async () => {
    const filler = (frameBytes: number): Content => 'x'.repeat(frameBytes - FRAME_HEADER_BYTES);
    for (const before of [0, 1, 4, 8, 9]) {
      // Its command begins so many bytes before the end of the first 4 MiB.
      const fourth = filler(MIB - FRAME_HEADER_BYTES - before);

      expect(await lastOf([filler(MIB), filler(MIB), filler(MIB), fourth, { voters: ['7'] }, NOOP])).toEqual([
        ...[5n, ['7']],
      ]);
    }
  });

  it('is the last one up to an index, and of those that are accepted', async () => {
    await using dir = await TempDir.make();
    const voters = [['1'], ['2'], ['3'], ['4']].map((ids): Content => ({ voters: ids }));
    await dir.write(segmentName(1), encodeFrames(entriesOf(voters.slice(0, 2).map((each) => [1, each]))));
    await dir.write(
      segmentName(3),
      encodeFrames(
        entriesOf(
          voters.slice(2).map((each) => [1, each]),
          3,
        ),
      ),
    );
    const indexOf = async (sought: ConfigurationsSought) =>
      (await lastConfiguration(dir.path, sought))?.index;
    const isOdd = ({ voters: [first] }: Configuration): boolean => Number(first?.id) % 2 === 1;

    expect(await Promise.all([0n, 1n, 2n, 3n, 9n].map((through) => indexOf({ through })))).toEqual([
      ...[undefined, 1n, 2n, 3n, 4n],
    ]);
    expect(await indexOf({ accepts: isOdd })).toBe(3n);
    expect(await indexOf({ accepts: isOdd, through: 2n })).toBe(1n);
    expect(await indexOf({ accepts: () => false })).toBeUndefined();
  });

  it('is said of a log that has to be whole only where nothing can be hidden in it', async () => {
    await using dir = await TempDir.make();
    const write = (first: number, ...contents: readonly Content[]) =>
      dir.write(
        segmentName(first),
        encodeFrames(
          entriesOf(
            contents.map((each) => [1, each]),
            first,
          ),
        ),
      );
    const indexOf = async (through: bigint) =>
      (await lastConfiguration(dir.path, { through, isWhole: true }))?.index;
    await write(1, { voters: ['1'] }, NOOP);
    const second = await write(3, 'put a 1', 'put b 2');
    await write(5, 'put c 3');

    expect(await Promise.all([1n, 3n, 5n].map(indexOf))).toEqual([1n, 1n, 1n]);
    await expect(indexOf(6n)).rejects.toMatchObject({ code: 'damaged' });
    const bytes = await readFile(second);
    await writeFile(second, bytes.fill('x', bytes.indexOf('put b'), bytes.indexOf('put b') + 1));
    expect(await Promise.all([1n, 2n, 3n].map(indexOf))).toEqual([1n, 1n, 1n]);
    await expect(indexOf(4n)).rejects.toMatchObject({ code: 'damaged' });
    await rm(second);
    await expect(indexOf(5n)).rejects.toMatchObject({ code: 'damaged' });
  });

  it('is not looked for where there is no log', async () => {
    await using dir = await TempDir.make();

    await expect(lastConfiguration(dir.path)).rejects.toMatchObject({ code: 'no-such-file' });
  });
});

describe('the configurations of a log after an index', () => {
  it('are those of all segments, each with its term, also behind damage', async () => {
    await using dir = await TempDir.make();
    const first = entriesOf([
      [1, { voters: ['1'] }],
      [1, 'put a 1'],
      [2, { voters: ['2'] }],
    ]);
    const path = await dir.write(segmentName(1), encodeFrames(first));
    await dir.write(segmentName(4), encodeFrames(entriesOf([[3, { voters: ['3'] }]], 4)));
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill('x', bytes.indexOf('put a'), bytes.indexOf('put a') + 1));
    const positionsAfter = async (index: bigint) =>
      (await configurationsAfter(dir.path, index)).map(({ term, index: at }) => [term, at]);

    expect(await positionsAfter(0n)).toEqual([
      [1n, 1n],
      [2n, 3n],
      [3n, 4n],
    ]);
    expect(await positionsAfter(2n)).toEqual([
      [2n, 3n],
      [3n, 4n],
    ]);
    expect(await positionsAfter(4n)).toEqual([]);
    expect(await lastPosition(dir.path)).toEqual({ term: 3n, index: 4n });
  });
});
