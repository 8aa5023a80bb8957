import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { INDEX_ZERO, parseLogIndex, parseTerm, TERM_ZERO } from '../../lib/brands.ts';
import type { LogPosition } from '../ports.ts';

/** Before the first entry, and where a message does not say. */
export const LOG_START: LogPosition = { term: TERM_ZERO, index: INDEX_ZERO };

/** Whether a log that ends here is more up to date than one that ends there (§5.4.1). */
export function isLater(position: LogPosition, other: LogPosition): boolean {
  return position.term > other.term || (position.term === other.term && position.index > other.index);
}

/** With which a message says where the log of its sender ends. */
export function positionHeaders({ term, index }: LogPosition): Readonly<Record<string, string>> {
  return { [HEADERS.lastLogTerm]: String(term), [HEADERS.lastLogIndex]: String(index) };
}

/** Where the log of the sender of a message ends. */
export function positionIn(headers: IncomingHttpHeaders): LogPosition {
  const term = headers[HEADERS.lastLogTerm];
  const index = headers[HEADERS.lastLogIndex];
  if (typeof term !== 'string' || typeof index !== 'string') return LOG_START;
  return { term: parseTerm(term) ?? TERM_ZERO, index: parseLogIndex(index) ?? INDEX_ZERO };
}
