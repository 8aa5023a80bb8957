import { nextChance, nextInteger, type Prng } from '../lib/prng.ts';
import type { FakeFileContent } from './disk-file.ts';

/** What a name stands for. */
export type FakeNode = FakeFileContent | FakeDirectory;

/** One change of names: a rename is both halves at once. */
interface NameChange {
  readonly remove?: string;
  readonly set?: { readonly name: string; readonly node: FakeNode };
}

/**
 * The names in one directory: what a reader sees, what the medium holds, and the changes between the two. A power loss
 * keeps any of the changes and undoes the others; nothing promises that the file system keeps them in order.
 */
export class FakeDirectory {
  #cached = new Map<string, FakeNode>();
  readonly #durable = new Map<string, FakeNode>();
  #changes: NameChange[] = [];
  #syncedCount = 0;

  get names(): readonly string[] {
    return [...this.#cached.keys()].sort();
  }

  get nodes(): readonly FakeNode[] {
    return [...this.#cached.values()];
  }

  /** How many changes there have been so far: a sync that begins now makes those durable. */
  get changeCount(): number {
    return this.#syncedCount + this.#changes.length;
  }

  get(name: string): FakeNode | undefined {
    return this.#cached.get(name);
  }

  set(name: string, node: FakeNode): void {
    this.#change({ set: { name, node } });
  }

  remove(name: string): void {
    this.#change({ remove: name });
  }

  rename(from: string, to: string, node: FakeNode): void {
    this.#change({ remove: from, set: { name: to, node } });
  }

  /** Makes the changes durable that were there when the sync began, `changeCount` of them. */
  syncThrough(changeCount: number): void {
    const synced = this.#changes.splice(0, Math.max(0, changeCount - this.#syncedCount));
    for (const change of synced) apply(change, this.#durable);
    this.#syncedCount += synced.length;
  }

  /** Each change that was not synced is kept or undone, here and in everything that is still named. */
  losePower(prng: Prng): void {
    const kind = nextInteger(prng, 0, 3);
    const likelihood = kind === 0 ? 0 : kind === 1 ? 1 : 0.5;
    for (const change of this.#changes) if (nextChance(prng, likelihood)) apply(change, this.#durable);
    this.#syncedCount += this.#changes.length;
    this.#changes = [];
    this.#cached = new Map(this.#durable);
    for (const name of this.names) this.#cached.get(name)?.losePower(prng);
  }

  #change(change: NameChange): void {
    this.#changes.push(change);
    apply(change, this.#cached);
  }
}

function apply(change: NameChange, names: Map<string, FakeNode>): void {
  if (change.remove !== undefined) names.delete(change.remove);
  if (change.set !== undefined) names.set(change.set.name, change.set.node);
}
