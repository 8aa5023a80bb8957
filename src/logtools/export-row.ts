import type { PayloadKind } from '../lib/entry.ts';
import type { RawFrame } from '../logfmt/frame.ts';
import { EntryValues } from './expression/entry-values.ts';
import { readableText } from './readable.ts';

/** One entry as a row of a table; null is what the entry does not have. */
export interface ExportRow {
  readonly index: bigint;
  readonly term: bigint;
  readonly segment: string;
  readonly offset: number;
  readonly size: number;
  readonly kind: PayloadKind;
  readonly session: string | null;
  readonly sequence: bigint | null;
  readonly op: string | null;
  readonly key: string | null;
  readonly value: string | null;
  readonly text: string | null;
  /** As it stands in the file: a view of the chunk that was read. */
  readonly command: Uint8Array;
  /** What a `cas` expects; also null where it expects that the key is absent. */
  readonly expect: string | null;
}

/** The columns of a table, in order: new ones at the end, so that those before keep their places in CSV. */
export const EXPORT_COLUMNS = [
  ...(['index', 'term', 'segment', 'offset', 'size', 'kind', 'session', 'sequence'] as const),
  ...(['op', 'key', 'value', 'text', 'command', 'expect'] as const),
] as const satisfies readonly (keyof ExportRow)[];

/** An entry as a row of whatever table. */
export function exportRow(frame: RawFrame, segment: string): ExportRow {
  const values = new EntryValues(frame);
  const { payload } = values;
  const isKv = values.op !== '';
  const inSession = payload.kind === 'session';
  return {
    index: frame.index,
    term: frame.term,
    segment,
    offset: frame.offset,
    size: frame.command.length,
    kind: payload.kind,
    session: inSession ? values.session : null,
    sequence: inSession ? values.sequence : null,
    op: isKv ? values.op : null,
    key: isKv && values.key !== '' ? values.key : null,
    value: values.op === 'put' || values.op === 'cas' ? values.value : null,
    text: readableText(payload) ?? null,
    command: frame.command,
    expect: values.expect,
  };
}
