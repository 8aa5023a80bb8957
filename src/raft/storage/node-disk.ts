import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assert } from '../../lib/assert.ts';
import { RaftError } from '../../lib/errors.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { diskError, systemCodeOf } from './disk-error.ts';
import { assertSameDirectory, pathNames } from './disk-path.ts';

/**
 * The real `Disk`: files below one directory. It takes the callback functions of `node:fs`, because the promises of
 * `node:fs/promises` cost more than the write of a small batch itself.
 */
export class NodeDisk implements Disk {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /**
   * The disk below `root`, which is made where it is missing, durably. Errors: `disk-full`, `disk-failed`.
   */
  static async create(root: string): Promise<NodeDisk> {
    const absolute = resolve(root);
    const firstMade = await makeDirectories(absolute);
    if (firstMade !== undefined) await syncParents(absolute, firstMade);
    return new NodeDisk(absolute);
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile | undefined> {
    const absolute = this.#absolute(path);
    const flags = fs.constants.O_RDWR | (options.create ? fs.constants.O_CREAT : 0);
    const open = (): Promise<number> =>
      call<number>('open', absolute, (done) => fs.open(absolute, flags, 0o644, done));
    const fd = options.create ? await open() : await missingAsUndefined(open);
    return fd === undefined ? undefined : new NodeDiskFile(fd, absolute);
  }

  async rename(from: string, to: string): Promise<void> {
    assertSameDirectory(from, to);
    const absolute = this.#absolute(from);
    await perform('rename', absolute, (done) => fs.rename(absolute, this.#absolute(to), done));
  }

  async unlink(path: string): Promise<void> {
    const absolute = this.#absolute(path);
    await perform('remove', absolute, (done) => fs.unlink(absolute, done));
  }

  async list(directory: string): Promise<readonly string[]> {
    const absolute = this.#absolute(directory);
    const names = await missingAsUndefined(() =>
      call<string[]>('list', absolute, (done) => fs.readdir(absolute, done)),
    );
    return (names ?? []).sort();
  }

  async mkdir(directory: string): Promise<void> {
    const absolute = this.#absolute(directory);
    await call<string | undefined>('make the directory', absolute, (done) =>
      fs.mkdir(absolute, { recursive: true }, done),
    );
  }

  async fsyncDir(directory: string): Promise<void> {
    await syncDirectory(this.#absolute(directory));
  }

  #absolute(path: string): string {
    return join(this.#root, ...pathNames(path));
  }
}

/** One open file. */
class NodeDiskFile implements DiskFile {
  readonly #fd: number;
  readonly #path: string;
  #isClosed = false;
  #underWay = 0;
  #whenIdle: (() => void) | undefined;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  async size(): Promise<number> {
    const stats = await this.#call<fs.Stats>('measure', (done) => fs.fstat(this.#fd, done));
    return stats.size;
  }

  async pread(position: number, length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#call<number>('read', (done) =>
        fs.read(this.#fd, buffer, filled, length - filled, position + filled, done),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled === length ? buffer : buffer.subarray(0, filled);
  }

  async pwrite(position: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      // The kernel may take less than all of it: the rest follows. No progress at all is a failure.
      const count = await this.#call<number>('write', (done) =>
        fs.write(this.#fd, bytes, written, bytes.length - written, position + written, done),
      );
      if (count === 0) throw diskError('write', this.#path, new Error('The system took no byte of a write.'));
      written += count;
    }
  }

  async fdatasync(): Promise<void> {
    await this.#guard(() => perform('sync', this.#path, (done) => fs.fdatasync(this.#fd, done)));
  }

  async truncate(size: number): Promise<void> {
    await this.#guard(() => perform('cut', this.#path, (done) => fs.ftruncate(this.#fd, size, done)));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // A descriptor that is closed under a running read may already be another file's when the read comes to it.
    if (this.#underWay > 0) {
      await new Promise<void>((idle) => {
        this.#whenIdle = idle;
      });
    }
    await perform('close', this.#path, (done) => fs.close(this.#fd, done));
  }

  #call<T>(verb: string, start: (done: Callback<T>) => void): Promise<T> {
    return this.#guard(() => call(verb, this.#path, start));
  }

  async #guard<T>(action: () => Promise<T>): Promise<T> {
    assert(!this.#isClosed, `${this.#path} is closed`);
    this.#underWay++;
    try {
      return await action();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#whenIdle?.();
    }
  }
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/** Runs one function of `node:fs` that answers with a value, and gives its failure the words of a `RaftError`. */
function call<T>(verb: string, path: string, start: (done: Callback<T>) => void): Promise<T> {
  return new Promise<T>((done, fail) => {
    start((error, value) => {
      if (error) fail(diskError(verb, path, error));
      else done(value);
    });
  });
}

/** Runs one function of `node:fs` that answers with nothing. */
function perform(verb: string, path: string, start: (done: fs.NoParamCallback) => void): Promise<void> {
  return call<void>(verb, path, (done) => start((error) => done(error)));
}

async function missingAsUndefined<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof RaftError && systemCodeOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes a directory and what is missing above it; resolves with the topmost one that it made. Node's own recursive
 * `mkdir` never ends where the kernel calls a path missing whose parent is there, as it does below /proc.
 */
async function makeDirectories(absolute: string): Promise<string | undefined> {
  const result = await missingAsUndefined(() => makeDirectory(absolute));
  if (result !== undefined) return result === 'made' ? absolute : undefined;
  const firstMade = await makeDirectories(dirname(absolute));
  await makeDirectory(absolute);
  return firstMade ?? absolute;
}

async function makeDirectory(absolute: string): Promise<'made' | 'was-there'> {
  try {
    await perform('make the directory', absolute, (done) => fs.mkdir(absolute, done));
    return 'made';
  } catch (error) {
    if (!(error instanceof RaftError) || systemCodeOf(error.cause) !== 'EEXIST') throw error;
    const stats = await call<fs.Stats>('look at', absolute, (done) => fs.stat(absolute, done));
    if (!stats.isDirectory()) throw error;
    return 'was-there';
  }
}

/** Syncs the directories in which `mkdir` made new names: from `firstMade` down to `absolute`. */
async function syncParents(absolute: string, firstMade: string): Promise<void> {
  for (let made = absolute; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === resolve(firstMade)) return;
  }
}

async function syncDirectory(absolute: string): Promise<void> {
  const fd = await call<number>('open the directory', absolute, (done) => fs.open(absolute, 'r', done));
  try {
    await perform('sync the directory', absolute, (done) => fs.fsync(fd, done));
  } finally {
    await perform('close the directory', absolute, (done) => fs.close(fd, done));
  }
}
