import { RaftError } from '../lib/errors.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { shownTexts } from './entry-words.ts';
import { EntryValues, WHERE_SUBJECT } from './expression/entry-values.ts';
import { Expression } from './expression/expression.ts';
import type { LogLocation } from './locate.ts';
import type { LogItem } from './log-file.ts';

/** Which entries somebody wants to see. All that is given has to hold. */
export interface SelectionRequest {
  /** Indexes; both ends are included. */
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
  readonly term?: bigint | undefined;
  /** Any of these kinds. */
  readonly kinds?: readonly string[] | undefined;
  /** A regular expression over what the entry says as text, and over what a list shows of it: see `shownTexts`. */
  readonly grep?: string | undefined;
  /** A condition: see `WHERE_SUBJECT`. */
  readonly where?: string | undefined;
}

/** Where items come from: a log as it stands, or one that is followed, whose next item may be long in coming. */
export type ItemSource = 'standing' | 'followed';

/** What becomes of an item: whether it is shown, and whether it is the last to look at. */
export interface ItemVerdict {
  readonly isShown: boolean;
  readonly isOver: boolean;
}

const UINT64_MAX = 2n ** 64n - 1n;

/** How many entries of a log were read, and how many of them somebody wanted. Damage is no entry. */
export class MatchCount {
  read = 0;
  shown = 0;

  see(item: LogItem, { isShown }: Pick<ItemVerdict, 'isShown'>): void {
    if (item.type !== 'entry') return;
    this.read++;
    if (isShown) this.shown++;
  }
}

/** A request that was understood. */
export class Selection {
  readonly from: bigint;
  readonly to: bigint;
  readonly #request: SelectionRequest;
  readonly #grep: RegExp | undefined;
  readonly #where: Expression<EntryValues> | undefined;

  private constructor(
    request: SelectionRequest,
    {
      grep,
      where,
    }: { readonly grep: RegExp | undefined; readonly where: Expression<EntryValues> | undefined },
  ) {
    this.from = request.from ?? 0n;
    this.to = request.to ?? UINT64_MAX;
    this.#request = request;
    this.#grep = grep;
    this.#where = where;
  }

  /** Errors: `usage` for an empty range, and for what is no regular expression or no condition. */
  static async of(request: SelectionRequest): Promise<Selection> {
    const { from = 0n, to = UINT64_MAX, where } = request;
    if (from > to) throw new RaftError('usage', `The range from index ${from} to ${to} is empty.`);
    return new Selection(request, {
      grep: request.grep === undefined ? undefined : regularExpression(request.grep),
      where: where === undefined ? undefined : await Expression.compile<EntryValues>(where, WHERE_SUBJECT),
    });
  }

  /** Whether anything at all is asked for. */
  get isNarrowed(): boolean {
    return Object.values(this.#request).some((value) => value !== undefined);
  }

  /** Whether an entry is wanted, its index aside. */
  matches(frame: RawFrame): boolean {
    const { term, kinds } = this.#request;
    if (term !== undefined && frame.term !== term) return false;
    if (kinds === undefined && this.#grep === undefined && this.#where === undefined) return true;
    const values = new EntryValues(frame);
    if (kinds !== undefined && !kinds.includes(values.kind)) return false;
    if (this.#grep !== undefined && !isFound(this.#grep, values)) return false;
    return this.#where === undefined || this.#where.holds(values);
  }

  /** The segments of a log in which entries of the range can stand: those that end before it are passed over. */
  segmentsOf(location: LogLocation): LogLocation {
    const { segments } = location;
    const start = segments.findLastIndex(
      ({ firstIndex }, at) => at > 0 && firstIndex !== undefined && firstIndex <= this.from,
    );
    const [first, ...rest] = segments.slice(Math.max(0, start));
    return first === undefined || start <= 0
      ? location
      : { ...location, segments: [first, ...rest], isPart: true };
  }
}

/**
 * Goes along the items of a log and says which are wanted. Damage has no index: it belongs to the entry before it, and is
 * shown wherever that stands in the range, whatever else is asked for, so that nobody overlooks it. The range ends the
 * reading, since indexes only rise in a log; where they do not, it still holds everything up to the first entry beyond it.
 * Of a log that is followed the last entry of the range ends it: what stands behind that may never come.
 */
export class Selector {
  readonly #selection: Selection;
  readonly #source: ItemSource;
  #position = 0n;

  constructor(selection: Selection, source: ItemSource = 'standing') {
    this.#selection = selection;
    this.#source = source;
  }

  see(item: LogItem): ItemVerdict {
    const { from, to } = this.#selection;
    if (item.type === 'entry') this.#position = item.frame.index;
    if (this.#position > to) return { isShown: false, isOver: true };
    const isInside = this.#position >= from;
    const isShown = isInside && (item.type === 'problem' || this.#selection.matches(item.frame));
    return { isShown, isOver: this.#source === 'followed' && item.type === 'entry' && this.#position === to };
  }
}

function isFound(pattern: RegExp, values: EntryValues): boolean {
  return pattern.test(values.text) || shownTexts(values.payload).some((text) => pattern.test(text));
}

function regularExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RaftError('usage', `--grep needs a regular expression: ${reason}.`, {
      suggestions: ['Put a backslash before a character that is to stand for itself: --grep "a\\.b"'],
      cause: error,
    });
  }
}
