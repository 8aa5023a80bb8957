import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RaftError } from '../../../src/lib/errors.ts';
import { encodeFrames, rawFrameAt } from '../../../src/logfmt/frame.ts';
import { EntryValues, WHERE_SUBJECT } from '../../../src/logtools/expression/entry-values.ts';
import { Expression } from '../../../src/logtools/expression/expression.ts';
import { entriesOf } from '../entries.ts';

const compile = (text: string) => Expression.compile<EntryValues>(text, WHERE_SUBJECT);
const frame = rawFrameAt(encodeFrames(entriesOf([[3, 'put greeting hello']], 7)), 0, 0);

/** Whether a condition holds for one entry: `put greeting hello`, index 7, term 3. */
async function holds(text: string): Promise<boolean> {
  return (await compile(text)).holds(new EntryValues(frame));
}

/** The message for a condition that is refused, with the lines that point at the place. */
async function refusal(text: string): Promise<readonly string[]> {
  try {
    await holds(text);
  } catch (error) {
    if (error instanceof RaftError && error.code === 'usage') return [error.message, ...error.suggestions];
    throw error;
  }
  return [];
}

describe('a condition', () => {
  it.each([
    ['index == 7', true],
    ['index > 18446744073709551614', false],
    ['index * 2 - term == 11', true],
    ['op == "put" && key == "greeting"', true],
    ["value.endsWith('lo') || false", true],
    ['!(kind == "noop")', true],
    ['text.contains("greet") ? size > 3 : false', true],
    ['["a", "b"].exists(x, text.contains(x))', false],
    ['size(text) == 18', true],
  ])('%s is %s', async (text, expected) => {
    expect(await holds(text)).toBe(expected);
  });

  it('may be over the largest uint64', async () => {
    const condition = await compile('index == 18446744073709551615');
    expect(condition.holds(new EntryValues({ ...frame, index: 2n ** 64n - 1n }))).toBe(true);
  });

  it('that is cut short is refused with the place', async () => {
    expect(await refusal('index > ')).toEqual([
      '--where is not understood at character 9: something is missing here.',
      'index > ',
      '        ^',
      'Known names: index, term, offset, size, kind, text, op, key, value, session, sequence.',
      `For example: --where 'op == "put" && key.startsWith("user/")'`,
    ]);
  });

  it.each([
    ['kind = "noop"', 6, '     ^'],
    ['term == 1 && idx == 4', 14, '             ^^^'],
    ['index == "a"', 1, '^^^^^^^^^^^^'],
    ['text.contains(1)', 1, '^^^^^^^^^^^^^^^^'],
    ['size', 1, '^^^^'],
    ['index / (term - 3) == 1', 1, '^^^^^^^^^^^^^^^^^'],
    ['text.matches("(")', 1, '^^^^^^^^^^^^^^^^^'],
    ['process.exit(1) == 1', 1, '^^^^^^^'],
  ])('%s is refused at character %i', async (text, character, mark) => {
    const [message, line, pointer] = await refusal(text);
    expect(message).toContain(`--where is not understood at character ${character}: `);
    expect([line, pointer]).toEqual([text, mark]);
  });

  it('of several lines is pointed at in its line', async () => {
    expect(await refusal('index > 3\n  && nothing')).toEqual(
      expect.arrayContaining(['  && nothing', '     ^^^^^^^']),
    );
  });

  it('that is nested too deep is refused, and does not exhaust the stack', async () => {
    const [message] = await refusal(`${'('.repeat(100_000)}true${')'.repeat(100_000)}`);
    expect(message).toContain('maxDepth');
  });

  it('has nothing of the program within reach', async () => {
    for (const text of [
      'constructor',
      '__proto__',
      'globalThis',
      'this',
      'toString',
      'kind.constructor',
      'hasOwnProperty("a")',
    ]) {
      expect(await refusal(`${text} == ${text}`), text).not.toEqual([]);
    }
  });
});

describe('any text at all', () => {
  const word = fc.constantFrom(
    ...[
      'index',
      'key',
      'text',
      'size',
      '"a"',
      "'b'",
      '1',
      '18446744073709551615',
      '-',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
    ],
    ...[
      '&&',
      '||',
      '==',
      '!=',
      '<',
      '>=',
      '+',
      '*',
      '/',
      '%',
      '!',
      '?',
      ':',
      ',',
      '.',
      'in',
      'true',
      'null',
      'x',
    ],
    ...[
      '.startsWith',
      '.matches',
      '.map',
      '.exists',
      'size(',
      'has(',
      'dyn(',
      'int(',
      'b"',
      'r"',
      '\\',
      '\n',
      '//',
      '0x',
    ],
  );

  it('is a condition or a usage error, and nothing else', async () => {
    const text = fc.oneof(
      fc.array(word, { maxLength: 14 }).map((words) => words.join(' ')),
      fc.string({ maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (condition) => {
        await refusal(condition);
      }),
      { numRuns: 5000 },
    );
  });
});
