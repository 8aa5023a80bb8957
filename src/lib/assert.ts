/**
 * Thrown where the program contradicts itself. It is never an answer to bad input: whoever sees one has found a bug.
 */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Stops the program where `condition` does not hold, in production too: a node that is wrong must not go on. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** Ends an exhaustive switch: the compiler proves that it is never reached. */
export function assertNever(value: never, what = 'case'): never {
  throw new AssertionFailure(`Unknown ${what}: ${JSON.stringify(value)}`);
}

/** The value, asserted to be there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(`Missing ${what}`);
  return value;
}
