import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/lib/bytes.ts';
import { KEY_BYTES_MAX } from '../../src/lib/limits.ts';
import { parseKvCommand } from '../../src/raft/machine/kv-command.ts';

/** The grammar of what a person types. Every version has to read it alike: replicas apply what others have read. */
const TYPED = /^(put|get|delete) (\S+)(?: (.*?))?\r?\n?$/s;

function byGrammar(text: string): object | undefined {
  const [, op, key = '', value] = TYPED.exec(text) ?? [];
  if (op === 'put') return value === undefined ? undefined : { op, key, value };
  return op !== undefined && value === undefined ? { op, key } : undefined;
}

const operation = fc.constantFrom('put ', 'get ', 'delete ', 'put', ' put ', '');
const word = fc.constantFrom('put', 'get', 'delete', 'k', 'key', 'ü', '\u2028', '\u00a0', 'v w');
const space = fc.constantFrom(' ', ' ', ' ', '  ', '\t', '\r', '\n', '\r\n', '\n\r', '\r\r\n', '');

describe('a typed command', () => {
  it('is read by the grammar, whatever blanks and line breaks it has', () => {
    let read = 0;
    fc.assert(
      fc.property(operation, fc.array(fc.tuple(word, space), { maxLength: 4 }), (op, parts) => {
        const text = op + parts.flat().join('');
        const parsed = parseKvCommand(utf8(text));
        const expected = byGrammar(text);
        if (expected !== undefined) read++;
        expect(parsed.ok ? parsed.command : undefined).toEqual(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(500);
  });

  it.each([
    ['put k v', { op: 'put', key: 'k', value: 'v' }],
    ['put k \r\n', { op: 'put', key: 'k', value: '' }],
    ['put k v\r\r\n', { op: 'put', key: 'k', value: 'v\r' }],
    ['put k v\n\n', { op: 'put', key: 'k', value: 'v\n' }],
    ['get k\r\n', { op: 'get', key: 'k' }],
  ])('%j is one', (text, command) => {
    expect(parseKvCommand(utf8(text))).toEqual({ ok: true, command });
  });

  it('has a key of bytes up to the limit, however many letters those are', () => {
    const isKey = (key: string) => parseKvCommand(utf8(`get ${key}`)).ok;
    for (const letter of ['a', 'ü', '€', '😀']) {
      const count = Math.floor(KEY_BYTES_MAX / utf8(letter).length);
      expect([isKey(letter.repeat(count)), isKey(letter.repeat(count + 1))]).toEqual([true, false]);
    }
  });
});
