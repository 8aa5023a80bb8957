import { describe, expect, it } from 'vitest';
import { encodeFrames, FRAME_HEADER_BYTES } from '../../src/logfmt/frame.ts';
import { lastConfiguration } from '../../src/logtools/last-configuration.ts';
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

  it('is not looked for where there is no log', async () => {
    await using dir = await TempDir.make();

    await expect(lastConfiguration(dir.path)).rejects.toMatchObject({ code: 'no-such-file' });
  });
});
