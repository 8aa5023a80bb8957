import { assertNever } from '../lib/assert.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { FRAME_BYTES_MIN, FRAME_HEADER_BYTES } from './frame.ts';
import {
  type Expectation,
  type Header,
  isPlausiblePrefix,
  isPlausibleSize,
  plausibleFields,
} from './header.ts';
import type { Trust } from './resync.ts';
import type { Disorder } from './run.ts';

/** What can be wrong with a log file (docs/FORMAT.md says what each one means and what a node does about it). */
export type ProblemKind =
  /** The last write did not finish: nothing from here on was ever acknowledged, as far as the file can tell. */
  | 'torn-tail'
  /** Only zeros after the last frame: the file was filled ahead. Normal after a crash. */
  | 'zero-tail'
  /** Bytes after the last frame that are not zeros and do not go on with the log. */
  | 'garbage-tail'
  /** A frame whose checksum is wrong, and other bytes after it. */
  | 'checksum-mismatch'
  /** SIZE reaches beyond the file or the limit. */
  | 'oversized'
  /** Good checksums, but entries are missing between two frames, or at the end where some are known to be committed. */
  | 'index-gap'
  /** Good checksums, but an index that was there before. */
  | 'index-repeat'
  /** Good checksums, but a term lower than the one before. */
  | 'term-regression'
  /** Nothing in the file is a frame. */
  | 'not-a-log';

/** One damage, as `raft log verify` prints it. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /**
   * Bytes that are no good frame; 0 for the three kinds of impossible order, whose frame is good in itself and follows,
   * or for entries that are missing at the end.
   * Good frames and problems together cover each byte of a file exactly once.
   */
  readonly length: number;
  /** The index that stands or should stand here, where that is known. */
  readonly index?: bigint;
  /** What was found, in words. */
  readonly detail: string;
  /** A node refuses to start on it. */
  readonly fatal: boolean;
}

/**
 * Whether it is the zeros behind the last frame of a log that was filled ahead. Every crash leaves them, and they take
 * nothing away: whoever counts damage, or looks for it, passes them over.
 */
export function isFilledAhead({ kind, fatal }: Pick<Problem, 'kind' | 'fatal'>): boolean {
  return kind === 'zero-tail' && !fatal;
}

/** What was found at a place where a frame should begin and none does. Offsets are in bytes from the start of the file. */
export interface Evidence {
  readonly offset: number;
  /** Where frames go on; the end of the file where they do not. */
  readonly end: number;
  /** The index of the frame that stands at `end`; undefined where none does. */
  readonly nextIndex: bigint | undefined;
  /** The end of the last byte of the file that is not zero: beyond `offset`. */
  readonly dataEnd: number;
  readonly fileBytes: number;
  readonly segment: 'last' | 'earlier';
  readonly header: Header;
  readonly expected: Expectation;
  /** `log` where good frames stand before. */
  readonly trust: Trust;
  /** A sector between here and `end`, before `dataEnd`, that was written and never reached the disk. */
  readonly lostSector: boolean;
  /** The bytes from here to `dataEnd` are no more than one unsynced batch. */
  readonly withinBatch: boolean;
  /** The search for the next frame was given up: the bytes look made to be expensive. */
  readonly gaveUp: boolean;
}

/** The verdict on a damaged stretch. */
export interface Verdict {
  readonly kind: ProblemKind;
  readonly detail: string;
}

/** Names the damage at a place (design: table of damages). The order of the questions is the order of the table. */
export function classify(evidence: Evidence): Verdict {
  const frame = describeFrame(evidence);
  if (evidence.gaveUp) {
    return {
      kind: 'checksum-mismatch',
      detail:
        'the search for the next good frame was given up: too many of what stands behind look like frames and do not go on with the log',
    };
  }
  if (evidence.lostSector && evidence.withinBatch && evidence.segment === 'last' && isLog(evidence)) {
    return {
      kind: 'torn-tail',
      detail: `a sector of the last batch never reached the disk: ${frame} was never whole`,
    };
  }
  if (evidence.nextIndex !== undefined) return classifyFollowed(evidence, frame);
  const tail = classifyTail(evidence, frame);
  if (evidence.trust === 'log' || (tail.kind === 'torn-tail' && isLog(evidence))) return tail;
  return { kind: 'not-a-log', detail: 'nothing in this file is a frame of a log' };
}

/** The end of the frame that the header promises, or undefined where SIZE is none. */
export function promisedEnd(evidence: Pick<Evidence, 'offset' | 'header'>): number | undefined {
  if (!isPlausibleSize(evidence.header.size)) return undefined;
  return evidence.offset + FRAME_HEADER_BYTES + evidence.header.size;
}

