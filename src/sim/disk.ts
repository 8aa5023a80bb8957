import { assert, assertNever } from '../lib/assert.ts';
import { RaftError } from '../lib/errors.ts';
import { createPrng, nextChance, type Prng } from '../lib/prng.ts';
import type { Disk } from '../raft/ports.ts';
import { pathNames } from '../raft/storage/disk-path.ts';
import { FakeDirectory, type FakeNode } from './disk-directory.ts';
import { FakeFileContent } from './disk-file.ts';
import type { DiskOperation, DiskOperationKind, Medium, OperationSteps } from './disk-operation.ts';
import { MountedDisk } from './mounted-disk.ts';

/** An operation that is to fail. */
export interface DiskFault {
  readonly kind: DiskOperationKind;
  /** The how-manieth operation of this kind from now on fails; the first is 1. */
  readonly nth: number;
  readonly error: 'ENOSPC' | 'EIO';
}

/** An end of everything in the midst of an operation. */
export interface DiskInterruption {
  /** The how-manieth changing operation from now on is under way when it happens; the first is 1. */
  readonly nth: number;
  readonly by: 'powerLoss' | 'processDeath';
}

export interface FakeDiskOptions {
  /** Decides every choice that the disk makes. */
  readonly seed: number | string;
  /** Resolves when an operation is to be completed; it took effect in the page cache when it began. At once unless given. */
  readonly complete?: (operation: DiskOperation) => Promise<void> | undefined;
  /** Bytes that all files together may have; no limit unless given. */
  readonly spaceBytesMax?: number;
}

const CHANGING: ReadonlySet<DiskOperationKind> = new Set([
  'create',
  'rename',
  'unlink',
  'mkdir',
  'fsyncDir',
  'pwrite',
  'fdatasync',
  'truncate',
]);

/**
 * A disk in memory that can do what real ones do: lose power, fill up, fail, be slow. The same seed and the same
 * operations give the same bytes. `mount` gives the `Disk` that storage works on.
 */
export class FakeDisk implements Medium {
  readonly #prng: Prng;
  readonly #complete: ((operation: DiskOperation) => Promise<void> | undefined) | undefined;
  readonly #root = new FakeDirectory();
  #spaceBytesMax: number;
  #mountCount = 0;
  #changingCount = 0;
  #faults: { readonly kind: DiskOperationKind; readonly error: DiskFault['error']; left: number }[] = [];
  #interruption: { readonly by: DiskInterruption['by']; readonly at: number } | undefined;

  constructor(options: FakeDiskOptions) {
    this.#prng = createPrng(options.seed);
    this.#complete = options.complete;
    this.#spaceBytesMax = options.spaceBytesMax ?? Number.POSITIVE_INFINITY;
  }

  /** How many operations have changed something so far, or were to: an interruption can hit each of them. */
  get changingCount(): number {
    return this.#changingCount;
  }

  /** A view for one life of one process. It ends at the next power loss or death: every call on it then fails. */
  mount(): Disk {
    return new MountedDisk(this, this.#mountCount);
  }

  /** Everything that was not synced is dropped, torn or reordered; views and open files fail from now on. */
  powerLoss(): void {
    this.#endMounts();
    this.#root.losePower(this.#prng);
  }

  /** The process is gone (kill -9): views and open files fail from now on, but the page cache survives. */
  processDeath(): void {
    this.#endMounts();
  }

  /** Plans a failure. What fails stays failed for that call alone; nothing is undone. */
  fail(fault: DiskFault): void {
    assert(fault.nth >= 1, 'The first operation is number 1');
    this.#faults.push({ kind: fault.kind, error: fault.error, left: fault.nth });
  }

  /** Plans the end of the current view in the midst of an operation. */
  interrupt(interruption: DiskInterruption): void {
    assert(interruption.nth >= 1, 'The first operation is number 1');
    this.#interruption = { by: interruption.by, at: this.#changingCount + interruption.nth };
  }

  /** Bytes that all files together may have from now on. */
  limitSpace(bytesMax: number): void {
    this.#spaceBytesMax = bytesMax;
  }

  /** Does one operation of a view: `effect` in the page cache, then the wait, then `finish` on the medium. */
  async operate<T>(mount: number, operation: DiskOperation, steps: OperationSteps<T>): Promise<T> {
    this.#assertMounted(mount, operation);
    const interruption = this.#countChange(operation.kind);
    if (interruption !== undefined) this.#interruptNow(interruption, steps);
    this.#assertMounted(mount, operation);
    const fault = this.#takeFault(operation.kind) ?? this.#spaceFault(steps.growthBytes?.() ?? 0);
    if (fault !== undefined) {
      steps.fail?.(this.#prng);
      throw faultError(operation, fault);
    }
    const result = steps.effect();
    await this.#complete?.(operation);
    this.#assertMounted(mount, operation);
    steps.finish?.();
    return result;
  }

  /** The node at a path, or undefined. */
  find(path: string): FakeNode | undefined {
    let node: FakeNode | undefined = this.#root;
    for (const name of pathNames(path)) node = node instanceof FakeDirectory ? node.get(name) : undefined;
    return node;
  }

  /** Bytes of all files that have a name. */
  usedBytes(): number {
    return sizeOf(this.#root);
  }

  #countChange(kind: DiskOperationKind): DiskInterruption['by'] | undefined {
    if (!CHANGING.has(kind)) return undefined;
    this.#changingCount++;
    return this.#interruption?.at === this.#changingCount ? this.#interruption.by : undefined;
  }

  /** What was under way may have reached the page cache, and from there the medium, or not. */
  #interruptNow(by: DiskInterruption['by'], steps: OperationSteps<unknown>): void {
    this.#interruption = undefined;
    if (nextChance(this.#prng, 0.8)) steps.effect();
    if (by === 'powerLoss') this.powerLoss();
    else this.processDeath();
  }

  #endMounts(): void {
    this.#mountCount++;
    this.#faults = [];
    this.#interruption = undefined;
  }

  #assertMounted(mount: number, operation: DiskOperation): void {
    if (mount === this.#mountCount) return;
    throw new RaftError(
      'disk-failed',
      `Cannot ${operation.kind} ${operation.path}: this life of the disk is over.`,
    );
  }

  #takeFault(kind: DiskOperationKind): DiskFault['error'] | undefined {
    const due = this.#faults.filter((fault) => fault.kind === kind);
    for (const fault of due) fault.left--;
    const hit = due.find((fault) => fault.left === 0);
    this.#faults = this.#faults.filter((fault) => fault.left > 0);
    return hit?.error;
  }

  #spaceFault(growthBytes: number): DiskFault['error'] | undefined {
    if (growthBytes === 0 || this.#spaceBytesMax === Number.POSITIVE_INFINITY) return undefined;
    return this.usedBytes() + growthBytes > this.#spaceBytesMax ? 'ENOSPC' : undefined;
  }
}

function sizeOf(node: FakeNode): number {
  if (node instanceof FakeFileContent) return node.size;
  return node.nodes.reduce((sum, child) => sum + sizeOf(child), 0);
}

function faultError(operation: DiskOperation, fault: DiskFault['error']): RaftError {
  const subject = `Cannot ${operation.kind} ${operation.path}`;
  switch (fault) {
    case 'ENOSPC':
      return new RaftError('disk-full', `${subject}: no space is left for it (ENOSPC).`);
    case 'EIO':
      return new RaftError('disk-failed', `${subject}: input/output error (EIO).`);
    default:
      return assertNever(fault, 'fault');
  }
}
