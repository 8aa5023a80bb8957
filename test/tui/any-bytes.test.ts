import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textWidth } from '../../src/tui/width.ts';
import { anyBytes } from '../logtools/any-bytes.ts';
import { TempDir } from '../logtools/temp-dir.ts';
import { Inspected } from './inspected.ts';

/** Each is pressed as a person would: a line that is asked for is typed to its end. */
const KEYS = [
  ...['j', 'k', 'g', 'G', ' ', 'b', 'e', 'E', 't', 'T', 'f', 'x', 's', 'm', "'", '?', 'J', 'K', 'n', 'N'],
  ...['<enter>', '<esc>', '<up>', '<down>', '<pgup>', '<pgdn>', '<home>', '<end>', '<backspace>'],
  ...[':3<enter>', ':18446744073709551615<enter>', '@40<enter>', '@0xffff<enter>', ':x<enter>'],
  ...['/put<enter>', '/.<enter>', '/(<enter>', '/[^a]$<enter>', '/\ud83d<enter>'],
] as const;

const size = fc.record({ columns: fc.integer({ min: 1, max: 210 }), rows: fc.integer({ min: 1, max: 61 }) });

interface Case {
  readonly bytes: Uint8Array;
  readonly size: { readonly columns: number; readonly rows: number };
  readonly keys: readonly string[];
  /** What the file becomes in the middle of it. */
  readonly later: Uint8Array;
  readonly laterSize: { readonly columns: number; readonly rows: number };
}

const cases: fc.Arbitrary<Case> = fc.record({
  bytes: anyBytes,
  size,
  keys: fc.array(fc.constantFrom(...KEYS), { maxLength: 25 }),
  later: anyBytes,
  laterSize: size,
});

function expectWhole(screen: Inspected): void {
  const { size: now, cursor, top } = screen.state;
  expect(screen.lines).toHaveLength(Math.max(1, now.rows - 1));
  for (const line of screen.lines) {
    const text = line.map((part) => part.text).join('');
    expect(textWidth(text)).toBeLessThanOrEqual(now.columns);
    // Nothing out of the file may move the cursor of the terminal.
    expect(text).not.toMatch(/\p{Cc}/u);
  }
  expect(cursor).toBeLessThan(Math.max(1, screen.rowCount));
  expect(top).toBeLessThanOrEqual(cursor);
}

async function press(screen: Inspected, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await screen.press(key);
    await screen.search();
    expectWhole(screen);
  }
}

describe('a file of any bytes at all', () => {
  it('is shown by the inspector, whatever is pressed and whatever becomes of the file', async () => {
    await using dir = await TempDir.make();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ bytes, size: first, keys, later, laterSize }) => {
        const name = `${round++}.log`;
        const screen = await Inspected.open(await dir.write(name, bytes), first);
        expectWhole(screen);
        await press(screen, keys);
        await dir.write(name, later);
        await screen.update();
        await screen.tell({ type: 'resized', size: laterSize });
        expectWhole(screen);
        await press(screen, keys);
        screen.close();
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 60) },
    );
  }, 86_400_000);
});
