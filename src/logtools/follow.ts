import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RaftError } from '../lib/errors.ts';
import type { Problem } from '../logfmt/damage.ts';
import { FRAME_FIELDS, FRAME_HEADER_BYTES, type RawFrame } from '../logfmt/frame.ts';
import { type LogLocation, type SegmentFile, segmentsIn } from './locate.ts';
import { LogFile } from './log-file.ts';
import { type Continuity, isUnfinishedTail, type SegmentItem } from './read-log.ts';

/** What `followLog` tells: the items of the log, and where a node took entries back. */
export type FollowEvent =
  | ({ readonly type: 'item' } & SegmentItem)
  /** Entries from this place on are gone: a new leader overwrote them. What follows takes their place. */
  | { readonly type: 'cut'; readonly segment: SegmentFile; readonly offset: number };

export interface FollowOptions {
  /** Ends the following; the iteration ends without an error. */
  readonly signal?: AbortSignal;
  /** How often the file is looked at, in milliseconds; `FOLLOW_POLL_MS` unless given. */
  readonly pollMs?: number;
}

/** A file is looked at this often, in milliseconds: soon enough for a person, and free for the node. */
const FOLLOW_POLL_MS = 100;

/** After a cut the last frame that is still there is looked for among this many. */
const REMEMBERED_MAX = 4096;

/** A frame that was told. Log Matching (§5.3): what has its index and term is the same entry. */
interface Told {
  readonly segment: SegmentFile;
  readonly offset: number;
  readonly end: number;
  readonly index: bigint;
  readonly term: bigint;
}

/**
 * All items of a log, then what is appended to it, as `tail -f` does, until the signal comes: it goes on in the next
 * segment, and after a node cut entries and wrote others. An unfinished tail is waited for; other damage at the end is
 * told once it has stayed the same from one look to the next, because a write seen half done can look like it.
 */
export async function* followLog(
  location: LogLocation,
  options: FollowOptions = {},
): AsyncGenerator<FollowEvent, void> {
  const follower = new Follower(location);
  const isOver = () => options.signal?.aborted === true;
  while (!isOver()) {
    for await (const event of follower.look()) {
      if (isOver()) return;
      yield event;
    }
    if (!(await pause(options.pollMs ?? FOLLOW_POLL_MS, options.signal))) return;
  }
}

/** Waits; false where the signal came first. */
async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await delay(delayMs, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch (error) {
    if (signal?.aborted === true) return false;
    throw error;
  }
}

/** Where the following has come to. */
class Follower {
  readonly #location: LogLocation;
  #segment: SegmentFile;
  /** In the segment: all before it was told. */
  #offset = 0;
  #continuity: Continuity = {};
  #told: Told[] = [];
  /** Damage at the end that was seen by the last look and not yet told. */
  #suspected = '';

  constructor(location: LogLocation) {
    this.#location = location;
    this.#segment = location.segments[0];
    this.#startSegment(this.#segment);
  }

