import { strictTextOf } from '../lib/bytes.ts';

/** The value of a JSON text, or undefined where the bytes are none. */
export function jsonIn(body: Uint8Array): unknown {
  const text = strictTextOf(body);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is an ordinary answer here: it comes from another program.
    return undefined;
  }
}

/** An own field of a value of unknown shape. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
