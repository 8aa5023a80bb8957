import { assert } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import { asRaftError, RaftError } from '../../lib/errors.ts';
import { encodeState, type StateRecord } from '../../logfmt/records.ts';
import type { Disk, LogStore } from '../ports.ts';
import type { CommitHint } from './commit-hint.ts';
import { STATE_FILE } from './layout.ts';
import type { DiskPeerMemory } from './peer-memory.ts';
import type { SegmentedLog } from './segmented-log.ts';
import { replaceFile } from './small-file.ts';

/** What is to be made durable at once. */
type Batch = Parameters<LogStore['persist']>[0];

/**
 * The `LogStore` over a `Disk`. After the first failure of log or hard state it refuses everything: what the disk holds
 * is then not known.
 */
export class DurableStore implements LogStore {
  readonly #disk: Disk;
  readonly #log: SegmentedLog;
  readonly #hint: CommitHint;
  readonly #peerMemory: DiskPeerMemory;
  #hardState: StateRecord;
  #persisting: Promise<void> | undefined;
  #failure: RaftError | undefined;
  #isClosed = false;

  constructor(parts: {
    readonly disk: Disk;
    readonly log: SegmentedLog;
    readonly hint: CommitHint;
    readonly peerMemory: DiskPeerMemory;
    readonly hardState: StateRecord;
  }) {
    this.#disk = parts.disk;
    this.#log = parts.log;
    this.#hint = parts.hint;
    this.#peerMemory = parts.peerMemory;
    this.#hardState = parts.hardState;
  }

  async persist(batch: Batch): Promise<void> {
    assert(this.#persisting === undefined, 'A persist is under way: the next one waits for it');
    this.#persisting = this.#orFail(() => this.#persistInOrder(batch));
    try {
      await this.#persisting;
    } finally {
      this.#persisting = undefined;
    }
  }

  async read(from: LogIndex, bytesMax: number, entriesMax: number): Promise<readonly Entry[]> {
    return await this.#orFail(() => this.#log.read(from, bytesMax, entriesMax));
  }

  async saveCommitHint(index: LogIndex): Promise<void> {
    this.#refuseAfterEnd();
    const durable = logIndex(Math.min(index, this.#log.lastIndex));
    // A hint that cannot be written is the caller's to judge: the log is as durable as before.
    if (durable > INDEX_ZERO) await this.#hint.save(durable);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled([this.#persisting]);
    try {
      // After a failure the files stay as they are: cutting them could fail again, or hide what happened.
      await this.#log.close(this.#failure === undefined ? 'cleanly' : 'as it is');
    } finally {
      await this.#peerMemory.close();
      await this.#hint.close();
    }
  }

  /** Each of the three is durable before the next begins; the order is the safety contract (`Effects`). */
  async #persistInOrder(batch: Batch): Promise<void> {
    if (batch.hardState !== undefined) {
      assertFollows(this.#hardState, batch.hardState);
      await replaceFile(this.#disk, STATE_FILE, encodeState(batch.hardState));
      this.#hardState = batch.hardState;
    }
    if (batch.truncateFrom !== undefined) {
      assert(
        batch.truncateFrom > this.#hint.index,
        `Entry ${batch.truncateFrom} is committed and must not be cut`,
      );
      await this.#log.truncateFrom(batch.truncateFrom);
    }
    const lastTerm = batch.entries.at(-1)?.term ?? 0;
    assert(lastTerm <= this.#hardState.currentTerm, `Term ${lastTerm} is not durable before its entries`);
    await this.#log.append(batch.entries);
  }

  async #orFail<T>(action: () => Promise<T>): Promise<T> {
    this.#refuseAfterEnd();
    try {
      return await action();
    } catch (error) {
      this.#failure ??= asRaftError(error);
      throw error;
    }
  }

  #refuseAfterEnd(): void {
    assert(!this.#isClosed, 'The store is closed');
    if (this.#failure !== undefined) throw refusal(this.#failure);
  }
}

/** Terms never go back, and a vote is given once a term (§5.2). */
function assertFollows(before: StateRecord, after: StateRecord): void {
  assert(
    after.currentTerm >= before.currentTerm,
    `currentTerm goes back from ${before.currentTerm} to ${after.currentTerm}`,
  );
  const keepsVote = before.votedFor === null || after.votedFor === before.votedFor;
  assert(
    after.currentTerm > before.currentTerm || keepsVote,
    `The vote of term ${after.currentTerm} changes`,
  );
}

function refusal(failure: RaftError): RaftError {
  const message = `Storage has failed before and does nothing any more: ${failure.message}`;
  return new RaftError(failure.code, message, { cause: failure, suggestions: failure.suggestions });
}
