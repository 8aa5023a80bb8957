import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../src/lib/entry.ts';
import { briefWords } from '../../src/logtools/entry-words.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';

const LONG_IDS = ['9712652715133124761', '9712652715133124762', '9712652715133124763'];

describe('an entry in brief', () => {
  it.each<[string, Content, string]>([
    [
      'a command of a session',
      { session: 1, sequence: 1, text: '{"op":"put","key":"a","value":"b"}' },
      'put "a" = "b"',
    ],
    ['a command as text', 'delete a', 'delete "a"'],
    ['a command of another machine', 'SET a b', 'SET a b'],
    ['what could move a cursor', 'put a \u009bH', 'put "a" = ".H"'],
    ['what leads to more', `put a ${'b'.repeat(40)}`, `put "a" = "${'b'.repeat(12)}…`],
    ['a list of one', '{"op":"list","prefix":"a","limit":1}', 'list at most 1 key with…'],
    ['an entry that says nothing', NOOP, ''],
    ['a configuration', { voters: LONG_IDS }, '3 voters: 971265271513…'],
    ['a configuration of one', { voters: ['1'] }, '1 voter: 1'],
    ['a joint configuration', { voters: LONG_IDS, oldVoters: ['1'] }, '1 + 3 voters: 1 + 971…'],
  ])('says %s where there is little room', (_name, content, words) => {
    const [entry] = entriesOf([[1, content]]);
    expect(
      briefWords(decodePayload(entry?.command ?? new Uint8Array()), words.endsWith('…') ? words.length : 24),
    ).toBe(words);
  });
});
