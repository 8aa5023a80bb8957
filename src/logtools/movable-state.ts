import { assert } from '../lib/assert.ts';
import {
  STATE_CHANGES_BYTES_MAX,
  STATE_CHANGES_KEPT_MAX,
  STATE_ITEMS_SHOWN_MAX,
  STATE_TEXT_CHARACTERS_MAX,
} from '../lib/limits.ts';
import { sum } from '../lib/sum.ts';
import { SortedKeys } from '../raft/machine/sorted-keys.ts';
import type { ReplayedChange } from './replay.ts';

/** A key of a state and what it holds; long texts are cut. */
export interface StateItem {
  readonly key: string;
  readonly value: string;
}

/** What is shown of a state. */
export interface StateExcerpt {
  readonly keyCount: number;
  /** What the entry itself changed; undefined where it changed nothing. */
  readonly change: ReplayedChange | undefined;
  /** In the order of keys: all of them, or, where that is too many, from the changed one on. */
  readonly items: readonly StateItem[];
}

/** One change, with all that is needed to take it back. */
interface Change {
  readonly index: bigint;
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * What a key takes beside its texts, in bytes. It stands here in a map and a sorted set, and so it does in the machine that
 * applies the log, whose changes are kept as two maps more: up to 339 bytes were measured for short keys, texts and all,
 * and up to 430 for ones of 20 characters with as long values.
 */
const KEY_BYTES = 350;

/** What a change takes beside its texts, in bytes. */
const CHANGE_BYTES = 64;

/**
 * A key-value state that goes back and forth along its last changes. What lies before them is forgotten: so many are kept
 * as `STATE_CHANGES_KEPT_MAX` and `STATE_CHANGES_BYTES_MAX` allow.
 */
export class MovableState {
  readonly #values = new Map<string, string>();
  readonly #keys = new SortedKeys();
  readonly #changes: Change[] = [];
  /** How many of the changes are in the state; the others lie ahead. */
  #done = 0;
  /** The first change that is kept: those before it are dropped many at a time. */
  #first = 0;
  #changesBytes = 0;
  #bytes = 0;
  #oldestIndex = 0n;

  /** The lowest index to which it goes back. */
  get oldestIndex(): bigint {
    return this.#oldestIndex;
  }

  /** What the state takes in memory, as far as can be reckoned. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the change of an entry that is later than all that are here, and goes there. */
  push(index: bigint, { key, before, after }: ReplayedChange): void {
    this.moveTo(index);
    assert((this.#changes.at(-1)?.index ?? 0n) < index, `The change of entry ${index} comes late`);
    const change = { index, key, before, after };
    this.#changes.push(change);
    this.#changesBytes += bytesOf(change);
    this.#set(key, after);
    this.#done++;
    this.#dropOldest();
  }

  /** Takes changes back, or makes them again, until the state is that after the entry of an index. */
  moveTo(index: bigint): void {
    assert(index >= this.#oldestIndex, `The changes before ${this.#oldestIndex} are not kept`);
    for (let next = this.#changes[this.#done]; next !== undefined && next.index <= index; ) {
      this.#set(next.key, next.after);
      this.#done++;
      next = this.#changes[this.#done];
    }
    for (let last = this.#last(); last !== undefined && last.index > index; last = this.#last()) {
      this.#set(last.key, last.before);
      this.#done--;
    }
  }

  /** The state where it is, at the entry of `index`. */
  excerpt(index: bigint): StateExcerpt {
    const last = this.#last();
    const change = last?.index === index ? last : undefined;
    const keyCount = this.#values.size;
    const items: StateItem[] = [];
    const from = change === undefined || keyCount <= STATE_ITEMS_SHOWN_MAX ? '' : change.key;
    for (const key of this.#keys.from(from)) {
      if (items.length === STATE_ITEMS_SHOWN_MAX) break;
      items.push({ key: cut(key), value: cut(this.#values.get(key) ?? '') });
    }
    return { keyCount, change: change === undefined ? undefined : cutChange(change), items };
  }

  #last(): Change | undefined {
    return this.#done > this.#first ? this.#changes[this.#done - 1] : undefined;
  }

  #set(key: string, value: string | null): void {
    const former = this.#values.get(key);
    if (former !== undefined) this.#bytes -= KEY_BYTES + textBytes(key, former);
    if (value === null) {
      if (this.#values.delete(key)) this.#keys.remove(key);
      return;
    }
    if (former === undefined) this.#keys.add(key);
    this.#values.set(key, value);
    this.#bytes += KEY_BYTES + textBytes(key, value);
  }

  #dropOldest(): void {
    const { length } = this.#changes;
    while (
      length - this.#first > STATE_CHANGES_KEPT_MAX ||
      (this.#changesBytes > STATE_CHANGES_BYTES_MAX && this.#first < length)
    ) {
      const oldest = this.#changes[this.#first];
      if (oldest === undefined) return;
      this.#oldestIndex = oldest.index;
      this.#changesBytes -= bytesOf(oldest);
      this.#first++;
    }
    // To take one away from the front of an array moves all others.
    if (this.#first <= STATE_CHANGES_KEPT_MAX) return;
    this.#changes.splice(0, this.#first);
    this.#done -= this.#first;
    this.#first = 0;
  }
}

function bytesOf({ key, before, after }: Change): number {
  return CHANGE_BYTES + textBytes(key, before ?? '', after ?? '');
}

/** Two bytes for each code unit at most. */
function textBytes(...texts: readonly string[]): number {
  return 2 * sum(texts.map(({ length }) => length));
}

function cutChange({ key, before, after }: Change): ReplayedChange {
  return { key: cut(key), before: cutOrNull(before), after: cutOrNull(after) };
}

function cutOrNull(text: string | null): string | null {
  return text === null ? null : cut(text);
}

function cut(text: string): string {
  return text.slice(0, STATE_TEXT_CHARACTERS_MAX);
}
