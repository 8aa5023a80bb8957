import { expect, it } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { EntryWindow } from '../../src/raft/storage/entry-window.ts';

it('a window holds nothing below its first entry, also after its older entries gave way and its end was cut', () => {
  const window = new EntryWindow(2_000);
  window.append(entries(1, 40, 1));
  const oldest = Number(window.firstIndex);
  expect(oldest).toBeGreaterThan(1);
  window.truncateFrom(logIndex(oldest));
  window.append(entries(2, 30, 2));
  for (let index = 1; index <= 40; index++) {
    const held = window.get(logIndex(index));
    if (held !== undefined) expect([held.index, held.term]).toEqual([index, 2]);
  }
});

function entries(from: number, to: number, ofTerm: number) {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    index: logIndex(from + i),
    term: term(ofTerm),
    command: new Uint8Array(50),
  }));
}
