import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NewFile } from '../../src/cli/new-file.ts';
import { TempDir } from '../logtools/temp-dir.ts';

async function write(path: string, pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
  await new NewFile(path).writeAll(pieces);
}

it('a new file has its name only once it is whole', async () => {
  await using dir = await TempDir.make();
  const path = join(dir.path, 'x.csv');
  async function* pieces() {
    yield 'first ';
    expect(await readdir(dir.path)).toEqual([`x.csv.part-${process.pid}`]);
    yield Buffer.from('second');
  }

  await write(path, pieces());

  expect(await readdir(dir.path)).toEqual(['x.csv']);
  expect(await readFile(path, 'utf8')).toBe('first second');
});

it('a new file that fails on its way leaves nothing', async () => {
  await using dir = await TempDir.make();
  async function* pieces() {
    yield 'first ';
    throw new Error('the log ends here');
  }

  await expect(write(join(dir.path, 'x.csv'), pieces())).rejects.toThrow('the log ends here');

  expect(await readdir(dir.path)).toEqual([]);
});

it('a new file replaces none, also one that comes while it is written', async () => {
  await using dir = await TempDir.make();
  const path = join(dir.path, 'x.csv');
  async function* pieces() {
    yield 'ours';
    await writeFile(path, 'theirs');
  }

  await expect(write(path, pieces())).rejects.toMatchObject({ code: 'cannot-create' });
  await expect(write(path, pieces())).rejects.toMatchObject({ code: 'cannot-create' });

  expect(await readdir(dir.path)).toEqual(['x.csv']);
  expect(await readFile(path, 'utf8')).toBe('theirs');
});

it('a new file in a directory that is not there says so', async () => {
  await using dir = await TempDir.make();
  async function* pieces() {
    yield 'ours';
  }
  await expect(write(join(dir.path, 'none', 'x.csv'), pieces())).rejects.toMatchObject({
    code: 'cannot-create',
    suggestions: ['Name a file in a directory that exists and that you may write to.'],
  });
});

it('a new file without a name is refused before anything is written', async () => {
  async function* pieces(): AsyncGenerator<string, void> {
    yield expect.fail('A piece was asked for');
  }
  await expect(write('', pieces())).rejects.toMatchObject({
    code: 'usage',
    message: 'A file needs a name, and this one is empty.',
  });
});
