import { describe, expect, it } from 'vitest';
import { type LogIndex, logIndex, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import type { Persist } from '../../src/raft/core/effects.ts';
import { mergePersist } from '../../src/raft/runtime/merge-effects.ts';

describe('two persists become one that leaves the disk as both would', () => {
  it('entries follow each other', () => {
    expect(merged(persist({ entries: '3/1 4/1' }), persist({ entries: '5/1' }))).toBe('3/1 4/1 5/1');
  });

  it('a truncation drops what would only have been appended, and does not reach the disk', () => {
    const earlier = persist({ entries: '3/1 4/1 5/1' });
    expect(merged(earlier, persist({ truncateFrom: 4, entries: '4/2' }))).toBe('3/1 4/2');
  });

  it('a truncation below them reaches the disk, and drops them all', () => {
    const earlier = persist({ entries: '3/1 4/1' });
    expect(merged(earlier, persist({ truncateFrom: 2, entries: '2/2' }))).toBe('cut from 2; 2/2');
  });

  it('the deeper of two truncations counts', () => {
    const earlier = persist({ truncateFrom: 3, entries: '3/2 4/2' });
    expect(merged(earlier, persist({ truncateFrom: 4, entries: '4/3' }))).toBe('cut from 3; 3/2 4/3');
    expect(merged(earlier, persist({ truncateFrom: 2, entries: '2/3' }))).toBe('cut from 2; 2/3');
    expect(merged(persist({ truncateFrom: 3 }), persist({ truncateFrom: 5 }))).toBe('cut from 3; ');
  });

  it('the later hard state counts, and stays where there is no later one', () => {
    const voted = persist({ term: 2 });
    expect(mergePersist(voted, persist({ entries: '3/2' })).hardState?.currentTerm).toBe(2);
    expect(mergePersist(voted, persist({ term: 3 })).hardState?.currentTerm).toBe(3);
  });
});

let sequence = 0;

function persist(of: { term?: number; truncateFrom?: number; entries?: string }): Persist {
  const { truncateFrom, entries = '' } = of;
  return {
    sequence: ++sequence,
    entries: entries.split(' ').filter(Boolean).map(entryOf),
    ...(truncateFrom === undefined ? {} : { truncateFrom: logIndex(truncateFrom) }),
    ...(of.term === undefined
      ? {}
      : { hardState: { currentTerm: term(of.term), votedFor: null, abstainThrough: logIndex(0) } }),
  };
}

function entryOf(text: string): Entry {
  const [index = 0, ownTerm = 0] = text.split('/').map(Number);
  return { index: logIndex(index), term: term(ownTerm), command: utf8(text) };
}

/** "cut from INDEX; entries", as the disk would see it. */
function merged(earlier: Persist, later: Persist): string {
  const whole = mergePersist(earlier, later);
  expect(whole.sequence).toBe(later.sequence);
  const cut: LogIndex | undefined = whole.truncateFrom;
  const entries = whole.entries.map((entry) => `${entry.index}/${entry.term}`).join(' ');
  return cut === undefined ? entries : `cut from ${cut}; ${entries}`;
}
