import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../src/lib/bytes.ts';
import { KeyReader } from '../../src/tui/key-reader.ts';

const ESC = '\u001b';

/** The longest time that Esc may take to be known as such, in milliseconds. */
const ESCAPE_MS_MAX = 50;

/** A reader, and the keys that it has given, each in one word. */
function reader(): { readonly take: (text: string) => void; readonly keys: string[] } {
  const keys: string[] = [];
  const inner = new KeyReader((key) => keys.push(key.type === 'text' ? key.character : key.type));
  return { keys, take: (text) => inner.take(utf8(text)) };
}

describe('what a terminal sends', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is Esc after a short time where ESC is all', () => {
    const { take, keys } = reader();
    take(ESC);
    expect(keys).toEqual([]);
    vi.advanceTimersByTime(ESCAPE_MS_MAX);
    expect(keys).toEqual(['escape']);
    take('j');
    expect(keys).toEqual(['escape', 'j']);
  });

  it.each([
    ['in one read', [`${ESC}:7\r`]],
    ['in two', [ESC, ':7\r']],
  ])('is Esc and the next keys where those begin no sequence, %s', (_, reads) => {
    const { take, keys } = reader();
    for (const read of reads) take(read);
    expect(keys).toEqual(['escape', ':', '7', 'enter']);
  });

  it('is Esc as often as ESC comes, before a sequence too', () => {
    const { take, keys } = reader();
    take(`${ESC}${ESC}${ESC}[A`);
    expect(keys).toEqual(['escape', 'escape', 'up']);
    take(`${ESC}\u0003`);
    expect(keys.slice(3)).toEqual(['escape', 'interrupt']);
  });

  it('is the same key wherever reads cut its sequence, even if they come late', () => {
    for (const [sequence, name] of [
      [`${ESC}[A`, 'up'],
      [`${ESC}OB`, 'down'],
      [`${ESC}[1;5H`, 'home'],
      [`${ESC}[4~`, 'end'],
      [`${ESC}[5;2~`, 'page-up'],
      [`${ESC}[[6~`, 'page-down'],
      [`${ESC}[6$`, 'page-down'],
      [`${ESC}[15~`, undefined],
      [`${ESC}[[A`, undefined],
    ] as const) {
      for (let cut = 0; cut < sequence.length; cut++) {
        const { take, keys } = reader();
        take(sequence.slice(0, cut));
        vi.advanceTimersByTime(cut === 1 ? 10 : 200);
        take(sequence.slice(cut));
        vi.advanceTimersByTime(1000);
        expect(keys, JSON.stringify([sequence, cut])).toEqual(name === undefined ? [] : [name]);
      }
    }
  });

  it('is Esc and characters where a sequence begins and never goes on', () => {
    const { take, keys } = reader();
    take(`${ESC}[`);
    vi.advanceTimersByTime(1000);
    expect(keys).toEqual(['escape', '[']);
    take(`${ESC}O\r`);
    expect(keys.slice(2)).toEqual(['escape', 'O', 'enter']);
  });

  it('is text in any language, cut within a character too', () => {
    const keys: string[] = [];
    const inner = new KeyReader((key) => keys.push(key.type === 'text' ? key.character : key.type));
    const bytes = utf8('кл☃😀\t');
    for (let at = 0; at < bytes.length; at += 3) inner.take(bytes.subarray(at, at + 3));
    expect(keys).toEqual(['к', 'л', '☃', '😀']);
  });
});
