import { type LogIndex, logIndex } from '../../lib/brands.ts';

/** Names in a data directory (design: "On disk"). Segments of the log are named by the index of their first entry. */
export const NODE_FILE = 'node.json';
export const STATE_FILE = 'state';
export const COMMIT_FILE = 'commit';
export const PEERS_FILE = 'peers';
export const LOCK_FILE = 'lock';
export const LOG_DIRECTORY = 'log';

const SEGMENT_SUFFIX = '.log';
const SEGMENT_DIGITS = 20;
const SEGMENT_NAME = /^([0-9]{20})\.log$/;

/** Where the segment stands whose first entry has index `firstIndex`. */
export function segmentPath(firstIndex: LogIndex): string {
  return `${LOG_DIRECTORY}/${String(firstIndex).padStart(SEGMENT_DIGITS, '0')}${SEGMENT_SUFFIX}`;
}

/** The first index of the segment with this name, or undefined where it is no segment's name. */
export function parseSegmentName(name: string): LogIndex | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const firstIndex = Number(digits);
  return firstIndex >= 1 && Number.isSafeInteger(firstIndex) ? logIndex(firstIndex) : undefined;
}
