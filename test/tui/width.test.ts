import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, textWidth, wrapText, wrapWords } from '../../src/tui/width.ts';

describe('the width of a text on a terminal', () => {
  it.each([
    ['plain', 5],
    ['ключ', 4],
    ['日本語', 6],
    ['e\u0301', 1],
    ['😀!', 3],
    ['│░█', 3],
  ])('%s: %d columns', (text, columns) => {
    expect(textWidth(text)).toBe(columns);
  });

  it('is never exceeded by what is cut, and nothing of a text is lost where it is wrapped', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', '語', '😀', 'e\u0301', '…'), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 20 }), (whole, columns) => {
        expect(textWidth(cutText(whole, columns))).toBeLessThanOrEqual(columns);
        const pieces = wrapText(whole, columns);
        expect(pieces.join('')).toBe(whole);
        for (const piece of [...pieces, ...wrapWords(whole, columns)]) {
          expect(textWidth(piece)).toBeLessThanOrEqual(columns);
        }
        expect(wrapWords(whole, columns).join('').replaceAll(' ', '')).toBe(whole.replaceAll(' ', ''));
      }),
    );
  });

  it('breaks a sentence between words, and a word only where it is too long', () => {
    expect(wrapWords('a node refuses checksum-mismatch', 10)).toEqual([
      ...['a node', 'refuses', 'checksum-m', 'ismatch'],
    ]);
  });
});
