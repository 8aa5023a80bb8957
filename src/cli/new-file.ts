import { closeSync, existsSync, fsync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { diskCodeOf } from '../lib/disk-full.ts';
import { RaftError } from '../lib/errors.ts';
import { syncDirectory } from '../logtools/sync-directory.ts';

const syncDescriptor = promisify(fsync);

/**
 * A file that is under its name as a whole or not at all: it is written beside it, as `<name>.part-<process>`, synced, and
 * gets its name at the end. A file that exists is never replaced. All but the sync is done at once, without threads, so
 * that no signal comes between what is done on the disk and what is known here of it.
 */
export class NewFile {
  readonly #path: string;
  readonly #partPath: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#partPath = `${path}.part-${process.pid}`;
  }

  /**
   * Writes all pieces, and gives the file its name. Errors: `usage`, `cannot-create`, `disk-full`, `disk-failed`, those of
   * the pieces.
   */
  async writeAll(pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
    const descriptor = this.#begin();
    try {
      for await (const piece of pieces) this.#onDisk(() => writeFileSync(descriptor, piece));
      await syncDescriptor(descriptor).catch((error: unknown) => this.#failed(error));
      this.#name();
      await syncDirectory(dirname(this.#path)).catch((error: unknown) => this.#failed(error));
    } finally {
      this.abandon();
    }
  }

  /** Leaves nothing beside the file: for when a signal ends the process. */
  abandon(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#partPath, { force: true });
  }

  #begin(): number {
    // What is beside no name could be written, and would be found to have none only at its end.
    if (this.#path === '') {
      throw new RaftError('usage', 'A file needs a name, and this one is empty.', {
        suggestions: ['Name a file that does not exist yet.'],
      });
    }
    if (existsSync(this.#path)) throw alreadyThere(this.#path);
    try {
      this.#descriptor = openSync(this.#partPath, 'w');
      return this.#descriptor;
    } catch (error) {
      throw new RaftError('cannot-create', `${this.#path} cannot be made: ${reasonOf(error)}.`, {
        suggestions: ['Name a file in a directory that exists and that you may write to.'],
        cause: error,
      });
    }
  }

  /** A link replaces nothing. Some file systems have none: there a file that comes in this very moment is replaced. */
  #name(): void {
    try {
      linkSync(this.#partPath, this.#path);
    } catch {
      if (existsSync(this.#path)) throw alreadyThere(this.#path);
      this.#onDisk(() => renameSync(this.#partPath, this.#path));
    }
  }

  #onDisk(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): never {
    const code = diskCodeOf(error);
    const orRaise = code === 'disk-full' ? ', or raise the quota or file size limit (ulimit -f)' : '';
    throw new RaftError(code, `${this.#path} cannot be written: ${reasonOf(error)}.`, {
      suggestions: [`Nothing of it is left: name a file on another disk${orRaise}.`],
      cause: error,
    });
  }
}

function alreadyThere(path: string): RaftError {
  return new RaftError('cannot-create', `${path} exists already, and is not overwritten.`, {
    suggestions: ['Name a file that does not exist yet, or remove this one.'],
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
