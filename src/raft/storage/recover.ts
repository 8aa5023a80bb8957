import { INDEX_ZERO, type LogIndex, logIndex } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import { decodeState, encodeState, type StateRecord } from '../../logfmt/records.ts';
import type { LoggedConfiguration } from '../core/configuration-log.ts';
import type { Disk } from '../ports.ts';
import type { CommitHint } from './commit-hint.ts';
import { cutTail } from './cut-tail.ts';
import { ROOT_DIRECTORY } from './disk-path.ts';
import { LOG_DIRECTORY, STATE_FILE } from './layout.ts';
import { OpenSegment } from './open-segment.ts';
import { damagedLog, type ScannedLog, scanSegments } from './scan-log.ts';
import { type LogLimits, SegmentedLog } from './segmented-log.ts';
import { readSmallFile, replaceFile } from './small-file.ts';

/** A log that is ready for use, and what goes with it. */
export interface RecoveredLog {
  readonly log: SegmentedLog;
  readonly hardState: StateRecord;
  readonly configurations: readonly LoggedConfiguration[];
  readonly isBegunByOriginal: boolean;
  readonly warnings: readonly string[];
}

/**
 * Reads hard state and log, mends what a crash leaves, and makes durable everything that it then tells: a process that
 * was killed may have written what it never synced. Nothing is changed before all reasons to refuse are ruled out.
 * Errors: `damaged`.
 */
export async function recoverLog(
  disk: Disk,
  options: { readonly directory: string; readonly hint: CommitHint; readonly limits: LogLimits },
): Promise<RecoveredLog> {
  const { directory, hint, limits } = options;
  const found = await readHardState(disk, directory);
  const scanned = await scanSegments(disk, directory, limits.batchBytesMax);
  refuseLoss(scanned, hint.index, directory);
  const warnings: string[] = [];
  const hardState = mendHardState(found, scanned, warnings);
  if (hardState !== found) await replaceFile(disk, STATE_FILE, encodeState(hardState));
  const open = await openLast(disk, scanned, limits);
  if (scanned.last?.tornTail !== undefined) {
    const kept = await cutTail(disk, open);
    warnings.push(
      `${directory}/${open.segment.path} was torn at offset ${open.segment.endBytes}, as a crash in the middle of ` +
        `a write leaves it: ${kept.bytes} bytes were cut, and are kept in ${directory}/${kept.path}.`,
    );
  }
  await open.rewriteTail(limits.batchBytesMax);
  await hint.prepare();
  await disk.fsyncDir(LOG_DIRECTORY);
  await disk.fsyncDir(ROOT_DIRECTORY);
  const closed = scanned.segments.slice(0, -1);
  return {
    log: new SegmentedLog(disk, { directory, closed, open, terms: scanned.terms }, limits),
    hardState,
    configurations: scanned.configurations,
    isBegunByOriginal: scanned.isBegunByOriginal,
    warnings,
  };
}

async function openLast(disk: Disk, scanned: ScannedLog, limits: LogLimits): Promise<OpenSegment> {
  const last = scanned.segments.at(-1);
  if (last === undefined) return await OpenSegment.create(disk, logIndex(1), limits);
  return await OpenSegment.open(disk, last, limits);
}

async function readHardState(disk: Disk, directory: string): Promise<StateRecord> {
  const bytes = await readSmallFile(disk, STATE_FILE, SMALL_BODY_BYTES_MAX);
  const decoded = bytes === undefined ? undefined : decodeState(bytes);
  if (decoded?.type === 'value') return decoded.value;
  const what = decoded === undefined ? 'is missing' : `is damaged: ${decoded.detail}`;
  throw new RaftError(
    'damaged',
    `${directory}/${STATE_FILE} ${what}. The node no longer knows its term and vote.`,
    {
      suggestions: [
        `Restore ${STATE_FILE} from a backup only if the node has not run since: with an older vote it could vote twice.`,
        'Or add this node to the cluster as a new one: with a new id and a blank data directory.',
      ],
    },
  );
}

/** Entries that are known to be committed must be there: without them the node would vote with a log that is too short. */
function refuseLoss(scanned: ScannedLog, hint: LogIndex, directory: string): void {
  const lastIndex = scanned.segments.at(-1)?.lastIndex ?? INDEX_ZERO;
  if (lastIndex >= hint) return;
  const torn = scanned.last?.tornTail;
  const path = scanned.segments.at(-1)?.path ?? LOG_DIRECTORY;
  const how =
    torn === undefined
      ? `The log in ${directory} ends with entry ${lastIndex}`
      : `${directory}/${path} is torn at offset ${torn.offset} (torn-tail), after entry ${lastIndex}`;
  throw damagedLog(
    directory,
    `${how}, but entries up to ${hint} are known to be committed: they must not be cut.`,
  );
}

/**
 * What the log says beyond the state file. Its last term is at least reached (hard state is durable before entries of
 * its term, so an older state file was put there by hand). A frame that is cut whole may have been acknowledged once,
 * so the node abstains until a leader has carried it past that entry (correctness: trap 28).
 */
function mendHardState(found: StateRecord, scanned: ScannedLog, warnings: string[]): StateRecord {
  let hardState = found;
  const { lastTerm } = scanned.terms;
  if (lastTerm > hardState.currentTerm) {
    warnings.push(
      `The state file says term ${hardState.currentTerm}, but the log has entries of term ${lastTerm}: ` +
        'the file is older than the log. The node goes on in the term of its log, without a vote.',
    );
    hardState = { ...hardState, currentTerm: lastTerm, votedFor: null };
  }
  const torn = scanned.last?.tornTail;
  if (torn?.maybeAcknowledged === true) {
    const lastCut = lastIndexCut(scanned);
    warnings.push(
      `Entry ${lastCut} was whole but for its checksum, and may have been acknowledged: until a leader has carried ` +
        'this node past it, the node neither votes nor campaigns.',
    );
    if (lastCut > hardState.abstainThrough) hardState = { ...hardState, abstainThrough: lastCut };
  }
  return hardState;
}

/** The highest index that is cut, as far as it is known; at least one entry is. */
function lastIndexCut(scanned: ScannedLog): LogIndex {
  const firstCut = (scanned.segments.at(-1)?.lastIndex ?? INDEX_ZERO) + 1;
  return logIndex(Math.max(firstCut, Number(scanned.last?.tornTail?.lastIndex ?? 0n)));
}
