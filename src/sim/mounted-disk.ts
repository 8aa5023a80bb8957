import { assert } from '../lib/assert.ts';
import { RaftError } from '../lib/errors.ts';
import { nextInteger } from '../lib/prng.ts';
import type { Disk, DiskFile } from '../raft/ports.ts';
import { assertSameDirectory, pathNames, ROOT_DIRECTORY } from '../raft/storage/disk-path.ts';
import { FakeDirectory, type FakeNode } from './disk-directory.ts';
import { FakeFileContent } from './disk-file.ts';
import type { DiskOperationKind, Medium, OperationSteps } from './disk-operation.ts';

/** The `Disk` of one life of one process. */
export class MountedDisk implements Disk {
  readonly #medium: Medium;
  readonly #mount: number;

  constructor(medium: Medium, mount: number) {
    this.#medium = medium;
    this.#mount = mount;
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile | undefined> {
    const creates = options.create && this.#medium.find(path) === undefined;
    const effect = (): DiskFile | undefined => {
      const content = creates ? this.#create(path) : this.#medium.find(path);
      return content instanceof FakeFileContent
        ? new MountedFile(this.#medium, this.#mount, path, content)
        : undefined;
    };
    return await this.#operate(creates ? 'create' : 'open', path, { effect });
  }

  async rename(from: string, to: string): Promise<void> {
    assertSameDirectory(from, to);
    const effect = (): void => {
      const { directory, name, node } = this.#existing('rename', from);
      directory.rename(name, pathNames(to).at(-1) ?? '', node);
    };
    await this.#operate('rename', from, { effect });
  }

  async unlink(path: string): Promise<void> {
    const effect = (): void => {
      const { directory, name } = this.#existing('unlink', path);
      directory.remove(name);
    };
    await this.#operate('unlink', path, { effect });
  }

  async list(directory: string): Promise<readonly string[]> {
    const effect = (): readonly string[] => {
      const node = this.#medium.find(directory);
      return node instanceof FakeDirectory ? node.names : [];
    };
    return await this.#operate('list', directory, { effect });
  }

  async mkdir(directory: string): Promise<void> {
    const effect = (): void => {
      if (this.#medium.find(directory) !== undefined) return;
      const { parent, name } = this.#parentOf('mkdir', directory);
      parent.set(name, new FakeDirectory());
    };
    await this.#operate('mkdir', directory, { effect });
  }

  async fsyncDir(directory: string): Promise<void> {
    let node: FakeDirectory | undefined;
    let changeCount = 0;
    const effect = (): void => {
      const found = this.#medium.find(directory);
      if (!(found instanceof FakeDirectory)) throw missing('fsyncDir', directory);
      node = found;
      changeCount = found.changeCount;
    };
    await this.#operate('fsyncDir', directory, { effect, finish: () => node?.syncThrough(changeCount) });
  }

  #create(path: string): FakeFileContent {
    const { parent, name } = this.#parentOf('create', path);
    const content = new FakeFileContent();
    parent.set(name, content);
    return content;
  }

  #parentOf(
    kind: DiskOperationKind,
    path: string,
  ): { readonly parent: FakeDirectory; readonly name: string } {
    const names = pathNames(path);
    const parent = this.#medium.find(names.slice(0, -1).join('/') || ROOT_DIRECTORY);
    if (!(parent instanceof FakeDirectory)) throw missing(kind, path);
    return { parent, name: names.at(-1) ?? '' };
  }

  #existing(
    kind: DiskOperationKind,
    path: string,
  ): { readonly directory: FakeDirectory; readonly name: string; readonly node: FakeNode } {
    const { parent, name } = this.#parentOf(kind, path);
    const node = parent.get(name);
    if (node === undefined) throw missing(kind, path);
    return { directory: parent, name, node };
  }

  #operate<T>(kind: DiskOperationKind, path: string, steps: OperationSteps<T>): Promise<T> {
    return this.#medium.operate(this.#mount, { kind, path, bytes: 0 }, steps);
  }
}

/** One open file of that life. */
class MountedFile implements DiskFile {
  readonly #medium: Medium;
  readonly #mount: number;
  readonly #path: string;
  readonly #content: FakeFileContent;
  #isClosed = false;

  constructor(medium: Medium, mount: number, path: string, content: FakeFileContent) {
    this.#medium = medium;
    this.#mount = mount;
    this.#path = path;
    this.#content = content;
  }

  async size(): Promise<number> {
    return await this.#operate('size', 0, { effect: () => this.#content.size });
  }

  async pread(position: number, length: number): Promise<Uint8Array> {
    return await this.#operate('pread', length, { effect: () => this.#content.read(position, length) });
  }

  async pwrite(position: number, bytes: Uint8Array): Promise<void> {
    await this.#operate('pwrite', bytes.length, {
      effect: () => this.#content.write(position, bytes),
      // A write that fails has often done some of its work.
      fail: (prng) => this.#content.write(position, bytes.subarray(0, nextInteger(prng, 0, bytes.length))),
      growthBytes: () => Math.max(0, position + bytes.length - this.#content.size),
    });
  }

  async fdatasync(): Promise<void> {
    let changeCount = 0;
    await this.#operate('fdatasync', 0, {
      effect: () => {
        changeCount = this.#content.changeCount;
      },
      finish: () => this.#content.syncThrough(changeCount),
      fail: (prng) => this.#content.failSync(prng),
    });
  }

  async truncate(size: number): Promise<void> {
    await this.#operate('truncate', 0, { effect: () => this.#content.truncate(size) });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #operate<T>(kind: DiskOperationKind, bytes: number, steps: OperationSteps<T>): Promise<T> {
    assert(!this.#isClosed, `${this.#path} is closed`);
    return await this.#medium.operate(this.#mount, { kind, path: this.#path, bytes }, steps);
  }
}

function missing(kind: DiskOperationKind, path: string): RaftError {
  return new RaftError('disk-failed', `Cannot ${kind} ${path}: no such file or directory.`);
}
