import { assert, present } from '../../lib/assert.ts';
import { type LogIndex, logIndex, type Term } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import { RaftError } from '../../lib/errors.ts';
import { decodeEntries, FRAME_HEADER_BYTES } from '../../logfmt/frame.ts';
import type { Disk, TermRun } from '../ports.ts';
import { countThatFits, EntryWindow } from './entry-window.ts';
import { LOG_DIRECTORY } from './layout.ts';
import { OpenSegment, type SegmentLimits } from './open-segment.ts';
import type { Segment } from './segment.ts';
import type { TermRuns } from './term-runs.ts';

export interface LogLimits extends SegmentLimits {
  /** One write, and so one unsynced batch, is at most this long. */
  readonly batchBytesMax: number;
  /** Recent entries in memory take at most this much. */
  readonly windowBytesMax: number;
}

/** What a log consists of: all segments in order, the last of them open. */
export interface LogParts {
  /** The data directory, as it is named to the user. */
  readonly directory: string;
  readonly closed: readonly Segment[];
  readonly open: OpenSegment;
  readonly terms: TermRuns;
}

/**
 * The replicated log on disk, in segments. Only the last one is written, so only it can be torn: an earlier one was cut
 * to its size and synced before the next got a frame. Every method that changes it resolves when the change is durable.
 */
