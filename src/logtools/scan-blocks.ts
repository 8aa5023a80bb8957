import type { CleanRun } from '../logfmt/run.ts';

/** A file that is open in this process, and which threads go through from its end, while a scan comes from its start. */
export interface FileTask {
  readonly descriptor: number;
  readonly fileBytes: number;
  /** Two numbers that all threads see: the block that is to be taken next, and the one at which the scan is. */
  readonly blocks: SharedArrayBuffer;
}

/** What a thread tells of a task: a block that is done; or that it takes no more of them. */
export type ThreadNews =
  | { readonly type: 'block'; readonly runs: readonly CleanRun[]; readonly bytes: number }
  | { readonly type: 'end' };

/** Places in `FileTask.blocks`. */
export const NEXT_BLOCK = 0;
export const SCANNED_BLOCK = 1;
