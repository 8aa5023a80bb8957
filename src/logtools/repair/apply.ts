import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { present } from '../../lib/assert.ts';
import { logIndex } from '../../lib/brands.ts';
import { diskCodeOf } from '../../lib/disk-full.ts';
import { RaftError } from '../../lib/errors.ts';
import { SCAN_CHUNK_BYTES } from '../../lib/limits.ts';
import { sum } from '../../lib/sum.ts';
import { encodeRawFrame } from '../../logfmt/frame.ts';
import { encodeState } from '../../logfmt/records.ts';
import { dataDirectoryOf, type LogLocation, type SegmentFile } from '../locate.ts';
import { LogFile } from '../log-file.ts';
import type { OnProgress } from '../progress.ts';
import { syncDirectory } from '../sync-directory.ts';
import type { Donor } from './donor.ts';
import { readState, stateFile } from './node-state.ts';
import type { Piece, RepairPlan } from './plan.ts';
import { replaceFile } from './replace-file.ts';

/** What was done to one file. */
export interface RepairedFile {
  readonly file: string;
  /** Where its original bytes are. */
  readonly kept: string;
  /** The file is gone: nothing of it was left. */
  readonly isRemoved: boolean;
}

/**
 * Does what a plan says. Whoever calls holds the lock of the data directory, and the log is the one that was planned for.
 * What the node has to know before its log is shorter becomes durable first; then each file is replaced at once by one that
 * is whole and synced, its original linked beside it under another name before. Other verdicts change nothing. A crash in
 * between leaves a log on which a node refuses to start, or one that is mended. Errors: `disk-full`, `disk-failed`,
 * `not-permitted`, `damaged`.
 */
export async function applyRepair(
  plan: RepairPlan,
  donor: Donor | undefined,
  onProgress: OnProgress = () => {},
): Promise<readonly RepairedFile[]> {
  if (plan.verdict !== 'repairable') return [];
  const { location } = plan.survey;
  const directory = dataDirectoryOf(location);
  try {
    if (directory !== undefined && plan.abstainThrough !== undefined)
      await noteAbstention(directory, plan.abstainThrough);
    const done: RepairedFile[] = [];
    const tell = tellOfPieces(plan.pieces, onProgress);
    for (const [at, segment] of location.segments.entries()) {
      const pieces = plan.pieces.filter((piece) => piece.segment === segment);
      if (isUnchanged(plan, segment, pieces)) tell(sum(pieces.map(pieceBytes)));
      else if (pieces.length > 0 || at === 0)
        done.push(await replaceSegment(segment, pieces, { donor, tell }));
      else done.push(await removeSegment(segment));
    }
    return done;
  } catch (error) {
    if (error instanceof RaftError) throw error;
    throw unfinished(location, error);
  }
}

function unfinished({ path, segments }: LogLocation, cause: unknown): RaftError {
  const code = diskCodeOf(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  const directory = dirname(segments[0].path);
  return new RaftError(code, `The repair of ${path} did not come to its end: ${reason}.`, {
    suggestions: [
      ...(code === 'disk-full'
        ? [
            `Make as much room again as the log takes on the file system (df -h '${directory}'), or raise the quota or file size limit (ulimit -f).`,
            'Then run the repair again.',
          ]
        : []),
      'Every original is still there, under its own name or with .damaged-N behind it.',
    ],
    cause,
  });
}

/** Whether nothing is done to a segment: every action is in another one, and no cut before it takes it along. */
function isUnchanged(plan: RepairPlan, segment: SegmentFile, pieces: readonly Piece[]): boolean {
  const isTouched = plan.actions.some((action) => action.segment === segment);
  return !isTouched && pieces.length === 1 && pieces[0]?.type === 'own' && pieces[0].offset === 0;
}

async function replaceSegment(
  segment: SegmentFile,
  pieces: readonly Piece[],
  { donor, tell }: { readonly donor: Donor | undefined; readonly tell: (moreBytes: number) => void },
): Promise<RepairedFile> {
  const { path } = segment;
  let kept = path;
  await replaceFile(path, {
    suffix: '.mended',
    write: async (output) => {
      await using source = await LogFile.open(path);
      for (const piece of pieces) {
        const chunks =
          piece.type === 'own' ? bytesOf(source, piece) : framesOf(present(donor, 'the other log'), piece);
        for await (const chunk of chunks) {
          await output.writeFile(chunk);
          if (piece.type === 'own') tell(chunk.length);
        }
      }
    },
    beforeRename: async () => {
      kept = await linkBeside(path);
    },
  });
  return { file: path, kept, isRemoved: false };
}

/** Whom to tell how many bytes of the log's own more are done. What comes from the other log is little beside them. */
function tellOfPieces(pieces: readonly Piece[], onProgress: OnProgress): (moreBytes: number) => void {
  const totalBytes = sum(pieces.map(pieceBytes));
  let doneBytes = 0;
  return (moreBytes) => {
    doneBytes += moreBytes;
    onProgress(doneBytes, totalBytes);
  };
}

function pieceBytes(piece: Piece): number {
  return piece.type === 'own' ? piece.end - piece.offset : 0;
}

async function removeSegment({ path }: SegmentFile): Promise<RepairedFile> {
  const kept = await linkBeside(path);
  await rm(path);
  await syncDirectory(dirname(path));
  return { file: path, kept, isRemoved: true };
}

async function* bytesOf(
  source: LogFile,
  { offset, end }: Extract<Piece, { type: 'own' }>,
): AsyncGenerator<Uint8Array, void> {
  for (let at = offset; at < end; at += SCAN_CHUNK_BYTES) {
    yield await source.read(at, Math.min(SCAN_CHUNK_BYTES, end - at));
  }
}

async function* framesOf(
  donor: Donor,
  { from, to }: Extract<Piece, { type: 'donor' }>,
): AsyncGenerator<Uint8Array, void> {
  for (let index = from; index <= to; index++) {
    const frame = await donor.entry(index);
    // Its node may have run on, but what was proven to be the same is never taken back.
    if (frame === undefined)
      throw new RaftError('damaged', `Entry ${index} of the other log is not there any more.`, {
        suggestions: [
          'Look at that log: raft log verify',
          'Run the repair again: nothing was replaced in this file.',
        ],
      });
    yield encodeRawFrame(frame);
  }
}

/** Gives a file a second name, `<file>.damaged-<n>` with the first n that is free, and makes it durable. */
async function linkBeside(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = `${path}.damaged-${number}`;
    try {
      await link(path, name);
      await syncDirectory(dirname(path));
      return name;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** Makes the node abstain from votes until a leader has carried it past an index (docs/FORMAT.md: `abstainThrough`). */
async function noteAbstention(directory: string, index: bigint): Promise<void> {
  const path = stateFile(directory);
  const decoded = await readState(path);
  if (decoded.type === 'damaged') {
    throw new RaftError('damaged', `${path} ${decoded.detail}. Without it no node starts on this log.`, {
      suggestions: ['Add this node to the cluster as a new one: with a new id and a blank data directory.'],
    });
  }
  const abstainThrough = logIndex(Math.max(Number(index), decoded.value.abstainThrough));
  const next = encodeState({ ...decoded.value, abstainThrough });
  await replaceFile(path, { suffix: '.new', write: (output) => output.writeFile(next) });
}
