import { nextChance, nextInteger, type Prng } from '../lib/prng.ts';

/** A disk writes a sector whole or not at all. */
const SECTOR_BYTES = 512;

/** One change of a file that is not yet durable. */
type Change =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly size: number };

/**
 * The content of one file: what a reader sees (the page cache), what the medium holds, and the changes between the
 * two. A power loss leaves, for every sector on its own, what it was at some moment since the last sync, and one of the
 * sizes that the file has had since then.
 */
export class FakeFileContent {
  #cached = new Extent();
  #durable = new Extent();
  #changes: Change[] = [];
  #syncedCount = 0;

  get size(): number {
    return this.#cached.size;
  }

  /** How many changes there have been so far: a sync that begins now makes those durable. */
  get changeCount(): number {
    return this.#syncedCount + this.#changes.length;
  }

  read(position: number, length: number): Uint8Array {
    return this.#cached.read(position, length);
  }

  write(position: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#change({ type: 'write', position, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.#change({ type: 'truncate', size });
  }

  /** Makes the changes durable that were there when the sync began, `changeCount` of them. */
  syncThrough(changeCount: number): void {
    const synced = this.#changes.splice(0, Math.max(0, changeCount - this.#syncedCount));
    for (const change of synced) apply(change, this.#durable);
    this.#syncedCount += synced.length;
  }

  /**
   * A sync that failed: the size is journalled, but of the written pages some are lost for ever, while readers go on
   * seeing them and the next sync finds nothing to do (fsyncgate).
   */
  failSync(prng: Prng): void {
    const survivor = this.#survivor(prng);
    survivor.truncate(this.#cached.size);
    this.#durable = survivor;
    this.#forgetChanges();
  }

  /** What was not synced is dropped, kept or torn. Readers now see what is left on the medium. */
  losePower(prng: Prng): void {
    this.#durable = this.#survivor(prng);
    this.#cached = this.#durable.copy();
    this.#forgetChanges();
  }

  #forgetChanges(): void {
    this.#syncedCount += this.#changes.length;
    this.#changes = [];
  }

  #change(change: Change): void {
    this.#changes.push(change);
    apply(change, this.#cached);
  }

  #survivor(prng: Prng): Extent {
    const whole = this.#changes.length;
    const choose = survivalRule(prng, whole);
    const sizes = this.#sizes();
    const survivor = this.#durable.copy();
    for (const sector of this.#changedSectors(Math.max(...sizes))) {
      const start = sector * SECTOR_BYTES;
      const content = this.#durable.copySector(start);
      for (const change of this.#changes.slice(0, choose())) applyWithin(change, content, start);
      survivor.write(start, content);
    }
    survivor.truncate(sizes[choose()] ?? 0);
    return survivor;
  }

  /** The size on the medium, and after each change. */
  #sizes(): number[] {
    const sizes = [this.#durable.size];
    for (const change of this.#changes) {
      const before = sizes.at(-1) ?? 0;
      sizes.push(
        change.type === 'truncate' ? change.size : Math.max(before, change.position + change.bytes.length),
      );
    }
    return sizes;
  }

  #changedSectors(sizeMax: number): ReadonlySet<number> {
    const sectors = new Set<number>();
    for (const change of this.#changes) {
      const from = change.type === 'truncate' ? change.size : change.position;
      const to = change.type === 'truncate' ? sizeMax : from + change.bytes.length;
      for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector++)
        sectors.add(sector);
    }
    return sectors;
  }
}

/**
 * How many of `whole` changes reached the medium, asked anew for each sector and for the size. Some power losses lose
 * all, some nothing, and most tear.
 */
function survivalRule(prng: Prng, whole: number): () => number {
  const kind = nextInteger(prng, 0, 5);
  if (kind === 0) return () => 0;
  if (kind === 1) return () => whole;
  const likelihood = nextInteger(prng, 1, 9) / 10;
  return () => (nextChance(prng, likelihood) ? whole : nextInteger(prng, 0, whole));
}

function apply(change: Change, extent: Extent): void {
  if (change.type === 'truncate') extent.truncate(change.size);
  else extent.write(change.position, change.bytes);
}

/** Applies what a change does to the sector that begins at `start`. */
function applyWithin(change: Change, sector: Uint8Array, start: number): void {
  if (change.type === 'truncate') {
    if (change.size < start + SECTOR_BYTES) sector.fill(0, Math.max(0, change.size - start));
    return;
  }
  const from = Math.max(change.position, start);
  const to = Math.min(change.position + change.bytes.length, start + SECTOR_BYTES);
  if (from < to)
    sector.set(change.bytes.subarray(from - change.position, to - change.position), from - start);
}

/** Bytes that grow; zeros where nothing was written. */
class Extent {
  #bytes = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  read(position: number, length: number): Uint8Array {
    return this.#bytes.slice(Math.min(position, this.#size), Math.min(position + length, this.#size));
  }

  write(position: number, bytes: Uint8Array): void {
    this.#reserve(position + bytes.length);
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, position + bytes.length);
  }

  truncate(size: number): void {
    this.#reserve(size);
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  copySector(start: number): Uint8Array {
    const sector = new Uint8Array(SECTOR_BYTES);
    sector.set(this.read(start, SECTOR_BYTES));
    return sector;
  }

  copy(): Extent {
    const copy = new Extent();
    copy.write(0, this.#bytes.subarray(0, this.#size));
    return copy;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}
