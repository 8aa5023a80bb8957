import * as Flags from '@oclif/core/flags';
import { counted } from '../lib/counted.ts';
import { type MatchCount, Selection } from '../logtools/selection.ts';
import { usage } from './values.ts';

const UINT64_MAX = 2n ** 64n - 1n;

/** Every kind of entry, as `raft log dump` names it. */
const KINDS = ['command', 'noop', 'session', 'configuration', 'unknown'] as const;

const uint64 = Flags.custom<bigint, { readonly what: string }>({
  parse: async (text, _context, { what }) => parseUint64(text, what),
});

/** Flags for an index, with a description of their own. */
export const indexFlag = (description: string) =>
  uint64({ description, helpValue: 'INDEX', what: 'an index' });

/** Flags that choose entries. */
export const selectionFlags = {
  from: indexFlag('Begin with the entry of this index.'),
  to: indexFlag('End with the entry of this index.'),
  term: uint64({ description: 'Only entries of this term.', helpValue: 'TERM', what: 'a term' }),
  kind: Flags.string({
    description: 'Only entries of this kind; several may be given.',
    options: KINDS,
    multiple: true,
    // Else it would take the log's name for a kind.
    multipleNonGreedy: true,
  }),
  grep: Flags.string({
    description:
      'Only entries whose text matches this regular expression, or else the words that the inspector shows for it.',
    helpValue: 'PATTERN',
  }),
  where: Flags.string({
    description:
      'Only entries for which this condition holds, over index, term, offset, size, kind, text, op, key, value, session and sequence.',
    helpValue: 'CONDITION',
  }),
};

/** What the flags of `selectionFlags` hold. */
interface SelectionFlags {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
  readonly term?: bigint | undefined;
  readonly kind?: readonly string[] | undefined;
  readonly grep?: string | undefined;
  readonly where?: string | undefined;
}

/** What the flags choose, in words. */
export interface SelectionWords {
  readonly words: string;
  /** They name a range of indexes: what lies outside may not be read. */
  readonly isRange: boolean;
}

/** Whether any of the flags leaves something out. */
function isSelecting({ from, to, term, kind, grep, where }: SelectionFlags): boolean {
  return [from, to, term, kind, grep, where].some((value) => value !== undefined);
}

/** Flags that need no quotes in a shell. */
const PLAIN_WORD = /^[\w.,:/@%+=-]+$/;

/** The flags as they can be typed again, on one line; undefined where nothing is chosen. */
export function selectionWords(flags: SelectionFlags): SelectionWords | undefined {
  if (!isSelecting(flags)) return undefined;
  const { from, to, term, kind = [], grep, where } = flags;
  const given: readonly (readonly [string, unknown])[] = [
    ['from', from],
    ['to', to],
    ['term', term],
    ...kind.map((each) => ['kind', each] as const),
    ['grep', grep],
    ['where', where],
  ];
  const words = given
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${quoted(String(value))}`);
  return { words: words.join(' '), isRange: from !== undefined || to !== undefined };
}

/** As a shell takes a word. What could move a terminal's cursor is a dot. */
function quoted(text: string): string {
  if (PLAIN_WORD.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''").replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '.')}'`;
}

/** The selection that the flags name. Errors: `usage`. */
export function selectionOf(flags: SelectionFlags): Promise<Selection> {
  // A command has other flags beside these, and they choose nothing.
  const { from, to, term, kind: kinds, grep, where } = flags;
  return Selection.of({ from, to, term, kinds, grep, where });
}

/** A sentence where entries were chosen and there was none: else an empty answer looks like an empty log. */
export function noMatchLine(flags: SelectionFlags, { read, shown }: MatchCount): string | undefined {
  const chosen = selectionWords(flags);
  if (shown > 0 || chosen === undefined) return undefined;
  return `0 of ${counted(read, 'entry', 'entries')}${chosen.isRange ? ' that were read' : ''} match.`;
}

function parseUint64(text: string, what: string): bigint {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= UINT64_MAX) return value;
  throw usage(`This needs ${what}, a whole number from 0 to ${UINT64_MAX}; it got "${text}".`);
}
