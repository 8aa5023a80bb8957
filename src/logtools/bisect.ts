import { EntryValues } from './expression/entry-values.ts';
import { Expression, type ExpressionSubject } from './expression/expression.ts';
import type { LogLocation } from './locate.ts';
import { Replay, type ReplayedChange, type ReplayOptions, replayLog } from './replay.ts';
import { type InspectRow, inspectRow } from './rows.ts';

/** What `--when` may ask: of the state after an entry, and of the entry itself. */
const WHEN_SUBJECT: ExpressionSubject = {
  flag: '--when',
  variables: {
    ...{ state: 'map<string, string>', index: 'int', term: 'int' },
    ...{ kind: 'string', op: 'string', key: 'string', value: 'string' },
  },
  example: 'state["greeting"] == "hello" && size(state) > 10',
};

/** The state after an entry, as the variables of `WHEN_SUBJECT`. What takes decoding is read only where it is asked for. */
class Moment {
  readonly #replay: Replay;
  readonly #entry: EntryValues | undefined;

  /** Without an entry it is the empty state, before the first one. */
  constructor(replay: Replay, entry?: EntryValues) {
    this.#replay = replay;
    this.#entry = entry;
  }

  get state(): ReadonlyMap<string, string> {
    return this.#replay.values;
  }

  get index(): bigint {
    return this.#entry?.index ?? 0n;
  }

  get term(): bigint {
    return this.#entry?.term ?? 0n;
  }

  get kind(): string {
    return this.#entry?.kind ?? '';
  }

  get op(): string {
    return this.#entry?.op ?? '';
  }

  get key(): string {
    return this.#entry?.key ?? '';
  }

  get value(): string {
    return this.#entry?.value ?? '';
  }
}

/** What a search came to. */
export type BisectResult =
  /** After this entry the condition holds, and before it it does not. */
  | {
      readonly type: 'found';
      readonly row: InspectRow;
      readonly change: ReplayedChange | null;
      readonly keys: number;
    }
  /** It holds from the empty state on, or never: no entry up to this index makes it true. */
  | { readonly type: 'none'; readonly lastIndex: bigint; readonly holdsThroughout: boolean };

/** A condition for `bisectLog`. Errors: `usage`. */
export function compileWhen(text: string): Promise<Expression<Moment>> {
  return Expression.compile<Moment>(text, WHEN_SUBJECT);
}

/**
 * Finds the first entry that makes a condition true, by applying the log from its beginning: a condition may come and go,
 * so that halving would find one of its changes, and not the first.
 */
export async function bisectLog(
  location: LogLocation,
  when: Expression<Moment>,
  options: ReplayOptions = {},
): Promise<BisectResult> {
  const replay = new Replay();
  let lastIndex = 0n;
  let held = when.holds(new Moment(replay));
  const heldAtFirst = held;
  let everChanged = false;
  for await (const { found, frame, change } of replayLog(location, replay, options)) {
    lastIndex = frame.index;
    const holds = when.holds(new Moment(replay, new EntryValues(frame)));
    if (holds && !held) {
      return { type: 'found', row: inspectRow(found), change: change ?? null, keys: replay.values.size };
    }
    everChanged ||= holds !== held;
    held = holds;
  }
  return { type: 'none', lastIndex, holdsThroughout: heldAtFirst && !everChanged };
}
