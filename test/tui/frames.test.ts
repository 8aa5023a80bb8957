import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { Selection } from '../../src/logtools/selection.ts';
import { fixturePath, plainLog } from '../logfmt/logs.ts';
import { entriesOf, NOOP } from '../logtools/entries.ts';
import { TempDir } from '../logtools/temp-dir.ts';
import { Inspected } from './inspected.ts';

/** Writes the frames anew: read the difference as carefully as code. */
const IS_REWRITING = process.env.UPDATE_FRAMES === '1';
if (IS_REWRITING && process.env.CI !== undefined) throw new Error('Frames are not rewritten in CI');

const SIZES = { '80x24': [80, 24], '200x60': [200, 60], '40x10': [40, 10] } as const;

/** Every kind of entry, and damage in the middle. */
function tour(): Uint8Array {
  const entries = entriesOf([
    [1, NOOP],
    [1, { voters: ['1', '2', '3'] }],
    [1, 'put greeting hello'],
    [1, { session: 7, sequence: 1, text: '{"op":"put","key":"user/1","value":"Ada"}' }],
    [2, NOOP],
    [2, { voters: ['2', '3', '4'], oldVoters: ['1', '2', '3'] }],
    [2, 'SET key1 node0'],
    [2, new Uint8Array([0, 1, 255, 254])],
    [2, '{"id":7,"tags":["a","b"],"nested":{"ok":true}}'],
    [3, 'put ключ 值 ☃'],
    [3, new Uint8Array([0x89, 0x52, 0x41, 0x46, 0x54, 0x0d, 0x0a, 0x1a, 200, 1])],
    ...Array.from({ length: 30 }, (_, i) => [3, `put key${i} ${'v'.repeat(i)}`] as const),
  ]);
  const bytes = encodeFrames(entries);
  const damagedAt = encodeFrames(entries.slice(0, 6)).length + 30;
  bytes[damagedAt] = (bytes[damagedAt] ?? 0) ^ 1;
  return concatBytes([bytes, utf8('torn')]);
}

function expectFrame(name: string, frame: string): void {
  const path = join(import.meta.dirname, 'frames', `${name}.txt`);
  if (IS_REWRITING) writeFileSync(path, `${frame}\n`);
  expect(`${frame}\n`).toBe(readFileSync(path, 'utf8'));
}

describe('the frames of the inspector', () => {
  for (const [name, [columns, rows]] of Object.entries(SIZES)) {
    it(`of ${name} are as they were`, async () => {
      await using dir = await TempDir.make();
      const inspected = await Inspected.open(await dir.write('tour.log', tour()), { columns, rows });
      const steps = {
        first: '',
        configuration: ':6<enter>',
        damage: 'e',
        'detail-of-damage': '<enter>',
        list: '<enter>',
        'session-as-text': '<enter>:4<enter>x',
        json: ':9<enter>',
        end: 'xG',
        state: ':4<enter>s',
        'state-behind-damage': 'Gk',
        'state-again': 's:4<enter>s',
        'state-hidden': 's',
        prompt: '/key[0-9',
        help: '<esc>?',
        'help-moved': ' ',
      };
      for (const [step, keys] of Object.entries(steps)) {
        await inspected.press(keys);
        expect(inspected.lines).toHaveLength(rows - 1);
        for (const line of inspected.lines) {
          expect(Array.from(line.map(({ text }) => text).join('')).length).toBeLessThanOrEqual(columns);
        }
        expectFrame(`${name}-${step}`, inspected.frame);
      }
      inspected.close();
    });
  }

  it.each([
    ['in the place of the detail', 60, 24, 'split'],
    ['on the whole of a low screen', 60, 12, 'detail'],
    ['of a narrow one', 70, 20, 'detail'],
  ] as const)('with the state %s have the status in their last line', async (_, columns, rows, pane) => {
    await using dir = await TempDir.make();
    const inspected = await Inspected.open(await dir.write('tour.log', tour()), { columns, rows });
    await inspected.press(pane === 'detail' ? ':4<enter><enter>s' : ':4<enter>s');
    expectFrame(`${columns}x${rows}-state-alone`, inspected.frame);
    expect(inspected.frame.split('\n').at(-1)).toMatch(/^row \d+ of/);
    inspected.close();
  });

  it.each([
    ['one-kind', 80, 24, { kinds: ['noop'] }, '--kind noop'],
    ['one-kind', 40, 10, { kinds: ['noop'] }, '--kind noop'],
    ['no-match', 80, 24, { grep: 'nothing like it' }, "--grep 'nothing like it'"],
    ['no-match', 40, 10, { grep: 'nothing like it' }, "--grep 'nothing like it'"],
    ['no-match-of-range', 80, 24, { from: 10n, to: 12n, kinds: ['noop'] }, '--from 10 --to 12 --kind noop'],
  ] as const)(
    'say what was chosen, and of how many: %s, %dx%d',
    async (name, columns, rows, request, words) => {
      await using dir = await TempDir.make();
      const path = await dir.write('tour.log', name === 'no-match' ? encodeFrames(plainLog(8, 20)) : tour());
      const selection = await Selection.of(request);
      const chosen = { selection, filter: { words, isRange: selection.from > 0n } };
      const inspected = await Inspected.open(path, { columns, rows }, 'node.log', chosen);
      expectFrame(`${columns}x${rows}-${name}`, inspected.frame);
    },
  );

  it('of a log of the original with the largest numbers are as they were', async () => {
    const path = fixturePath('seed-log/uint64-extremes.log');
    expectFrame('uint64-extremes', (await Inspected.open(path, { columns: 120, rows: 20 })).frame);
  });

  it('of every damaged log, at its first damage, are as they were', async () => {
    const names = readdirSync(fixturePath('damaged-log')).filter((name) => name.endsWith('.log'));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const path = fixturePath(`damaged-log/${name}`);
      const inspected = await Inspected.open(path, { columns: 100, rows: 24 }, name);
      // Zeros that every crash leaves are no damage to go to.
      await inspected.press(name === 'zero-tail.log' ? 'G' : 'e');
      expectFrame(`damaged-${basename(name, '.log')}`, inspected.frame);
    }
  });
});
