import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { KEY_BYTES_MAX, LIST_BYTES_MAX } from '../../src/lib/limits.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';

/** A machine that is spoken to in texts and JSON values, and counts the indexes itself. */
function conversation(machine = new KvMachine()) {
  let index = 0;
  return {
    machine,
    say(command: string | object): unknown {
      index++;
      const text = typeof command === 'string' ? command : JSON.stringify(command);
      return JSON.parse(textOf(machine.apply(logIndex(index), utf8(text))));
    },
    ask(query: string | object): unknown {
      return JSON.parse(
        textOf(machine.query(utf8(typeof query === 'string' ? query : JSON.stringify(query)))),
      );
    },
  };
}

describe('the key-value machine', () => {
  it('takes what a person types', () => {
    const { say } = conversation();
    expect(say('put greeting hello world ')).toEqual({ ok: true, index: 1 });
    expect(say('get greeting')).toEqual({ ok: true, found: true, value: 'hello world ', index: 1 });
    expect(say('delete greeting')).toEqual({ ok: true, found: true });
    expect(say('delete greeting')).toEqual({ ok: true, found: false });
    expect(say('get greeting')).toEqual({ ok: true, found: false });
  });

  it('takes one line break at the end of a typed line for the end of the line', () => {
    const { say } = conversation();
    say('put a 1\n');
    say('put b 2\r\n');
    say('put c line one\nline two\n');
    expect(say('get a\n')).toMatchObject({ value: '1' });
    expect(say('get b')).toMatchObject({ value: '2' });
    expect(say('get c')).toMatchObject({ value: 'line one\nline two' });
  });

  it('takes JSON, and tells the index of the command that wrote a value', () => {
    const { say } = conversation();
    say({ op: 'put', key: 'a', value: '1' });
    say({ op: 'put', key: 'a', value: '2' });
    expect(say({ op: 'get', key: 'a' })).toEqual({ ok: true, found: true, value: '2', index: 2 });
    expect(say({ op: 'delete', key: 'a' })).toEqual({ ok: true, found: true });
  });

  it('compares and sets, where null stands for an absent key', () => {
    const { say } = conversation();
    const cas = (expect: string | null, value: string) => say({ op: 'cas', key: 'k', expect, value });
    expect(cas('x', 'y')).toEqual({ ok: true, swapped: false, found: false });
    expect(cas(null, 'a')).toEqual({ ok: true, swapped: true, index: 2 });
    expect(cas(null, 'b')).toEqual({ ok: true, swapped: false, found: true, value: 'a' });
    expect(cas('a', 'b')).toEqual({ ok: true, swapped: true, index: 4 });
    expect(say('get k')).toMatchObject({ value: 'b', index: 4 });
  });

  it('keeps keys of any Unicode, the names of JavaScript properties among them', () => {
    const { say } = conversation();
    for (const key of ['__proto__', 'constructor', 'ключ', '☃ 値', '\u{1f600}', '\ud800']) {
      expect(say({ op: 'get', key })).toEqual({ ok: true, found: false });
      say({ op: 'put', key, value: key });
      expect(say({ op: 'get', key })).toMatchObject({ found: true, value: key });
    }
  });

  it('answers what is no command with an error, and changes nothing', () => {
    const { machine, say } = conversation();
    say('put a 1');
    const before = machine.snapshot();
    const nonsense = [
      '',
      ' ',
      'hello',
      'put',
      'put a',
      'get',
      'get a b',
      'PUT a 1',
      'delete  a',
      '{',
      '{}',
      '{"op":"put"}',
      '{"op":"put","key":1,"value":"v"}',
      '{"op":"put","key":"k","value":2}',
      '{"op":"put","key":"","value":"v"}',
      '{"op":"put","key":"k","value":"v","valeu":"w"}',
      '{"op":"cas","key":"a","value":"2"}',
      '{"op":"list","limit":0}',
      '{"op":"list","limit":1.5}',
      '{"op":"list","prefix":null,"limit":"9"}',
      '{"__proto__":{"op":"put","key":"a","value":"x"}}',
      '{"op":"__proto__"}',
      '[]',
      'null',
      '7',
    ];
    for (const command of nonsense) {
      expect(say(command), command).toMatchObject({ ok: false, error: { code: expect.any(String) } });
    }
    const notUtf8 = machine.apply(logIndex(99), Uint8Array.of(0xff, 0xfe));
    expect(JSON.parse(textOf(notUtf8))).toMatchObject({ ok: false, error: { code: 'bad-command' } });
    expect(machine.snapshot()).toEqual(before);
  });

  it('refuses a key that is too long', () => {
    const { say } = conversation();
    expect(say({ op: 'put', key: 'k'.repeat(KEY_BYTES_MAX), value: '' })).toMatchObject({ ok: true });
    expect(say({ op: 'put', key: 'k'.repeat(KEY_BYTES_MAX + 1), value: '' })).toMatchObject({
      error: { code: 'bad-key' },
    });
  });

  it('answers a query that it does not understand, or that would write, with an error', () => {
    const { ask, say } = conversation();
    say('put a 1');
    expect(ask('get a')).toEqual({ ok: true, found: true, value: '1', index: 1 });
    for (const query of ['put a 2', 'nonsense', '{"op":"delete","key":"a"}']) {
      expect(() => ask(query)).toThrow(RaftError);
    }
    expect(ask('get a')).toMatchObject({ value: '1' });
  });
});