function classifyFollowed(evidence: Evidence, frame: string): Verdict {
  const end = promisedEnd(evidence);
  if (evidence.header.size > FRAME_COMMAND_BYTES_MAX || (end !== undefined && end > evidence.fileBytes)) {
    return {
      kind: 'oversized',
      detail: `${frame} claims ${evidence.header.size} bytes of command${lost(evidence)}`,
    };
  }
  return {
    kind: 'checksum-mismatch',
    detail: `the checksum of ${frame} does not match its bytes${lost(evidence)}`,
  };
}

/** Which entries stood in the stretch, where it is more than the one that is named already. */
function lost({ expected, nextIndex, offset, end }: Evidence): string {
  if (expected.index === undefined || nextIndex === undefined || nextIndex <= expected.index + 1n) return '';
  return nextIndex <= expected.index + lostMax(offset, end)
    ? `; entries ${expected.index} to ${nextIndex - 1n} stood here`
    : '';
}

/** So many entries can have stood in a stretch at most. */
export function lostMax(offset: number, end: number): bigint {
  return BigInt(Math.floor((end - offset) / FRAME_BYTES_MIN));
}

/** Damage behind which no good frame stands: the end of a write that did not finish, or something that was none. */
function classifyTail(evidence: Evidence, frame: string): Verdict {
  const { header, expected, dataEnd, offset, fileBytes } = evidence;
  const writtenBytes = dataEnd - offset;
  if (writtenBytes < FRAME_HEADER_BYTES || header.bytes < FRAME_HEADER_BYTES) {
    if (isPlausiblePrefix(header, Math.min(header.bytes, writtenBytes), expected)) {
      return { kind: 'torn-tail', detail: `${frame} is cut short inside its header` };
    }
    return garbage(evidence);
  }
  if (plausibleFields(header, expected) < 2) return garbage(evidence);
  const end = promisedEnd(evidence);
  if (end === undefined) {
    if (header.size > FRAME_COMMAND_BYTES_MAX) {
      return { kind: 'oversized', detail: `${frame} claims ${header.size} bytes of command, over the limit` };
    }
    return { kind: 'checksum-mismatch', detail: `${frame} claims to have no command` };
  }
  if (end > fileBytes) {
    return { kind: 'torn-tail', detail: `${frame} is cut short: ${end - fileBytes} bytes of it are missing` };
  }
  if (dataEnd <= end) {
    return { kind: 'torn-tail', detail: `${frame} is the last, and its checksum does not match its bytes` };
  }
  return {
    kind: 'checksum-mismatch',
    detail: `the checksum of ${frame} does not match, and no good frame follows`,
  };
}

function garbage(evidence: Evidence): Verdict {
  const bytes = evidence.dataEnd - evidence.offset;
  return {
    kind: 'garbage-tail',
    detail: `${bytes} bytes after the last frame are not zeros, and no frame in them goes on with the log`,
  };
}

/**
 * Whether bytes without any good frame may still be the beginning of a log: the first write to a file can be torn too.
 * Zeros where the first frame should begin say so only where the caller knows what the file is.
 */
function isLog(evidence: Evidence): boolean {
  if (evidence.trust === 'log' || evidence.nextIndex !== undefined) return true;
  if (evidence.dataEnd - evidence.offset < FRAME_HEADER_BYTES) return evidence.expected.index !== undefined;
  const isLostHeader = evidence.header.term === 0n && evidence.header.index === 0n;
  if (isLostHeader) return evidence.expected.index !== undefined;
  return plausibleFields(evidence.header, evidence.expected) === 3;
}

function describeFrame(evidence: Evidence): string {
  return evidence.expected.index === undefined
    ? 'the frame here'
    : `the frame of index ${evidence.expected.index}`;
}

/** The words for frames in an impossible order. */
export function describeDisorder(disorder: Disorder): string {
  const { kind, previous, found } = disorder;
  switch (kind) {
    case 'index-gap': {
      const missing = found.index - previous.index - 1n;
      const which =
        missing === 1n ? `${previous.index + 1n} is` : `${previous.index + 1n} to ${found.index - 1n} are`;
      return `index ${found.index} follows ${previous.index}: ${which} missing`;
    }
    case 'index-repeat':
      return `index ${found.index} (term ${found.term}) follows ${previous.index}: it was there before`;
    case 'term-regression':
      return `index ${found.index} has term ${found.term}, lower than term ${previous.term} before it`;
    default:
      return assertNever(kind, 'disorder');
  }
}
