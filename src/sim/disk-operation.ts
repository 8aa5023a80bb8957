import type { Prng } from '../lib/prng.ts';
import type { FakeNode } from './disk-directory.ts';

/** The operations of a `Disk` and of its files. */
export type DiskOperationKind =
  | 'open'
  | 'create'
  | 'rename'
  | 'unlink'
  | 'list'
  | 'mkdir'
  | 'fsyncDir'
  | 'size'
  | 'pread'
  | 'pwrite'
  | 'fdatasync'
  | 'truncate';

/** One operation, as the scheduler of slow disks and tests see it. */
export interface DiskOperation {
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** Bytes read or written; 0 for what moves none. */
  readonly bytes: number;
}

/** What an operation does, and when. */
export interface OperationSteps<T> {
  /** The change in the page cache, when the operation begins. */
  readonly effect: () => T;
  /** The change on the medium, when the operation is complete. */
  readonly finish?: () => void;
  /** What is left of it where it fails. */
  readonly fail?: (prng: Prng) => void;
  /** By how much it makes a file longer. */
  readonly growthBytes?: () => number;
}

/** The medium, as one view of it sees it. */
export interface Medium {
  /** Does one operation of the view `mount`: `effect` in the page cache, then the wait, then `finish` on the medium. */
  operate<T>(mount: number, operation: DiskOperation, steps: OperationSteps<T>): Promise<T>;
  /** The node at a path, or undefined. */
  find(path: string): FakeNode | undefined;
}
