import { nounFor } from '../lib/counted.ts';
import type { LogLookup } from '../logtools/log-index.ts';
import { type Line, line } from './line.ts';
import { wrapWords } from './width.ts';

/** Which entries were asked for: the list has no others. */
export interface Filter {
  /** The flags as they can be typed. */
  readonly words: string;
  /** It has a range of indexes: what lies outside may not have been read. */
  readonly isRange: boolean;
}

/** How many entries the list has, and of how many. */
export function entriesWords({ entryCount, readCount }: LogLookup, filter: Filter | undefined): string {
  if (filter === undefined) return longCount(entryCount, 'entry', 'entries');
  const read = filter.isRange ? ' read' : '';
  return `${entryCount.toLocaleString('en')} of ${longCount(readCount, 'entry', 'entries')}${read}`;
}

/** A count that may be long, with its thousands apart. */
export function longCount(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${nounFor(count, one, many)}`;
}

/** Why the list has no entry, and the way out; nothing where it has one, or where nothing was asked for. */
export function noMatchLines(
  log: LogLookup,
  filter: Filter | undefined,
  { columns, isWhole }: { readonly columns: number; readonly isWhole: boolean },
): readonly Line[] {
  if (filter === undefined || log.entryCount > 0 || !isWhole) return [];
  const read = filter.isRange ? ' that were read' : '';
  const what = `0 of ${longCount(log.readCount, 'entry', 'entries')}${read} match: ${filter.words}`;
  return [what, 'To see all, leave (q) and start again without that.'].flatMap((text) =>
    wrapWords(text, columns).map((piece) => line(piece, 'note')),
  );
}
