import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RaftError } from '../lib/errors.ts';
import { isForbidden } from '../lib/forbidden.ts';

/** One file of a log. */
export interface SegmentFile {
  readonly path: string;
  /** The file's name alone, as it stands in reports. */
  readonly name: string;
  /** The index that the file's name promises for its first entry; undefined where it promises none. */
  readonly firstIndex: bigint | undefined;
}

/** A log that was found: a file on its own, or the segments of a data directory in order, at least one. */
export interface LogLocation {
  readonly kind: 'file' | 'directory';
  /** What was asked for. */
  readonly path: string;
  readonly segments: readonly [SegmentFile, ...SegmentFile[]];
  /**
   * Where the segments end: with the `last` of their log, whose tail a crash may have torn; or with an `earlier` one,
   * where a segment was named by its path and later ones stand beside it.
   */
  readonly end: 'last' | 'earlier';
  /** Segments before these were left out, because nobody asks for them. */
  readonly isPart?: true;
}

/** Where a data directory keeps its segments. */
export const LOG_DIRECTORY = 'log';

/** A segment is named by its first index, twenty digits. What is no index names none, to a node neither. */
const SEGMENT_NAME = /^([0-9]{20})\.log$/;

/**
 * Finds a log by a path: a log file, a node's data directory, or the `log` directory in it. Throws `no-such-file` where
 * there is none. That a name may also be a node of the cluster in this directory is the command line's affair.
 */
export async function locateLog(path: string): Promise<LogLocation> {
  const found = await statOf(path);
  if (found.isFile()) {
    const segment = segmentFile(path);
    return { kind: 'file', path, segments: [segment], end: await roleOf(segment) };
  }
  if (!found.isDirectory()) {
    throw new RaftError('no-such-file', `${path} is neither a file nor a directory, so it holds no log.`, {
      suggestions: ['Copy what comes from a pipe or a device to a file first.'],
    });
  }
  const inside = await segmentsIn(join(path, LOG_DIRECTORY));
  const [first, ...rest] = inside.length > 0 ? inside : await segmentsIn(path);
  if (first === undefined) {
    throw new RaftError('no-such-file', `The directory ${path} holds no log.`, {
      suggestions: [
        `Name a data directory: its segments stand in ${LOG_DIRECTORY}/00000000000000000001.log and so on.`,
      ],
    });
  }
  return { kind: 'directory', path, segments: [first, ...rest], end: 'last' };
}

/** The segments in a directory, in the order of their first indexes; none where the directory is missing. */
export async function segmentsIn(directory: string): Promise<readonly SegmentFile[]> {
  let items: readonly Dirent[];
  try {
    items = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(directory, error);
  }
  return items
    .filter((item) => item.isFile())
    .map((item) => segmentFile(join(directory, item.name)))
    .filter(({ firstIndex }) => firstIndex !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The data directory that a log stands in, or undefined for a file on its own. */
export function dataDirectoryOf(location: LogLocation): string | undefined {
  const directory = dirname(resolve(location.segments[0].path));
  return basename(directory) === LOG_DIRECTORY ? dirname(directory) : undefined;
}

/** Whether a segment is the last of the directory that it stands in. A file with another name is a log on its own. */
export async function roleOf(segment: SegmentFile): Promise<'last' | 'earlier'> {
  if (segment.firstIndex === undefined) return 'last';
  const beside = await segmentsIn(dirname(segment.path));
  return beside.some(({ name }) => name > segment.name) ? 'earlier' : 'last';
}

/** The file as a segment; what its name promises is read from it. */
function segmentFile(path: string): SegmentFile {
  const name = basename(path);
  const firstIndex = BigInt(SEGMENT_NAME.exec(name)?.[1] ?? 0);
  const isIndex = firstIndex >= 1n && firstIndex <= BigInt(Number.MAX_SAFE_INTEGER);
  return { path, name, firstIndex: isIndex ? firstIndex : undefined };
}

/** Whether a failure says that a file or directory is not there. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** The error that users see where a file cannot be read: `no-such-file` or `not-permitted` where it is one of these. */
export function unreadable(path: string, error: unknown): RaftError {
  if (isMissing(error)) {
    return new RaftError('no-such-file', `There is no file or directory ${path}.`, {
      suggestions: [
        'Name a log file, a data directory, or a node of the cluster in this directory or below --dir.',
      ],
      cause: error,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  const isRefused = isForbidden(error);
  return new RaftError(isRefused ? 'not-permitted' : 'disk-failed', `${path} cannot be read: ${reason}`, {
    suggestions: [
      isRefused
        ? 'Run the command as the user that the node runs as.'
        : `Look at the disk that holds ${path}.`,
    ],
    cause: error,
  });
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}
