import { type Context, createContext, Script } from 'node:vm';
import { RaftError } from '../lib/errors.ts';
import { SEARCH_STEP_MS_MAX, SEARCH_TEXT_CHARACTERS_MAX } from '../lib/limits.ts';
import { decodeFrame } from '../logfmt/frame.ts';
import { shownTexts } from './entry-words.ts';
import { EntryValues } from './expression/entry-values.ts';
import { LogFile } from './log-file.ts';
import type { IndexedRow, LogLookup } from './log-index.ts';

/** What is looked for in a log, and from where. */
export interface SearchRequest {
  /** A JavaScript regular expression over what an entry says as text and what the list shows of it, as for `--grep`. */
  readonly pattern: string;
  readonly direction: 'forward' | 'backward';
  /** The row from which on the search goes, itself not included. */
  readonly fromRow: number;
}

export interface SearchOptions {
  readonly signal: AbortSignal;
  /** Called now and then with the row that it has come to. */
  readonly onProgress?: (row: number) => void;
  /** Asked before each step: the search goes on once this resolves. */
  readonly mayGoOn?: () => Promise<void>;
}

/** So much of a log is read and looked at in one step: some milliseconds, and no more than a frame beyond it in memory. */
const STEP_BYTES = 512 * 1024;
const STEP_ROWS = 4_096;

/** A part of a log that is looked at in one step: rows from `from` to before `to`, of one segment. */
interface Step {
  readonly from: number;
  readonly to: number;
}

/**
 * The nearest row in a direction that matches by its text or by what the list shows of it, or undefined where there is
 * none, or the signal came. Each text is looked at as far as `SEARCH_TEXT_CHARACTERS_MAX`. Errors: `usage` for what is no
 * regular expression, and for one that takes too long; `no-such-file`, `not-permitted`, `disk-failed`.
 */
export async function findRow(
  log: LogLookup,
  request: SearchRequest,
  { signal, onProgress, mayGoOn }: SearchOptions,
): Promise<number | undefined> {
  const matcher = new Matcher(request.pattern);
  const isForward = request.direction === 'forward';
  let at = isForward ? request.fromRow + 1 : request.fromRow;
  while (!signal.aborted && (isForward ? at < log.rowCount : at > 0)) {
    await mayGoOn?.();
    const step = isForward ? stepFrom(log, at) : stepBefore(log, at);
    const found = await findInStep(log, step, { matcher, isForward });
    if (found !== undefined) return signal.aborted ? undefined : found;
    at = isForward ? step.to : step.from;
    onProgress?.(at);
  }
  return undefined;
}

function stepFrom(log: LogLookup, from: number): Step {
  const first = log.rowAt(from);
  let to = from + 1;
  while (to < log.rowCount && to - from < STEP_ROWS && isNear(log.rowAt(to), first)) to++;
  return { from, to };
}

function stepBefore(log: LogLookup, to: number): Step {
  const last = log.rowAt(to - 1);
  let from = to - 1;
  while (from > 0 && to - from < STEP_ROWS && isNear(last, log.rowAt(from - 1))) from--;
  return { from, to };
}

function isNear(later: IndexedRow, earlier: IndexedRow): boolean {
  return later.segment === earlier.segment && later.offset - earlier.offset <= STEP_BYTES;
}

async function findInStep(
  log: LogLookup,
  step: Step,
  { matcher, isForward }: { readonly matcher: Matcher; readonly isForward: boolean },
): Promise<number | undefined> {
  const rows: number[] = [];
  const entries: EntryValues[] = [];
  const first = log.rowAt(step.from);
  await using file = await LogFile.open(first.segment.path);
  const last = log.rowAt(step.to - 1);
  let block = await file.read(first.offset, last.offset - first.offset + STEP_BYTES);
  for (let row = step.from; row < step.to && row < log.rowCount; row++) {
    const { type, offset } = log.rowAt(row);
    if (type === 'damage') continue;
    const decoded = decodeFrame(block, offset - first.offset, offset);
    if (decoded.type === 'incomplete' && row === step.to - 1) {
      block = await file.read(offset, block.length - (offset - first.offset) + decoded.missingBytes);
    }
    const frame = decoded.type === 'incomplete' ? decodeFrame(block, 0, offset) : decoded;
    // What has changed meanwhile is no entry of this row any more.
    if (frame.type !== 'frame') continue;
    rows.push(row);
    entries.push(new EntryValues(frame.frame));
  }
  return rows[isForward ? firstOf(entries, matcher) : lastOf(entries, matcher)];
}

/** Words take decoding, so they are made only of entries that stand before the first one whose text matches; -1 for none. */
function firstOf(entries: readonly EntryValues[], matcher: Matcher): number {
  const byText = matcher.first(entries.map(textOf));
  const words = wordsOf(byText < 0 ? entries : entries.slice(0, byText));
  return words.entries[matcher.first(words.texts)] ?? byText;
}

/** The same from the end. */
function lastOf(entries: readonly EntryValues[], matcher: Matcher): number {
  const byText = matcher.last(entries.map(textOf));
  const words = wordsOf(entries.slice(byText + 1));
  const byWords = words.entries[matcher.last(words.texts)];
  return byWords === undefined ? byText : byText + 1 + byWords;
}

function textOf(entry: EntryValues): string {
  return entry.text.slice(0, SEARCH_TEXT_CHARACTERS_MAX);
}

/** What the list shows of entries, with the entry of each text by its place. */
interface Words {
  readonly texts: readonly string[];
  readonly entries: readonly number[];
}

function wordsOf(all: readonly EntryValues[]): Words {
  const texts: string[] = [];
  const entries: number[] = [];
  for (const [place, { payload }] of all.entries()) {
    for (const text of shownTexts(payload)) {
      texts.push(text.slice(0, SEARCH_TEXT_CHARACTERS_MAX));
      entries.push(place);
    }
  }
  return { texts, entries };
}

const FIRST = new Script('texts.findIndex((text) => pattern.test(text))');
const LAST = new Script('texts.findLastIndex((text) => pattern.test(text))');

/** A regular expression that cannot hold up the program: some take longer than anybody lives on a text of forty letters. */
class Matcher {
  /** What its scripts see: the expression, and the texts to look at. */
  readonly #scope: Context;

  constructor(pattern: string) {
    try {
      this.#scope = createContext({ pattern: new RegExp(pattern, 'u') });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RaftError('usage', reason, { cause: error });
    }
  }

  /** Where the first text stands that matches, or -1. */
  first(texts: readonly string[]): number {
    return this.#run(FIRST, texts);
  }

  last(texts: readonly string[]): number {
    return this.#run(LAST, texts);
  }

  #run(script: Script, texts: readonly string[]): number {
    this.#scope.texts = texts;
    try {
      return Number(script.runInContext(this.#scope, { timeout: SEARCH_STEP_MS_MAX }));
    } catch (error) {
      if (!isTimeout(error)) throw error;
      throw new RaftError('usage', 'The expression takes too long: give it a simpler one.', { cause: error });
    }
  }
}

/** The error of another context is no instance of this one's class. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
