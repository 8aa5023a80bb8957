import type { Configuration } from '../lib/configuration.ts';
import { decodePayload, type Payload, type PayloadKind } from '../lib/entry.ts';
import type { ProblemKind } from '../logfmt/damage.ts';
import { configurationWords } from './entry-words.ts';
import type { LogLocation } from './locate.ts';
import { previewOf } from './preview.ts';
import type { LogProgress } from './progress.ts';
import { type ReadOptions, readLog, type SegmentItem } from './read-log.ts';
import { readableText } from './readable.ts';
import { type MatchCount, type Selection, Selector } from './selection.ts';

/** One line of `raft log dump`: an entry, or damage in its place. A uint64 is a decimal string. */
export type DumpRow = DumpEntry | DumpDamage;

interface DumpEntry {
  /** The segment's file name, where a directory is dumped. */
  readonly segment?: string;
  readonly offset: number;
  readonly index: string;
  readonly term: string;
  /** Bytes of COMMAND. */
  readonly size: number;
  readonly kind: PayloadKind;
  /** Of kind `session`: the client's session, and the command's sequence in it. */
  readonly session?: string;
  readonly sequence?: string;
  readonly checksum: 'ok';
  /** COMMAND in base64, as it stands in the file. */
  readonly command: string;
  /** Of kind `session`: what the client sent, in base64. */
  readonly clientCommand?: string;
  /** Of kind `configuration`: who is a member. */
  readonly configuration?: Configuration;
  /** What the entry says as text; null where that is no UTF-8. */
  readonly text: string | null;
}

interface DumpDamage {
  readonly segment?: string;
  readonly offset: number;
  readonly length: number;
  readonly problem: ProblemKind;
  readonly detail: string;
}

/** One row of the plain table of `raft log inspect`. */
export type InspectRow = InspectEntry | InspectDamage;

interface InspectEntry {
  readonly type: 'entry';
  readonly segment: string;
  readonly offset: number;
  readonly index: string;
  readonly term: string;
  readonly kind: PayloadKind;
  /** Of kind `session`: the client's session, and the command's sequence in it. */
  readonly session?: string;
  readonly sequence?: string;
  readonly size: number;
  readonly checksum: 'ok';
  /** The command as far as it can be shown on one line: see `previewOf`. */
  readonly preview: string;
}

interface InspectDamage {
  readonly type: 'damage';
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
  readonly problem: ProblemKind;
  readonly detail: string;
  readonly fatal: boolean;
}

/** How rows are wanted. */
export interface RowOptions extends ReadOptions {
  /** Which of them; all unless given. */
  readonly selection?: Selection;
  /** Is shown every item that is read, whether it is wanted or not. */
  readonly progress?: LogProgress | undefined;
  /** Counts what is read and what of it is wanted. */
  readonly matches?: MatchCount;
}

/** The rows of `raft log dump`, in order and in bounded memory. */
export async function* dumpLog(
  location: LogLocation,
  options: RowOptions = {},
): AsyncGenerator<DumpRow, void> {
  for await (const item of selectedItems(location, options)) yield dumpRow(item, location);
}

/** The rows of `raft log inspect`, in order and in bounded memory. */
export async function* inspectLog(
  location: LogLocation,
  options: RowOptions = {},
): AsyncGenerator<InspectRow, void> {
  for await (const item of selectedItems(location, options)) yield inspectRow(item);
}

/** The items of a log that somebody wants, in order and in bounded memory. */
export async function* selectedItems(
  location: LogLocation,
  { selection, progress, matches, ...options }: RowOptions,
): AsyncGenerator<SegmentItem, void> {
  const selector = selection === undefined ? undefined : new Selector(selection);
  for await (const found of readLog(selection?.segmentsOf(location) ?? location, options)) {
    progress?.see(found);
    const verdict = selector?.see(found.item) ?? { isShown: true, isOver: false };
    matches?.see(found.item, verdict);
    if (verdict.isShown) yield found;
    if (verdict.isOver) return;
  }
}

/** One item of a log as a line of `raft log dump`. */
function dumpRow({ segment, item }: SegmentItem, location: Pick<LogLocation, 'kind'>): DumpRow {
  const where = location.kind === 'directory' ? { segment: segment.name } : {};
  if (item.type === 'problem') {
    const { offset, length, kind, detail } = item.problem;
    return { ...where, offset, length, problem: kind, detail };
  }
  const { offset, index, term, command } = item.frame;
  const payload = decodePayload(command);
  return {
    ...where,
    offset,
    index: index.toString(),
    term: term.toString(),
    size: command.length,
    kind: payload.kind,
    ...placeOf(payload),
    checksum: 'ok',
    command: base64(command),
    ...(payload.kind === 'session' ? { clientCommand: base64(payload.command) } : {}),
    ...(payload.kind === 'configuration' ? { configuration: payload.configuration } : {}),
    text: readableText(payload) ?? null,
  };
}

/** One item of a log as a row of `raft log inspect`. */
export function inspectRow({ segment, item }: SegmentItem): InspectRow {
  if (item.type === 'problem') {
    const { kind, offset, length, detail, fatal } = item.problem;
    return { type: 'damage', segment: segment.name, offset, length, problem: kind, detail, fatal };
  }
  const { offset, index, term, command } = item.frame;
  const payload = decodePayload(command);
  return {
    type: 'entry',
    segment: segment.name,
    offset,
    index: index.toString(),
    term: term.toString(),
    kind: payload.kind,
    ...placeOf(payload),
    size: command.length,
    checksum: 'ok',
    preview: previewOfPayload(payload),
  };
}

/** What an entry says on one line: a command as it was sent, a configuration in the words of the inspector's list. */
export function previewOfPayload(payload: Payload): string {
  if (payload.kind === 'configuration') return configurationWords(payload.configuration);
  return 'command' in payload ? previewOf(payload.command) : '';
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function placeOf(payload: Payload): { readonly session?: string; readonly sequence?: string } {
  if (payload.kind !== 'session') return {};
  const { session, sequence } = payload.place;
  return { session, sequence: String(sequence) };
}
