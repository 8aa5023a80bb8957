/**
 * One JSON document on one line, with a newline at the end. A bigint is written as a string of decimal digits, since
 * most readers of JSON round numbers beyond 2^53; undefined, which JSON does not know, becomes null.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );
  return `${text ?? 'null'}\n`;
}
