import { appendFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  followOutputs,
  lastLines,
  limitOutput,
  OutputReader,
  olderOutput,
} from '../../src/cluster/output.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-output-'));
  path = join(directory, 'node1.out');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const lines = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, position) => `line ${from + position}`);
const text = (some: readonly string[]): string => some.map((line) => `${line}\n`).join('');

describe('the last lines of an output', () => {
  it('are found from the end, however long the file is', async () => {
    await writeFile(path, text(lines(0, 100_000)));

    expect(await lastLines(path, 3)).toEqual(lines(99_997, 100_000));
    expect(await lastLines(path, 20_000)).toEqual(lines(80_000, 100_000));
  });

  it('are all there are where there are fewer, with one that has no end yet, and none of a missing file', async () => {
    await writeFile(path, 'first\nsecond');

    expect(await lastLines(path, 10)).toEqual(['first', 'second']);
    expect(await lastLines(path, 0)).toEqual([]);
    expect(await lastLines(join(directory, 'missing'), 10)).toEqual([]);
  });
});

describe('the last lines of an output from some place on', () => {
  it('are none of those before it, however many are wanted', async () => {
    const before = text(lines(0, 50_000));
    await writeFile(path, before);
    expect(await lastLines(path, 3, before.length)).toEqual([]);
    await appendFile(path, text(lines(50_000, 50_002)));

    expect(await lastLines(path, 3, before.length)).toEqual(lines(50_000, 50_002));
    expect(await lastLines(path, 1, before.length)).toEqual(lines(50_001, 50_002));
  });

  it('are those of the whole file where it was emptied meanwhile', async () => {
    await writeFile(path, text(lines(0, 2)));

    expect(await lastLines(path, 3, 4 * 1024 * 1024)).toEqual(lines(0, 2));
  });
});

describe('reading an output as it grows', () => {
  it('gives whole lines, each once, characters that come in parts included', async () => {
    const reader = new OutputReader(path);
    expect(await reader.read()).toEqual([]);
    await writeFile(path, text(lines(0, 3)));
    expect(await reader.read()).toEqual(lines(0, 3));

    const [head, tail] = [Buffer.from('snow ☃\n').subarray(0, 6), Buffer.from('snow ☃\n').subarray(6)];
    await appendFile(path, head);
    expect(await reader.read()).toEqual([]);
    await appendFile(path, tail);

    expect(await reader.read()).toEqual(['snow ☃']);
  });

  it('begins after the last lines that were shown', async () => {
    await writeFile(path, text(lines(0, 10)));
    const reader = new OutputReader(path);

    expect(await reader.skipToLast(2)).toEqual(lines(8, 10));
    await appendFile(path, text(lines(10, 12)));

    expect(await reader.read()).toEqual(lines(10, 12));
  });

  it('begins anew in a file that was emptied', async () => {
    await writeFile(path, text(lines(0, 10)));
    const reader = new OutputReader(path);
    await reader.read();
    await writeFile(path, text(lines(10, 12)));

    expect(await reader.read()).toEqual(lines(10, 12));
  });

  it('of several nodes ends with its signal, and gives what came before', async () => {
    await writeFile(path, text(['one']));
    const other = join(directory, 'node2.out');
    await writeFile(other, text(['two']));
    const ending = new AbortController();
    const readers = new Map([
      ['node1', new OutputReader(path)],
      ['node2', new OutputReader(other)],
    ]);
    const seen: string[] = [];

    for await (const { node, line } of followOutputs(readers, ending.signal)) {
      seen.push(`${node} ${line}`);
      if (line === 'two') {
        await appendFile(path, text(['three']));
        ending.abort();
      }
    }

    expect(seen).toEqual(['node1 one', 'node2 two', 'node1 three']);
  });
});

describe('an output file that has become long', () => {
  it('is emptied by its writer, whose older lines stand beside it', async () => {
    const bytesMax = 1_000;
    const file = await open(path, 'a');
    for (const line of lines(0, 500)) {
      limitOutput(path, file.fd, bytesMax);
      await file.write(`${line}\n`);
    }
    await file.close();

    const [older, newer] = [await readFile(olderOutput(path), 'utf8'), await readFile(path, 'utf8')];
    const kept = `${older}${newer}`.trimEnd().split('\n');

    expect(Math.max(older.length, newer.length)).toBeLessThan(bytesMax + 10);
    expect(kept.length).toBeGreaterThan(50);
    expect(kept).toEqual(lines(500 - kept.length, 500));
  });
});
