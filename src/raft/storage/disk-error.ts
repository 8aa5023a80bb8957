import { dirname } from 'node:path';
import { diskCodeOf } from '../../lib/disk-full.ts';
import { RaftError } from '../../lib/errors.ts';
import { isForbidden } from '../../lib/forbidden.ts';

/**
 * The failure of the operating system to `verb` the file at `path`, as the user is told of it: `disk-full`,
 * `not-permitted` or `disk-failed`.
 */
export function diskError(verb: string, path: string, cause: unknown): RaftError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (diskCodeOf(cause) === 'disk-full') {
    return new RaftError('disk-full', `Cannot ${verb} ${path}: no space is left for it (${reason}).`, {
      cause,
      suggestions: [
        `Make room on the file system (df -h '${dirname(path)}'), or raise the quota or file size limit (ulimit -f).`,
        'Start the node again: what it acknowledged is kept.',
      ],
    });
  }
  if (isForbidden(cause)) {
    return new RaftError('not-permitted', `Cannot ${verb} ${path}: ${reason}.`, {
      cause,
      suggestions: [
        `Do it as the user that these files belong to: ls -ld '${dirname(path)}' '${path}'`,
        'Or give this user the right to read and write them.',
      ],
    });
  }
  return new RaftError('disk-failed', `Cannot ${verb} ${path}: ${reason}.`, {
    cause,
    suggestions: [suggestionFor(systemCodeOf(cause), path), 'Start the node again once that is mended.'],
  });
}

function suggestionFor(systemCode: string | undefined, path: string): string {
  switch (systemCode) {
    case 'EROFS':
      return `Mount the file system of ${path} for writing.`;
    case 'EMFILE':
    case 'ENFILE':
      return 'Raise the limit of open files (ulimit -n).';
    default:
      return `Check the disk under ${path} (dmesg | tail): after a failed write its content is not to be trusted.`;
  }
}

/** The code that Node gives a failure of the operating system (`ENOENT`), or undefined where it is none. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
