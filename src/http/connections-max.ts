import { CONNECTIONS_MAX, DESCRIPTORS_RESERVED } from '../lib/limits.ts';
import { field } from './json.ts';

/**
 * How many connections a server may take in this process: a client must not be able to use up the descriptors that the
 * log needs. Where the system does not tell its limit (`unlimited`, or Windows), there is none to respect.
 */
export function connectionsMax(report: object = process.report.getReport()): number {
  const openFilesMax = Number(field(field(field(report, 'userLimits'), 'open_files'), 'soft'));
  if (Number.isNaN(openFilesMax)) return CONNECTIONS_MAX;
  return Math.max(1, Math.min(CONNECTIONS_MAX, openFilesMax - DESCRIPTORS_RESERVED));
}
