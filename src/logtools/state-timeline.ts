import { decodePayload } from '../lib/entry.ts';
import { asRaftError, RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { STATE_BYTES_MAX } from '../lib/limits.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { Runs } from './columns.ts';
import { kvCommandOf } from './expression/entry-values.ts';
import { followLog } from './follow.ts';
import type { LogLocation } from './locate.ts';
import { MovableState, type StateExcerpt } from './movable-state.ts';
import type { SegmentItem } from './read-log.ts';
import { Replay, type ReplayStep, replayItems } from './replay.ts';

/** What is known of the state after an entry. */
export type StateAnswer =
  | ({ readonly type: 'state'; readonly index: bigint } & StateExcerpt)
  /** The log is being applied, and `reached` is how far that has come. */
  | { readonly type: 'replaying'; readonly index: bigint; readonly reached: bigint }
  /** It cannot be known. */
  | { readonly type: 'refused'; readonly reason: string };

export interface TimelineOptions {
  /** What the log is called in what is said about it. */
  readonly name: string;
  /** Called when there is more to say about the entry that was asked for last. */
  readonly onNews: () => void;
  /** Asked now and then: the log is applied further once this resolves. */
  readonly mayGoOn?: () => Promise<void>;
}

/** After so many entries others have their turn. */
const STEP_ENTRIES = 256;

/** How far it has come is said again after this time, in milliseconds. */
const NEWS_MS = 100;

/** What is said where entries do not follow each other. */
const OTHER = 'Another entry of this index stands before it, so the state after this one is not known.';

/** What the log itself says. Any other failure is one of reading it, and may be gone the next time. */
const FINAL: ReadonlySet<RaftErrorCode> = new Set<RaftErrorCode>(['damaged', 'unsupported', 'too-large']);

/** Why a log is applied no further. */
interface Failure {
  readonly error: RaftError;
  /** The index that was wanted then. */
  readonly wanted: bigint;
}

/** One application of the log, from its first entry on. */
interface Run {
  readonly state: MovableState;
  /** The terms of the entries that were applied, by their indexes. */
  readonly terms: Runs;
  readonly steps: AsyncGenerator<ReplayStep, void>;
  readonly ending: AbortController;
  /** The last index that was applied. */
  reached: bigint;
  isUnderWay: boolean;
  /** Whether the key-value machine understood any command so far. */
  hasCommands: boolean;
  isUnderstood: boolean;
  failure: Failure | undefined;
}

/**
 * The key-value state of a log after any of its entries. The log is applied in the background, no further than somebody has
 * asked for, and further from there when it grows. A later state goes on from the one before; an earlier one comes from the
 * last changes, taken back; one before those, and any after a node has cut its log, from the beginning again.
 */
export class StateTimeline {
  readonly #location: LogLocation;
  readonly #options: TimelineOptions;
  #run: Run;
  #wanted = 0n;
  /** The index and term for which the log was applied anew, because another entry of that index had been applied. */
  #begunFor = '';

  constructor(location: LogLocation, options: TimelineOptions) {
    this.#location = location;
    this.#options = options;
    this.#run = this.#newRun();
  }

  /** What is known at once of the state after an entry; where that is not all, `onNews` is called, and one asks again. */
  at({ index, term }: Pick<RawFrame, 'index' | 'term'>): StateAnswer {
    if (index === 0n) return { type: 'refused', reason: 'No node writes an entry of index 0.' };
    this.#wanted = index;
    if (hasOther(this.#run, index, term)) {
      if (this.#begunFor === `${index} ${term}`) return { type: 'refused', reason: OTHER };
      this.#begunFor = `${index} ${term}`;
      this.#beginAnew();
    }
    if (index < this.#run.state.oldestIndex || mayTryAgain(this.#run, index)) this.#beginAnew();
    const { state, reached, failure, hasCommands, isUnderstood } = this.#run;
    if (index > reached) {
      if (failure !== undefined) return { type: 'refused', reason: failure.error.message };
      this.#goOn(this.#run);
      return { type: 'replaying', index, reached };
    }
    if (hasCommands && !isUnderstood) {
      const reason = `The key-value machine understands no command up to index ${reached}: this log is another machine's.`;
      return { type: 'refused', reason };
    }
    state.moveTo(index);
    return { type: 'state', index, ...state.excerpt(index) };
  }

  /** Applies no more. */
  close(): void {
    end(this.#run);
  }

  #newRun(): Run {
    const ending = new AbortController();
    const items = itemsUntilCut(this.#location, ending.signal);
    const location = { ...this.#location, path: this.#options.name };
    return {
      ...{ state: new MovableState(), terms: new Runs(), ending, reached: 0n, isUnderWay: false },
      ...{ hasCommands: false, isUnderstood: false, failure: undefined },
      steps: replayItems(items, { location, replay: new Replay() }),
    };
  }

  #beginAnew(): void {
    end(this.#run);
    this.#run = this.#newRun();
  }

  #goOn(run: Run): void {
    if (run.isUnderWay) return;
    run.isUnderWay = true;
    this.#apply(run)
      .catch((error: unknown) => {
        run.failure = { error: asRaftError(error), wanted: this.#wanted };
      })
      .finally(() => {
        run.isUnderWay = false;
        if (!run.ending.signal.aborted) this.#options.onNews();
      });
  }

  /** Applies entries until the one that is wanted, whichever that is by then. */
  async #apply(run: Run): Promise<void> {
    const { signal } = run.ending;
    let toldMs = performance.now();
    for (let count = 1; run.reached < this.#wanted && !signal.aborted; count++) {
      const step = await run.steps.next();
      if (signal.aborted) return;
      if (step.done === true) {
        this.#beginAnew();
        return this.#options.onNews();
      }
      take(run, step.value);
      if (count % STEP_ENTRIES !== 0) continue;
      await this.#options.mayGoOn?.();
      if (performance.now() - toldMs < NEWS_MS) continue;
      toldMs = performance.now();
      this.#options.onNews();
    }
  }
}

/** The items of a log that may grow, until a node takes some of them back. */
async function* itemsUntilCut(location: LogLocation, signal: AbortSignal): AsyncGenerator<SegmentItem, void> {
  for await (const event of followLog(location, { signal })) {
    if (event.type === 'cut') return;
    yield event;
  }
}

/** A file that it has open is closed. */
function end({ ending, steps }: Run): void {
  ending.abort();
  steps.return().catch(() => {});
}

/** Log Matching (§5.3): where the terms are the same, so is all before. Where they are not, a new leader has cut the log. */
function hasOther({ terms, reached }: Run, index: bigint, term: bigint): boolean {
  return index <= reached && terms.valueOf(terms.runAt(Number(index))) !== term;
}

/** Whether what failed may go well now. Who asks for the same entry again is the one who was just told of the failure. */
function mayTryAgain({ failure, reached }: Run, index: bigint): boolean {
  if (failure === undefined || index <= reached || index === failure.wanted) return false;
  return !FINAL.has(failure.error.code);
}

function take(run: Run, { frame, change }: ReplayStep): void {
  run.reached = frame.index;
  const { length } = run.terms;
  if (length === 0 || run.terms.valueOf(length - 1) !== frame.term) {
    run.terms.start(Number(frame.index), frame.term);
  }
  if (!run.isUnderstood) noteCommand(run, frame);
  if (change === undefined) return;
  run.state.push(frame.index, change);
  if (run.state.bytes <= STATE_BYTES_MAX) return;
  throw new RaftError(
    'too-large',
    `The state after index ${frame.index} takes more than ${STATE_BYTES_MAX / 1024 / 1024} MiB: raft log state prints it.`,
  );
}

function noteCommand(run: Run, frame: RawFrame): void {
  const payload = decodePayload(frame.command);
  if (!('command' in payload)) return;
  run.hasCommands = true;
  run.isUnderstood = kvCommandOf(payload) !== null;
}
