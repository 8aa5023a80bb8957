import { crc32 } from '../../logfmt/crc.ts';
import type { RawFrame } from '../../logfmt/frame.ts';
import { DiffCursor, type DiffLog } from '../diff-cursor.ts';
import { type LogOwner, readOwner } from '../diff-owner.ts';
import type { LogLocation } from '../locate.ts';
import type { EntryMark } from './survey.ts';

/** The log of another node, from which entries are taken. It is read once, by rising indexes. */
export class Donor {
  readonly #cursor: DiffCursor;

  private constructor(cursor: DiffCursor) {
    this.#cursor = cursor;
  }

  static async open(log: DiffLog): Promise<Donor> {
    const owner = log.owner ?? (await readOwner(log.location));
    return new Donor(await DiffCursor.open({ ...log, owner }));
  }

  /** Up to here its node knows it to be committed. */
  get commitHint(): bigint {
    return this.#cursor.commitHint;
  }

  /** Whose log it is; undefined where nobody knows. */
  get owner(): LogOwner | undefined {
    return this.#cursor.log.owner;
  }

  /** Every entry of it was come past. */
  get isAtEnd(): boolean {
    return this.#cursor.current === undefined;
  }

  get location(): LogLocation {
    return this.#cursor.log.location;
  }

  /** Its first index; undefined where it is empty. */
  async firstIndex(): Promise<bigint | undefined> {
    return this.#cursor.first?.index;
  }

  /** Whether it holds the very same entry. Where there is none to hold, nothing speaks against it. */
  async holds(mark: EntryMark | undefined): Promise<boolean> {
    if (mark === undefined) return true;
    const frame = await this.entry(mark.index);
    return frame !== undefined && frame.term === mark.term && crc32(frame.command) === mark.checksum;
  }

  /** Whether it holds every entry of a range. */
  async hasAll(from: bigint, to: bigint): Promise<boolean> {
    for (let index = from; index <= to; index++) if ((await this.entry(index)) === undefined) return false;
    return true;
  }

  /** Whether it holds two histories, of which no one says which is committed. It is read to its end for that. */
  async isForked(): Promise<boolean> {
    while (this.#cursor.current !== undefined) await this.#cursor.advance();
    return this.#cursor.isForked;
  }

  /** Its entry at an index that is not below those that were asked for before; undefined where it has none. */
  async entry(index: bigint): Promise<RawFrame | undefined> {
    while (this.#cursor.current !== undefined && this.#cursor.current.index < index)
      await this.#cursor.advance();
    return this.#cursor.current?.index === index ? this.#cursor.current : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cursor.close();
  }
}
