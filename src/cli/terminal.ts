/**
 * Whether the whole terminal may be drawn on: somebody looks at it and types, and it is none of those that only print.
 * Ink itself draws nothing where it takes the environment for one of continuous integration.
 */
export function hasFullScreen(): boolean {
  const { CI, CONTINUOUS_INTEGRATION, TERM } = process.env;
  const isPeople = CI === undefined && CONTINUOUS_INTEGRATION === undefined && TERM !== 'dumb';
  return isPeople && process.stdin.isTTY && process.stdout.isTTY;
}
