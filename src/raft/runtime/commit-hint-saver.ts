import { INDEX_ZERO, type LogIndex } from '../../lib/brands.ts';
import { asRaftError } from '../../lib/errors.ts';
import type { CoreState } from '../core/state.ts';
import type { Clock, Logger, LogStore } from '../ports.ts';

/** The commit hint is written this often at most, in milliseconds. */
const COMMIT_HINT_INTERVAL_MS = 1_000;

/** Notes now and then how far the log is committed. It is a hint: what is lost of it costs the next start a moment. */
export class CommitHintSaver {
  readonly #core: Pick<CoreState, 'reportedCommitIndex'>;
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(parts: {
    readonly core: Pick<CoreState, 'reportedCommitIndex'>;
    readonly store: LogStore;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#core = parts.core;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  start(): void {
    this.#arm(INDEX_ZERO);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Notes it once more, before a clean end. */
  async saveLast(): Promise<void> {
    if (this.#core.reportedCommitIndex > 0) await this.#save(this.#core.reportedCommitIndex);
  }

  #arm(saved: LogIndex): void {
    if (this.#isStopped) return;
    this.#cancel = this.#clock.after(COMMIT_HINT_INTERVAL_MS, () => {
      const index = this.#core.reportedCommitIndex;
      if (index === saved) this.#arm(saved);
      else void this.#save(index).then(() => this.#arm(index));
    });
  }

  async #save(index: LogIndex): Promise<void> {
    try {
      await this.#store.saveCommitHint(index);
    } catch (error) {
      // Without it, the next start waits for a leader's word, and loses nothing.
      this.#logger.warn(`The commit hint was not saved: ${asRaftError(error).message}`);
    }
  }
}
