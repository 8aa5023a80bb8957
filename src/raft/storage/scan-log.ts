import { present } from '../../lib/assert.ts';
import { INDEX_ZERO, type LogIndex, logIndex, term } from '../../lib/brands.ts';
import { configurationIn, ENTRY_MARK, isMarked } from '../../lib/entry.ts';
import { RaftError } from '../../lib/errors.ts';
import { INDEX_MAX } from '../../lib/limits.ts';
import { FRAME_HEADER_BYTES } from '../../logfmt/frame.ts';
import { type ScanResult, type ScanVisitor, scanLog } from '../../logfmt/scan.ts';
import type { LoggedConfiguration } from '../core/configuration-log.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { LOG_DIRECTORY, parseSegmentName } from './layout.ts';
import { Segment } from './segment.ts';
import { TermRuns } from './term-runs.ts';

/** A log as it was found, before anything is mended. */
export interface ScannedLog {
  readonly segments: readonly Segment[];
  /** Of all entries that are kept. */
  readonly terms: TermRuns;
  /** Those among the entries that are kept, in order. */
  readonly configurations: readonly LoggedConfiguration[];
  /** Whether the first entry is none of this program's. */
  readonly isBegunByOriginal: boolean;
  /** What the scan of the last segment found; undefined where there is no segment. */
  readonly last: ScanResult | undefined;
}

/**
 * Goes through all segments and notes where their entries stand. Errors: `damaged` for everything but a torn or zero
 * tail of the last segment, with the file, the offset, the kind of damage, and what to type next.
 */
export async function scanSegments(
  disk: Disk,
  directory: string,
  batchBytesMax: number,
): Promise<ScannedLog> {
  const firstIndexes = (await disk.list(LOG_DIRECTORY))
    .map(parseSegmentName)
    .filter((index) => index !== undefined);
  const segments: Segment[] = [];
  const terms = new TermRuns();
  const meaning: LogMeaning = { configurations: [], isBegunByOriginal: false };
  let last: ScanResult | undefined;
  for (const [position, firstIndex] of firstIndexes.entries()) {
    const segment = new Segment(firstIndex);
    refuseHole(segments.at(-1)?.lastIndex ?? INDEX_ZERO, segment, directory);
    const kind = position === firstIndexes.length - 1 ? 'last' : 'earlier';
    last = await scanSegment(disk, { segment, terms, meaning, kind, directory, batchBytesMax });
    segments.push(segment);
  }
  return { segments, terms, ...meaning, last };
}

/** The error for a log that a node does not start on. */
export function damagedLog(directory: string, message: string): RaftError {
  return new RaftError('damaged', message, {
    suggestions: [
      `raft log verify ${directory}   # names all damage`,
      `raft log inspect ${directory}   # shows the entries around it`,
      `raft log repair ${directory}   # says what can be done about it`,
    ],
  });
}

/** What the core has to know of the entries, noted on the way. */
interface LogMeaning {
  readonly configurations: LoggedConfiguration[];
  isBegunByOriginal: boolean;
}

interface SegmentScan {
  readonly segment: Segment;
  readonly terms: TermRuns;
  readonly meaning: LogMeaning;
  readonly kind: 'last' | 'earlier';
  readonly directory: string;
  readonly batchBytesMax: number;
}

async function scanSegment(disk: Disk, scan: SegmentScan): Promise<ScanResult> {
  const { segment, terms, meaning, kind, batchBytesMax } = scan;
  const file = present(await disk.open(segment.path, { create: false }), segment.path);
  try {
    const options = {
      fileBytes: await file.size(),
      segment: kind,
      firstIndex: BigInt(segment.firstIndex),
      previousTerm: BigInt(terms.lastTerm),
      batchBytesMax,
    };
    const visitor: ScanVisitor = {
      frame: (offset, index, frameTerm, size, bytes, at) => {
        // Frames behind a damage are good, but they are cut with it or the node does not start.
        if (offset !== segment.endBytes || index !== segment.lastIndex + 1 || frameTerm < terms.lastTerm)
          return;
        if (index > INDEX_MAX || !Number.isSafeInteger(frameTerm)) return;
        segment.append(FRAME_HEADER_BYTES + size);
        terms.append(logIndex(index), term(frameTerm));
        const command = at + FRAME_HEADER_BYTES;
        if (index === 1) meaning.isBegunByOriginal = !isMarked(bytes.subarray(command, command + size));
        if (bytes[command] !== ENTRY_MARK[0]) return;
        const configuration = configurationIn(bytes.subarray(command, command + size));
        if (configuration !== undefined)
          meaning.configurations.push({ index: logIndex(index), configuration });
      },
    };
    const result = await runScan(scanLog(options, visitor), file);
    refuseDamage(result, scan);
    return result;
  } finally {
    await file.close();
  }
}

async function runScan(scan: ReturnType<typeof scanLog>, file: DiskFile): Promise<ScanResult> {
  let step = scan.next();
  while (!step.done) step = scan.next(await file.pread(step.value.position, step.value.length));
  return step.value;
}

function refuseDamage(result: ScanResult, scan: SegmentScan): void {
  const { segment, directory } = scan;
  const worst = result.problems.find((problem) => problem.fatal);
  if (worst !== undefined) {
    const where = `${directory}/${segment.path} is damaged at offset ${worst.offset}`;
    throw damagedLog(directory, `${where} (${worst.kind}): ${worst.detail}.`);
  }
  // Only a term or an index beyond what a node counts with is good to the scanner and not to us.
  if (!result.fatal && segment.endBytes === result.keptBytes) return;
  const message = `${directory}/${segment.path} is not usable from offset ${segment.endBytes} on: its entries do not follow.`;
  throw damagedLog(directory, message);
}

function refuseHole(previousIndex: LogIndex, segment: Segment, directory: string): void {
  if (segment.firstIndex === previousIndex + 1) return;
  const message =
    `The log in ${directory} has entries up to ${previousIndex}, ` +
    `and its next file, ${segment.path}, begins with ${segment.firstIndex} (index-gap at offset 0).`;
  throw damagedLog(directory, message);
}