export class SegmentedLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #limits: LogLimits;
  readonly #closed: Segment[];
  readonly #terms: TermRuns;
  readonly #window: EntryWindow;
  #open: OpenSegment;
  #lastIndex: LogIndex;
  #truncations = 0;

  constructor(disk: Disk, parts: LogParts, limits: LogLimits) {
    this.#disk = disk;
    this.#directory = parts.directory;
    this.#limits = limits;
    this.#closed = [...parts.closed];
    this.#open = parts.open;
    this.#lastIndex = parts.open.segment.lastIndex;
    this.#terms = parts.terms;
    this.#window = new EntryWindow(limits.windowBytesMax);
  }

  /** Index of the last entry; 0 where the log is empty. */
  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  /** Term of the last entry; 0 where the log is empty. */
  get lastTerm(): Term {
    return this.#terms.lastTerm;
  }

  /** The terms of all entries, as runs. */
  termRuns(): readonly TermRun[] {
    return this.#terms.list();
  }

  /** Makes entries durable. It takes one write and one sync, but where the batch or the segment is full. */
  async append(entries: readonly Entry[]): Promise<void> {
    this.#assertFollows(entries);
    let position = 0;
    for (let next = entries[position]; next !== undefined; next = entries[position]) {
      const count = this.#open.countThatFits(entries, position, this.#limits.batchBytesMax);
      if (count === 0) {
        await this.#roll(next.index);
        continue;
      }
      const batch = entries.slice(position, position + count);
      await this.#open.append(batch);
      for (const entry of batch) this.#terms.append(entry.index, entry.term);
      this.#window.append(batch);
      this.#lastIndex = this.#open.segment.lastIndex;
      position += count;
    }
  }

  /**
   * Cuts the entries from `index` on. Later segments go one at a time, the last first, each durably: a file system that
   * reorders them would leave a hole, which is damage.
   */
  async truncateFrom(index: LogIndex): Promise<void> {
    assert(
      index >= 1 && index <= this.lastIndex + 1,
      `Cannot cut from ${index}: the log ends at ${this.lastIndex}`,
    );
    // Readers see the shorter log from here on; what they are reading now, they look at again.
    this.#truncations++;
    this.#lastIndex = logIndex(index - 1);
    this.#terms.truncateFrom(index);
    this.#window.truncateFrom(index);
    while (this.#open.segment.firstIndex > index) await this.#dropOpen();
    await this.#open.truncateFrom(index, this.#limits.batchBytesMax);
  }

  /**
   * Entries from `from` on, at least one, until `bytesMax` of commands or `entriesMax`; none where `from` was cut
   * meanwhile. Recent ones come from memory, others from one read of one segment, checked. Errors: `damaged`.
   */
  async read(from: LogIndex, bytesMax: number, entriesMax: number): Promise<readonly Entry[]> {
    assert(from >= 1, 'The first entry has index 1');
    while (from <= this.#lastIndex) {
      if (this.#window.get(from) !== undefined) return this.#readWindow(from, bytesMax, entriesMax);
      const truncations = this.#truncations;
      const read = await this.#readSegment(from, bytesMax, entriesMax);
      // What was cut while it was read is no damage: look again at what is there now.
      if (truncations !== this.#truncations) continue;
      if (read.length > 0) return read;
    }
    return [];
  }

  /** Closes the files; a clean stop cuts what was filled ahead. */
  async close(how: 'cleanly' | 'as it is'): Promise<void> {
    if (how === 'cleanly') await this.#open.closeCleanly();
    else await this.#open.close();
  }

  /** Ends the open segment and begins the next one with `firstIndex`. */
  async #roll(firstIndex: LogIndex): Promise<void> {
    const ended = this.#open;
    await ended.cutToEnd();
    const next = await OpenSegment.create(this.#disk, firstIndex, this.#limits);
    this.#closed.push(ended.segment);
    this.#open = next;
    await ended.close();
  }

  /** Removes the open segment, durably, and opens the one before it. */
  async #dropOpen(): Promise<void> {
    const dropped = this.#open;
    this.#open = await OpenSegment.open(this.#disk, present(this.#closed.at(-1), 'segment'), this.#limits);
    this.#closed.pop();
    await dropped.close();
    await this.#disk.unlink(dropped.segment.path);
    await this.#disk.fsyncDir(LOG_DIRECTORY);
  }

  #readWindow(from: LogIndex, bytesMax: number, entriesMax: number): readonly Entry[] {
    const at = (index: LogIndex): Entry => present(this.#window.get(index), `entry ${index}`);
    const commandBytesAt = (index: LogIndex): number => at(index).command.length;
    const count = countThatFits({ from, through: this.#lastIndex, bytesMax, entriesMax, commandBytesAt });
    return Array.from({ length: count }, (_, position) => at(logIndex(from + position)));
  }

  async #readSegment(from: LogIndex, bytesMax: number, entriesMax: number): Promise<readonly Entry[]> {
    const segment = this.#segmentOf(from);
    const bytesAt = (index: LogIndex): number =>
      segment.offsetOf(logIndex(index + 1)) - segment.offsetOf(index);
    const count = countThatFits({
      from,
      through: logIndex(Math.min(segment.lastIndex, this.#lastIndex)),
      bytesMax: Math.min(bytesMax, this.#limits.batchBytesMax),
      entriesMax,
      commandBytesAt: (index) => bytesAt(index) - FRAME_HEADER_BYTES,
    });
    const start = segment.offsetOf(from);
    const length = segment.offsetOf(logIndex(from + count)) - start;
    const truncations = this.#truncations;
    const bytes = await this.#preadSegment(segment, start, length);
    if (truncations !== this.#truncations) return [];
    const { entries, bytes: goodBytes } = decodeEntries(bytes);
    const isExpected = (entry: Entry, position: number): boolean =>
      entry.index === from + position && entry.term === this.#terms.termAt(entry.index);
    if (entries.length === count && entries.every(isExpected)) return entries;
    throw damagedInUse(this.#directory, segment.path, start + goodBytes);
  }

  async #preadSegment(segment: Segment, position: number, length: number): Promise<Uint8Array> {
    if (segment === this.#open.segment) return await this.#open.pread(position, length);
    // Earlier segments are opened for each read, so that a long log does not use up the open files.
    const file = await this.#disk.open(segment.path, { create: false });
    if (file === undefined) return new Uint8Array(0);
    try {
      return await file.pread(position, length);
    } finally {
      await file.close();
    }
  }

  #segmentOf(index: LogIndex): Segment {
    if (index >= this.#open.segment.firstIndex) return this.#open.segment;
    const segment = this.#closed.findLast((candidate) => candidate.firstIndex <= index);
    return present(segment, `segment of entry ${index}`);
  }

  #assertFollows(entries: readonly Entry[]): void {
    let index = this.lastIndex;
    let term = this.lastTerm;
    for (const entry of entries) {
      assert(entry.index === index + 1, `Entry ${entry.index} does not follow entry ${index}`);
      assert(entry.term >= term, `The term of entry ${entry.index} goes back from ${term} to ${entry.term}`);
      index = entry.index;
      term = entry.term;
    }
  }
}

function damagedInUse(directory: string, path: string, offset: number): RaftError {
  const message = `${directory}/${path} is damaged at offset ${offset}: it was good when the node started.`;
  return new RaftError('damaged', message, {
    suggestions: [
      `raft log verify ${directory}   # names all damage`,
      `raft log repair ${directory}   # says what can be done about it`,
      'Check the disk (dmesg | tail), then restore this node from the others.',
    ],
  });
}
