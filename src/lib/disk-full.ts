/** What systems say of a write for which there is no room: on the disk, in a quota, below the limit of a file's size. */
const FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The code for the failure of a write: a disk without room can be mended by whoever is told of it, and others cannot. */
export function diskCodeOf(error: unknown): 'disk-full' | 'disk-failed' {
  const systemCode = error instanceof Error && 'code' in error ? error.code : undefined;
  return FULL_CODES.has(systemCode) ? 'disk-full' : 'disk-failed';
}
