import { INDEX_ZERO, type LogIndex, logIndex, nodeId } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { LeaderHint } from '../../src/lib/errors.ts';
import { systemClock } from '../../src/raft/clock.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import { type HistoryLimits, KvHistory } from '../../src/raft/machine/kv-history.ts';
import type { StateMachine } from '../../src/raft/ports.ts';
import { Watches } from '../../src/raft/runtime/watches.ts';

/** Production's watches and machine, whose log and leader the test decides. */
export class WatchedMachine {
  readonly watches: Watches;
  readonly core: { role: 'leader' | 'follower' } = { role: 'leader' };
  leader: LeaderHint | undefined = { id: nodeId('1') };
  readonly #machine: StateMachine;
  readonly #applier: { lastApplied: LogIndex } = { lastApplied: INDEX_ZERO };

  constructor(options: { readonly limits?: Partial<HistoryLimits>; readonly machine?: StateMachine } = {}) {
    this.#machine = options.machine ?? new KvMachine(new KvHistory(options.limits));
    this.watches = new Watches({
      machine: this.#machine,
      clock: systemClock,
      core: this.core,
      applier: this.#applier,
      leader: () => this.leader,
      readIndex: async () => this.#applier.lastApplied,
    });
  }

  /** Applies commands as one batch of the log. */
  apply(...commands: readonly string[]): void {
    for (const command of commands) {
      const index = logIndex(this.#applier.lastApplied + 1);
      this.#machine.apply(index, utf8(command));
      this.#applier.lastApplied = index;
    }
    this.watches.wake();
  }

  /** Applies puts until the log has this index. */
  fill(index: number): void {
    while (this.#applier.lastApplied < index) this.apply(`put k${this.#applier.lastApplied + 1} v`);
  }
}