describe('lists of the key-value machine', () => {
  it('give keys by prefix in the order of their code units', () => {
    const { say, ask } = conversation();
    for (const key of ['b', 'a/2', 'a/10', 'a', '\uffff', '\u{10000}', 'a/1'])
      say({ op: 'put', key, value: 'v' });
    const keys = (query: object) => listed(ask({ op: 'list', ...query })).map((item) => item.key);
    expect(keys({})).toEqual(['a', 'a/1', 'a/10', 'a/2', 'b', '\u{10000}', '\uffff']);
    expect(keys({ prefix: 'a/' })).toEqual(['a/1', 'a/10', 'a/2']);
    expect(keys({ prefix: 'c' })).toEqual([]);
    expect(say({ op: 'list', prefix: 'b' })).toEqual({
      ok: true,
      items: [{ key: 'b', value: 'v', index: 1 }],
      more: false,
    });
  });

  it('end at their limit, say that there is more, and go on after the last key', () => {
    const { say, ask } = conversation();
    for (let i = 0; i < 10; i++) say(`put key${i} v`);
    const first = ask({ op: 'list', prefix: 'key', limit: 4 });
    expect(first).toMatchObject({ more: true });
    const after = listed(first).at(-1)?.key;
    expect(after).toBe('key3');
    const second = ask({ op: 'list', prefix: 'key', after });
    expect(second).toMatchObject({ more: false });
    expect(listed(second).map((item) => item.key)).toEqual(['key4', 'key5', 'key6', 'key7', 'key8', 'key9']);
    expect(listed(ask({ op: 'list', prefix: 'key', after: 'a' }))).toHaveLength(10);
    expect(listed(ask({ op: 'list', prefix: 'key', after: 'z' }))).toEqual([]);
  });

  it('are bounded in bytes', () => {
    const { say, ask } = conversation();
    for (let i = 0; i < 5; i++) say({ op: 'put', key: `k${i}`, value: 'x'.repeat(LIST_BYTES_MAX / 3) });
    const answer = ask({ op: 'list' });
    expect(listed(answer)).toHaveLength(2);
    expect(answer).toMatchObject({ more: true });
  });

  it('stay fast between writes to a hundred thousand keys', () => {
    const { say, machine } = conversation();
    for (let i = 0; i < 100_000; i++) say(`put k${(i * 7919) % 100_000} v`);
    const query = utf8(JSON.stringify({ op: 'list', prefix: 'k5', limit: 10 }));
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) {
      say(`put new${i} v`);
      machine.query(query);
    }
    // A store that sorted all keys again for each list would take tens of seconds.
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('a snapshot of the key-value machine', () => {
  it('gives back the same state, and the same bytes whatever the order of the writes', () => {
    const one = conversation();
    const two = conversation();
    for (const command of ['put a x', 'put b 2', 'put a 1']) one.say(command);
    for (const command of ['put b x', 'put b 2', 'put a 1']) two.say(command);
    expect(two.machine.snapshot()).toEqual(one.machine.snapshot());
    const copy = new KvMachine();
    copy.apply(logIndex(9), utf8('put gone 1'));
    copy.restore(one.machine.snapshot());
    expect(copy.snapshot()).toEqual(one.machine.snapshot());
    expect(conversation(copy).ask({ op: 'list' })).toEqual(one.ask({ op: 'list' }));
  });

  it('that is damaged is refused, and leaves the state as it was', () => {
    const { machine, say, ask } = conversation();
    say('put a 1');
    say('put b 2');
    const whole = machine.snapshot();
    say('put a 3');
    const text = textOf(whole);
    const damaged = [
      whole.subarray(0, -1),
      whole.subarray(0, text.lastIndexOf('["b"')),
      utf8(''),
      utf8('nonsense\n'),
      utf8(text.replace('raft-kv', 'raft-vk')),
      utf8(text.replace('["b"', '[7')),
      utf8(text.replace('"b"', '"b')),
    ];
    for (const bytes of damaged) expect(() => machine.restore(bytes)).toThrow(RaftError);
    expect(ask('get a')).toMatchObject({ value: '3' });
  });

  it('round-trips any store, which behaves like a plain map', () => {
    const key = fc.oneof(
      fc.constantFrom('a', 'b', 'ab', '__proto__'),
      fc.string({ minLength: 1, maxLength: 5, unit: 'binary' }),
    );
    const command = fc.oneof(
      fc.record({ op: fc.constant('put'), key, value: fc.string({ unit: 'binary' }) }),
      fc.record({ op: fc.constant('delete'), key }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const { machine, say, ask } = conversation();
        const model = new Map<string, string>();
        for (const each of commands) {
          say(each);
          if ('value' in each) model.set(each.key, each.value);
          else model.delete(each.key);
        }
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(listed(ask({ op: 'list' })).map((item) => [item.key, item.value])).toEqual(sorted);
        const copy = new KvMachine();
        copy.restore(machine.snapshot());
        expect(conversation(copy).ask({ op: 'list' })).toEqual(ask({ op: 'list' }));
      }),
    );
  });
});

interface Item {
  readonly key: string;
  readonly value: string;
}

function listed(answer: unknown): readonly Item[] {
  expect(answer).toMatchObject({ ok: true, items: expect.any(Array) });
  return typeof answer === 'object' && answer !== null && 'items' in answer && Array.isArray(answer.items)
    ? answer.items
    : [];
}
