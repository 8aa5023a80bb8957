import { describe, expect, it } from 'vitest';
import { failureJson, failureOf, failureText } from '../../src/cli/failure.ts';
import { jsonLine } from '../../src/cli/json.ts';
import { createLineLogger } from '../../src/cli/line-logger.ts';
import { prose } from '../../src/cli/prose.ts';
import { RaftError } from '../../src/lib/errors.ts';

describe('JSON', () => {
  it('is one line, whatever the value: falsy ones and bigints too', () => {
    const values: readonly [unknown, string][] = [
      [0, '0\n'],
      [false, 'false\n'],
      ['', '""\n'],
      [null, 'null\n'],
      [undefined, 'null\n'],
      [{ id: 2n ** 64n - 1n, lines: 'a\nb' }, '{"id":"18446744073709551615","lines":"a\\nb"}\n'],
      ['\u009b2J\u007f', '"\\u009b2J\\u007f"\n'],
    ];
    for (const [value, line] of values) expect(jsonLine(value)).toBe(line);
  });
});

describe('a failure', () => {
  it('keeps the code, the suggestions and the leader of the error, and the exit code of the table', () => {
    const leader = { id: '18446744073709551615', url: 'http://127.0.0.1:7600' };
    const failure = failureOf(
      new RaftError('not-leader', 'Not me.', { suggestions: ['raft leader show'], leader }),
    );

    expect(failure.exitCode).toBe(69);
    expect(failureJson(failure)).toEqual({
      error: { code: 'not-leader', message: 'Not me.', suggestions: ['raft leader show'], leader },
    });
    expect(failureText(failure)).toBe('Error: Not me.\n  raft leader show\n');
  });

  it('of an unforeseen kind is 1, and says how to see more', () => {
    for (const thrown of [new TypeError('x is not a function'), 'text', undefined]) {
      const failure = failureOf(thrown);

      expect(failure).toMatchObject({ code: 'unexpected', exitCode: 1 });
      expect(failureText(failure)).toMatch(/^Error: Something unexpected happened: .*\.\n {2}Set DEBUG=\*/);
    }
  });
});

describe('the lines of a node', () => {
  it('stay one line each, in both formats', () => {
    const written: string[] = [];
    createLineLogger('text', (line) => written.push(line)).warn('one\ntwo');
    createLineLogger('json', (line) => written.push(line)).info('one\ntwo');

    expect(written[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z warn one two\n$/);
    expect(JSON.parse(written[1] ?? '')).toMatchObject({ level: 'info', message: 'one\ntwo' });
    expect(written[1]?.indexOf('\n')).toBe((written[1]?.length ?? 0) - 1);
  });
});

describe('prose', () => {
  it('is one paragraph, with its values', () => {
    expect(prose`One,
      two and
      ${3}.`).toBe('One, two and 3.');
  });
});
