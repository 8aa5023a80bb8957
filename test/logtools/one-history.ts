import { assert } from '../../src/lib/assert.ts';
import type { RawFrame } from '../../src/logfmt/frame.ts';
import type { LogLocation } from '../../src/logtools/locate.ts';
import { readLog } from '../../src/logtools/read-log.ts';
import type { RepairPlan } from '../../src/logtools/repair/plan.ts';

/** The good frames of a log, in the order in which they stand. */
export async function goodFrames(location: LogLocation): Promise<readonly RawFrame[]> {
  const frames: RawFrame[] = [];
  for await (const { item } of readLog(location)) {
    if (item.type === 'entry') frames.push({ ...item.frame, command: item.frame.command.slice() });
  }
  return frames;
}

/** Logs as they were before a repair, and as one is after it. */
export interface Histories {
  readonly before: readonly RawFrame[];
  readonly donor: readonly RawFrame[];
  readonly after: readonly RawFrame[];
}

/**
 * What a repair keeps is of one history: nothing in the log spoke against an entry that it kept, nor in the other log against
 * one that it took, as far as that log was gone through for it.
 */
export function checkOneHistory({ actions }: RepairPlan, { before, donor, after }: Histories): void {
  const own = inTermOrder(before);
  for (const frame of after) {
    const fill = actions.find(
      (action) => action.type === 'fill' && action.from <= frame.index && frame.index <= action.to,
    );
    const isTaken = fill?.type === 'fill';
    const others = isTaken ? upToBehind(inTermOrder(donor), fill.to) : own;
    const against = others.find(
      (other) => other.index === frame.index && !(isTaken ? other.term === frame.term : isSame(other, frame)),
    );
    assert(
      against === undefined,
      `index ${frame.index} of term ${frame.term} was kept, of two that stood there`,
    );
  }
}

/** Without frames whose term goes back beyond the end: they follow nothing that stands before them. */
function inTermOrder(frames: readonly RawFrame[]): readonly RawFrame[] {
  let last: RawFrame | undefined;
  return frames.filter((frame) => {
    if (last === undefined) last = frame;
    else if (frame.index > last.index) {
      if (frame.term < last.term) return false;
      last = frame;
    }
    return true;
  });
}

function upToBehind(frames: readonly RawFrame[], index: bigint): readonly RawFrame[] {
  const behind = frames.findIndex((frame) => frame.index > index);
  return behind === -1 ? frames : frames.slice(0, behind);
}

function isSame(one: RawFrame, other: RawFrame): boolean {
  return one.term === other.term && Buffer.compare(one.command, other.command) === 0;
}
