/** Whether the operating system refused something because this user may not do it. */
export function isForbidden(error: unknown): boolean {
  const systemCode = error instanceof Error && 'code' in error ? error.code : undefined;
  return systemCode === 'EACCES' || systemCode === 'EPERM';
}
