import { harmlessLine, harmlessLines } from '../lib/harmless.ts';

/**
 * Whether the whole terminal may be drawn on: somebody looks at it and types, and it is none of those that only print.
 * Ink itself draws nothing where it takes the environment for one of continuous integration.
 */
export function hasFullScreen(): boolean {
  const { CI, CONTINUOUS_INTEGRATION, TERM } = process.env;
  const isPeople = CI === undefined && CONTINUOUS_INTEGRATION === undefined && TERM !== 'dumb';
  return isPeople && process.stdin.isTTY && process.stdout.isTTY;
}

/** What the text goes to: standard output unless told otherwise. */
type Stream = Pick<NodeJS.WriteStream, 'isTTY'>;

/**
 * A key, a value or a name that others chose, as part of a line: on a terminal without what could move its cursor, and as it
 * is for a program that reads it from a pipe or a file.
 */
export function lineFor(text: string, stream: Stream = process.stdout): string {
  return stream.isTTY ? harmlessLine(text) : text;
}

/** As `lineFor`, of a text that stands alone: it keeps its lines. */
export function linesFor(text: string, stream: Stream = process.stdout): string {
  return stream.isTTY ? harmlessLines(text) : text;
}