  /** Tells what is new, in every segment that there is by now. */
  async *look(): AsyncGenerator<FollowEvent, void> {
    if (await this.#wasCut()) yield* this.#rewind();
    for (;;) {
      // Asked before the segment is read: where a later one exists by now, this one is complete.
      const next = await this.#laterSegment();
      const isDone = yield* this.#lookAtSegment(next === undefined ? 'last' : 'earlier');
      if (!isDone || next === undefined) return;
      this.#startSegment(next);
    }
  }

  /** Tells what is new in the segment; false where something at its end is not settled yet. */
  async *#lookAtSegment(role: 'last' | 'earlier'): AsyncGenerator<FollowEvent, boolean> {
    const { path } = this.#segment;
    await using file = await LogFile.open(path);
    const { bytes } = await file.version();
    let held: Problem[] = [];
    for await (const items of file.items({ segment: role, startOffset: this.#offset, ...this.#continuity })) {
      for (const item of items) {
        if (item.type === 'problem') {
          if (isUnfinishedTail(item.problem)) return false;
          held.push(item.problem);
          continue;
        }
        for (const problem of held) yield this.#tellProblem(problem);
        held = [];
        yield this.#tellEntry(item.frame);
      }
    }
    if (held.length === 0) return true;
    const suspected = `${path} ${bytes} ${held.map((problem) => `${problem.kind} ${problem.offset}`).join(' ')}`;
    const isSettled = suspected === this.#suspected;
    this.#suspected = suspected;
    if (isSettled) for (const problem of held) yield this.#tellProblem(problem);
    return isSettled;
  }

  #tellEntry(frame: RawFrame): FollowEvent {
    const { offset, index, term } = frame;
    const end = offset + FRAME_HEADER_BYTES + frame.command.length;
    this.#offset = end;
    this.#continuity = { firstIndex: index + 1n, previousTerm: term };
    this.#told.push({ segment: this.#segment, offset, end, index, term });
    if (this.#told.length > 2 * REMEMBERED_MAX) this.#told = this.#told.slice(-REMEMBERED_MAX);
    return { type: 'item', segment: this.#segment, item: { type: 'entry', frame } };
  }

  #tellProblem(problem: Problem): FollowEvent {
    this.#offset = problem.offset + problem.length;
    return { type: 'item', segment: this.#segment, item: { type: 'problem', problem } };
  }

  /** Whether the segment or entries that were told are gone. */
  async #wasCut(): Promise<boolean> {
    const last = this.#told.at(-1);
    if (last !== undefined && !(await this.#segments()).some(({ path }) => path === this.#segment.path))
      return true;
    return last !== undefined && !(await isStillThere(last));
  }

  /** Goes back to the last entry that is still there, or to the start of the log where none is. */
  async *#rewind(): AsyncGenerator<FollowEvent, void> {
    let last = this.#told.pop();
    while (last !== undefined && !(await isStillThere(last))) last = this.#told.pop();
    if (last === undefined) {
      const [first = this.#location.segments[0]] = await this.#segments();
      this.#startSegment(first);
    } else {
      this.#told.push(last);
      this.#segment = last.segment;
      this.#offset = last.end;
      this.#continuity = { firstIndex: last.index + 1n, previousTerm: last.term };
    }
    yield { type: 'cut', segment: this.#segment, offset: this.#offset };
  }

  #startSegment(segment: SegmentFile): void {
    const previous = this.#told.at(-1);
    this.#segment = segment;
    this.#offset = 0;
    if (previous !== undefined)
      this.#continuity = { firstIndex: previous.index + 1n, previousTerm: previous.term };
    else this.#continuity = segment.firstIndex === undefined ? {} : { firstIndex: segment.firstIndex };
  }

  async #laterSegment(): Promise<SegmentFile | undefined> {
    if (this.#segment.firstIndex === undefined) return undefined;
    const { name } = this.#segment;
    return (await this.#segments()).find((segment) => segment.name > name);
  }

  /** The segments that there are now, from the first that was asked for on. */
  async #segments(): Promise<readonly SegmentFile[]> {
    const [first] = this.#location.segments;
    if (first.firstIndex === undefined) return this.#location.segments;
    return (await segmentsIn(dirname(first.path))).filter((segment) => segment.name >= first.name);
  }
}

async function isStillThere(told: Told): Promise<boolean> {
  let header: Uint8Array;
  try {
    await using file = await LogFile.open(told.segment.path);
    header = await file.read(told.offset, FRAME_HEADER_BYTES);
  } catch (error) {
    // A cut may take whole segments away.
    if (error instanceof RaftError && error.code === 'no-such-file') return false;
    throw error;
  }
  if (header.length < FRAME_HEADER_BYTES) return false;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  return (
    view.getBigUint64(FRAME_FIELDS.index, true) === told.index &&
    view.getBigUint64(FRAME_FIELDS.term, true) === told.term
  );
}
