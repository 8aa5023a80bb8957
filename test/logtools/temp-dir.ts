import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A directory of a test's own, which goes with it. */
export class TempDir {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<TempDir> {
    return new TempDir(await mkdtemp(join(tmpdir(), 'raft-logtools-')));
  }

  /** Writes a file, with the directories that lead to it; returns its path. */
  async write(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** The path of the segment that begins with an index, in a data directory. */
export function segmentName(firstIndex: number): string {
  return `log/${firstIndex.toString().padStart(20, '0')}.log`;
}

/** All that an async iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
