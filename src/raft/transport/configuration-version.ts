import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { INDEX_ZERO, parseLogIndex, parseTerm, TERM_ZERO } from '../../lib/brands.ts';
import type { ConfigurationVersion } from '../ports.ts';

/** That of the configuration that a node was made with, and of whoever says none. */
export const FIRST_VERSION: ConfigurationVersion = { term: TERM_ZERO, index: INDEX_ZERO };

/**
 * Whether a configuration was made later than another, as logs are compared (§5.4.1). An index alone does not say: an
 * entry that was never committed may stand behind one of a later term that was. If `other` is committed, the log with
 * the later one holds it too (§5.4.3).
 */
export function isLater(version: ConfigurationVersion, other: ConfigurationVersion): boolean {
  return version.term > other.term || (version.term === other.term && version.index > other.index);
}

/** With which a message says by which configuration its sender goes. */
export function versionHeaders({ term, index }: ConfigurationVersion): Readonly<Record<string, string>> {
  return { [HEADERS.configurationTerm]: String(term), [HEADERS.configurationIndex]: String(index) };
}

/** By which configuration the sender of a message goes. */
export function versionIn(headers: IncomingHttpHeaders): ConfigurationVersion {
  const term = headers[HEADERS.configurationTerm];
  const index = headers[HEADERS.configurationIndex];
  if (typeof term !== 'string' || typeof index !== 'string') return FIRST_VERSION;
  return { term: parseTerm(term) ?? TERM_ZERO, index: parseLogIndex(index) ?? INDEX_ZERO };
}
