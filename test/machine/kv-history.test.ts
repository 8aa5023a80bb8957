import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LogIndex, logIndex } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { HISTORY_CHANGES_MAX } from '../../src/lib/limits.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import { type HistoryLimits, KvHistory } from '../../src/raft/machine/kv-history.ts';
import type { Change, ChangeHistory, ChangeSelector } from '../../src/raft/ports.ts';

const EVERYTHING: ChangeSelector = { type: 'prefix', prefix: '' };

/** A machine with these limits to which the commands were applied, from index 1 on. */
function machineAfter(
  commands: readonly (string | object)[],
  limits: Partial<HistoryLimits> = {},
): KvMachine {
  const machine = new KvMachine(new KvHistory(limits));
  commands.forEach((command, at) => {
    const text = typeof command === 'string' ? command : JSON.stringify(command);
    machine.apply(logIndex(at + 1), utf8(text));
  });
  return machine;
}

/** All changes from an index on, page by page. */
function changesFrom(history: ChangeHistory, from: number, selector = EVERYTHING): readonly Change[] {
  const changes: Change[] = [];
  for (let next: LogIndex | undefined = logIndex(from); next !== undefined; ) {
    const page = history.read(next, selector);
    changes.push(...page.changes);
    next = page.next;
  }
  return changes;
}

describe('the history of the key-value machine', () => {
  it('has a put, a delete and a successful comparison, each under the index of its command', () => {
    const { changes } = machineAfter([
      'put a 1',
      { op: 'cas', key: 'a', expect: '1', value: '2' },
      'delete a',
    ]);
    expect(changesFrom(changes, 1)).toEqual([
      { index: 1, type: 'put', key: 'a', value: '1' },
      { index: 2, type: 'put', key: 'a', value: '2' },
      { index: 3, type: 'delete', key: 'a', value: null },
    ]);
  });

  it('has nothing of what changed nothing', () => {
    const { changes } = machineAfter([
      'get a',
      'delete a',
      { op: 'cas', key: 'a', expect: '1', value: '2' },
      'nonsense',
    ]);
    expect(changesFrom(changes, 1)).toEqual([]);
    expect(changes.oldestIndex).toBe(1);
  });

  it('shows the changes of one key, or of a prefix', () => {
    const { changes } = machineAfter(['put a 1', 'put a/b 2', 'put b 3', 'put a/c 4']);
    const indexes = (selector: ChangeSelector) =>
      changesFrom(changes, 1, selector).map((change) => change.index);
    expect(indexes({ type: 'key', key: 'a' })).toEqual([1]);
    expect(indexes({ type: 'prefix', prefix: 'a/' })).toEqual([2, 4]);
    expect(indexes({ type: 'prefix', prefix: 'a' })).toEqual([1, 2, 4]);
  });

  it('keeps the last ones, by count, and says which is the oldest index that can be had', () => {
    const commands = Array.from({ length: 10 }, (_, i) => `put k${i} v`);
    const { changes } = machineAfter(commands, { changesMax: 4 });
    expect(changes.oldestIndex).toBe(7);
    expect(changesFrom(changes, 7).map((change) => change.index)).toEqual([7, 8, 9, 10]);
  });

  it('keeps the last ones, by bytes, down to none where one alone is too large', () => {
    const { changes } = machineAfter(['put a 1', 'put b 2', `put c ${'x'.repeat(1_000)}`], {
      bytesMax: 1_000,
    });
    expect(changes.oldestIndex).toBe(4);
    expect(changesFrom(changes, 4)).toEqual([]);
  });

  it('goes on with the next command after a snapshot, which holds nothing of it', () => {
    const commands = ['put a 1', 'put b 2'];
    const machine = machineAfter(commands);
    const copy = new KvMachine();
    copy.restore(machine.snapshot());
    expect(copy.changes.oldestIndex).toBeGreaterThan(1_000_000);
    copy.apply(logIndex(9), utf8('put c 3'));
    expect(copy.changes.oldestIndex).toBe(9);
    expect(changesFrom(copy.changes, 9)).toEqual([{ index: 9, type: 'put', key: 'c', value: '3' }]);
    machine.apply(logIndex(9), utf8('put c 3'));
    expect(copy.snapshot()).toEqual(machine.snapshot());
  });

  it('from any index equals what a replay of the log says, for any limits and pages', () => {
    const key = fc.constantFrom('a', 'b', 'ab', '__proto__');
    const value = fc.string({ unit: 'binary', maxLength: 4 });
    const command = fc.oneof(
      fc.record({ op: fc.constant('put'), key, value }),
      fc.record({ op: fc.constant('delete'), key }),
      fc.record({ op: fc.constant('cas'), key, expect: fc.option(value), value }),
      fc.record({ op: fc.constant('get'), key }),
    );
    const limits = fc.record({
      changesMax: fc.integer({ min: 1, max: 12 }),
      bytesMax: fc.integer({ min: 1, max: 2_000 }),
      pageChangesMax: fc.integer({ min: 1, max: 5 }),
      pageBytesMax: fc.integer({ min: 1, max: 500 }),
    });
    const selector = fc.oneof(
      fc.record({ type: fc.constant('key' as const), key }),
      fc.record({ type: fc.constant('prefix' as const), prefix: fc.constantFrom('', 'a', '_', 'x') }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), limits, selector, (commands, bounds, wanted) => {
        const { changes } = machineAfter(commands, bounds);
        const replayed = replay(commands).filter((change) => isWanted(change, wanted));
        for (let from = Number(changes.oldestIndex); from <= commands.length + 1; from++) {
          const expected = replayed.filter((change) => change.index >= from);
          expect(changesFrom(changes, from, wanted)).toEqual(expected);
        }
        expect(changes.oldestIndex).toBeLessThanOrEqual(commands.length + 1);
      }),
    );
  });

  it('stays small and fast under many changes', () => {
    const machine = new KvMachine();
    const rounds = 3 * HISTORY_CHANGES_MAX;
    for (let index = 1; index <= rounds; index++) machine.apply(logIndex(index), utf8('put k v'));
    expect(machine.changes.oldestIndex).toBe(rounds - HISTORY_CHANGES_MAX + 1);
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) machine.changes.read(logIndex(rounds), EVERYTHING);
    // A history that looked for its place from the beginning would take seconds.
    expect(performance.now() - start).toBeLessThan(500);
  });
});

interface Command {
  readonly op: string;
  readonly key: string;
  readonly value?: string;
  readonly expect?: string | null;
}

/** The changes of commands, from a plain map. */
function replay(commands: readonly Command[]): readonly Change[] {
  const items = new Map<string, string>();
  return commands.flatMap(({ op, key, value = '', expect: expected = null }, at): readonly Change[] => {
    const index = logIndex(at + 1);
    if (op === 'delete') return items.delete(key) ? [{ index, type: 'delete', key, value: null }] : [];
    const isWrite = op === 'put' || (op === 'cas' && (items.get(key) ?? null) === expected);
    if (!isWrite) return [];
    items.set(key, value);
    return [{ index, type: 'put', key, value }];
  });
}

function isWanted({ key }: Change, selector: ChangeSelector): boolean {
  return selector.type === 'key' ? key === selector.key : key.startsWith(selector.prefix);
}
