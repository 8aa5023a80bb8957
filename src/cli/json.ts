/**
 * One JSON document on one line, with a newline at the end. A bigint is written as a string of decimal digits, since
 * most readers of JSON round numbers beyond 2^53; undefined, which JSON does not know, becomes null. Control characters that
 * JSON allows as they are, and terminals obey, are escaped like the others: to a reader that is the same text.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );
  return `${(text ?? 'null').replaceAll(/[\u007f-\u009f]/g, escaped)}\n`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
