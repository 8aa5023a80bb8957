import * as Flags from '@oclif/core/flags';
import { usage } from './values.ts';

/** Which entries to show, by index; both ends are included. */
export interface IndexRange {
  readonly from: bigint;
  readonly to: bigint;
}

const UINT64_MAX = 2n ** 64n - 1n;

const index = Flags.custom<bigint>({ helpValue: 'INDEX', parse: async (text) => parseIndex(text) });

/** Flags for an `IndexRange`. */
export const rangeFlags = {
  from: index({ description: 'Begin with the entry of this index.' }),
  to: index({ description: 'End with the entry of this index.' }),
};

/** The range that the flags name. Throws `usage` for one that ends before it begins. */
export function indexRange(flags: {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}): IndexRange {
  const { from = 0n, to = UINT64_MAX } = flags;
  if (from > to) throw usage(`The range from index ${from} to ${to} is empty.`);
  return { from, to };
}

/** Where the rows come from: a log as it stands, or one that is followed, whose next row may be long in coming. */
type RowSource = 'standing' | 'followed';

/**
 * The rows of a log that are within a range. Damage has no index: it belongs to the entry before it, and is shown
 * wherever that is. Reading ends with the range, since indexes only rise in a log; where they do not, the range still
 * holds everything up to the first entry beyond it. Of a log that is followed the last entry of the range ends it:
 * what stands behind that may never come.
 */
export async function* inRange<Row extends object>(
  rows: AsyncIterable<Row>,
  range: IndexRange,
  source: RowSource = 'standing',
): AsyncGenerator<Row, void> {
  let position = 0n;
  for await (const row of rows) {
    const index = 'index' in row && typeof row.index === 'string' ? BigInt(row.index) : undefined;
    position = index ?? position;
    if (position > range.to) return;
    if (position >= range.from) yield row;
    if (source === 'followed' && index === range.to) return;
  }
}

function parseIndex(text: string): bigint {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= UINT64_MAX) return value;
  throw usage(`This needs an index, a whole number from 0 to ${UINT64_MAX}; it got "${text}".`);
}
