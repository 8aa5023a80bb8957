import { type LogIndex, logIndex } from '../../lib/brands.ts';
import { type LeaderHint, RaftError } from '../../lib/errors.ts';
import { WATCH_HEARTBEAT_MS, WATCHES_MAX } from '../../lib/limits.ts';
import type { CoreState } from '../core/state.ts';
import type { Change, ChangeHistory, ChangeSelector, Clock, StateMachine } from '../ports.ts';
import type { OpenWatchOptions, Watch, WatchNews } from '../service.ts';
import type { Applier } from './applier.ts';

/** What watches need of their server. */
export interface WatchedServer {
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly core: Pick<CoreState, 'role'>;
  readonly applier: Pick<Applier, 'lastApplied'>;
  /** The leader, as far as this server knows. */
  leader(): LeaderHint | undefined;
  /** The index up to which everything that was acknowledged before the call stands (dissertation 6.4). */
  readIndex(options: OpenWatchOptions): Promise<LogIndex>;
}

/**
 * The watches of one server. Each has a place in the machine's history and takes its changes from there when it is asked
 * for them, so that a reader who is slow costs nothing but his place; who is overtaken by the history is told so.
 */
export class Watches {
  readonly #server: WatchedServer;
  readonly #open = new Set<OpenWatch>();
  /** Room that is taken while it is found out where a watch begins. */
  #opening = 0;
  #isStopped = false;

  constructor(server: WatchedServer) {
    this.#server = server;
  }

  /** Opens a watch; the errors are those of `RaftService.watch`. */
  async open(selector: ChangeSelector, options: OpenWatchOptions): Promise<Watch> {
    const { machine, applier } = this.#server;
    const history = machine.changes;
    if (history === undefined) throw unwatchable();
    if (this.#open.size + this.#opening >= WATCHES_MAX) throw tooMany();
    this.#opening++;
    try {
      // Index 0 is before the first entry: that is where the first one begins as well.
      const from = logIndex(Math.max(1, options.from ?? (await this.#afterNow(options))));
      if (this.#isStopped) throw stopping();
      if (from <= applier.lastApplied && from < history.oldestIndex)
        throw compacted(from, history.oldestIndex);
      const watch: OpenWatch = new OpenWatch(this.#server, history, selector, {
        from,
        whenClosed: () => this.#open.delete(watch),
      });
      this.#open.add(watch);
      return watch;
    } finally {
      this.#opening--;
    }
  }

  /** The machine has come further. */
  wake(): void {
    for (const watch of this.#open) watch.wake();
  }

  /** Ends all watches. */
  stop(): void {
    this.#isStopped = true;
    for (const watch of this.#open) watch.stop();
  }

  /** Only a leader can say what is now: what a follower has applied may be behind what was acknowledged. */
  async #afterNow(options: OpenWatchOptions): Promise<LogIndex> {
    if (this.#server.core.role !== 'leader') throw notLeader(this.#server.leader());
    return logIndex((await this.#server.readIndex(options)) + 1);
  }
}

class OpenWatch implements Watch {
  readonly #server: WatchedServer;
  readonly #history: ChangeHistory;
  readonly #selector: ChangeSelector;
  readonly #whenClosed: () => void;
  /** Everything before this index has been told. */
  #next: LogIndex;
  #phase: 'new' | 'open' | 'closed' | 'stopped' = 'new';
  #wake: () => void = () => {};

  constructor(
    server: WatchedServer,
    history: ChangeHistory,
    selector: ChangeSelector,
    { from, whenClosed }: { readonly from: LogIndex; readonly whenClosed: () => void },
  ) {
    this.#server = server;
    this.#history = history;
    this.#selector = selector;
    this.#next = from;
    this.#whenClosed = whenClosed;
  }

  async next(): Promise<WatchNews | undefined> {
    const { clock } = this.#server;
    const isFirst = this.#phase === 'new';
    if (isFirst) this.#phase = 'open';
    const heartbeatMs = clock.nowMs() + (isFirst ? 0 : WATCH_HEARTBEAT_MS);
    for (;;) {
      if (this.#phase === 'stopped') throw stopping();
      if (this.#phase === 'closed') return undefined;
      const { changes, isMore } = this.#read();
      const leftMs = heartbeatMs - clock.nowMs();
      if (changes.length > 0 || leftMs <= 0) return this.#news(changes);
      await this.#pause(isMore ? 0 : leftMs);
    }
  }

  close(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#whenClosed();
    this.#wake();
  }

  wake(): void {
    this.#wake();
  }

  stop(): void {
    if (this.#phase !== 'closed') this.#phase = 'stopped';
    this.#wake();
  }

  /** A page of what has been applied and not been told yet. */
  #read(): { readonly changes: readonly Change[]; readonly isMore: boolean } {
    const { lastApplied } = this.#server.applier;
    if (this.#next > lastApplied) return { changes: [], isMore: false };
    const { oldestIndex } = this.#history;
    if (this.#next < oldestIndex) throw compacted(this.#next, oldestIndex);
    const { changes, next } = this.#history.read(this.#next, this.#selector);
    this.#next = next ?? logIndex(lastApplied + 1);
    return { changes, isMore: next !== undefined };
  }

  #news(changes: readonly Change[]): WatchNews {
    const { applier, leader } = this.#server;
    const index = logIndex(Math.min(this.#next - 1, applier.lastApplied));
    return { changes, index, leader: leader() };
  }

  /** Until somebody wakes it, or for `ms`; 0 is a turn for others. */
  #pause(ms: number): Promise<void> {
    const { clock } = this.#server;
    return new Promise((resolve) => {
      if (ms === 0) {
        clock.soon(resolve);
        return;
      }
      const cancel = clock.after(ms, () => this.#wake());
      this.#wake = () => {
        this.#wake = () => {};
        cancel();
        resolve();
      };
    });
  }
}

function unwatchable(): RaftError {
  return new RaftError('unsupported', 'The machine of this cluster cannot be watched.', {
    suggestions: ['The key-value machine can: raft node run --machine kv'],
  });
}

function tooMany(): RaftError {
  return new RaftError('too-many', `This node has ${WATCHES_MAX} watches already; it takes no more.`, {
    suggestions: ['Watch at another node, or watch a prefix in place of many keys.'],
  });
}

function compacted(from: LogIndex, oldest: LogIndex): RaftError {
  return new RaftError(
    'compacted',
    `The changes from index ${from} on are not kept any more: the oldest that this node has begin with ${oldest}.`,
    {
      suggestions: [
        'Begin with what comes now: raft kv watch',
        'Then read the present state, each key with its index: raft kv list --json',
      ],
    },
  );
}

function notLeader(leader: LeaderHint | undefined): RaftError {
  const message = 'Only the leader can say what is now, and this node does not lead.';
  return new RaftError(leader === undefined ? 'no-leader' : 'not-leader', message, {
    suggestions: ['Ask the leader, or say from which index on: any node can serve that.'],
    ...(leader === undefined ? {} : { leader }),
  });
}

function stopping(): RaftError {
  return new RaftError('stopping', 'The node stops, and its watches end.', {
    suggestions: ['Go on at another node, from the index after the last one that was told.'],
  });
}
