import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { layoutOf } from '../../src/tui/inspector-state.ts';
import { KEY_HELP } from '../../src/tui/keys.ts';
import { textOfLine } from '../../src/tui/line.ts';
import { fixturePath, plainLog } from '../logfmt/logs.ts';
import { entriesOf } from '../logtools/entries.ts';
import { TempDir } from '../logtools/temp-dir.ts';
import { Inspected } from './inspected.ts';

const SIZE = { columns: 80, rows: 24 };

async function inspected(dir: TempDir, count = 100): Promise<Inspected> {
  return Inspected.open(await dir.write('a.log', encodeFrames(plainLog(count, 20))), SIZE);
}

/** Writes entries of term 3 behind what the log holds, from an index on, and has the screen take them in. */
async function append(
  dir: TempDir,
  screen: Inspected,
  first: number,
  commands: readonly string[],
): Promise<void> {
  const entries = entriesOf(
    commands.map((command) => [3, command] as const),
    first,
  );
  await appendFile(`${dir.path}/a.log`, encodeFrames(entries));
  await screen.update();
}

describe('the keys of the inspector', () => {
  it('never lead out of the log, in either direction', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press('kkk<up><pgup>');
    expect(screen.at).toBe('1');
    await screen.press('G<down>jjj<pgdn> ');
    expect(screen.at).toBe('100');
    expect(screen.frame).toContain('row 100 of 100');
  });

  it('fill the screen at the end of the log, and put a far jump into its middle', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press('G');
    expect(screen.state.top).toBe(90);
    await screen.press(':50<enter>');
    expect(screen.state.top).toBe(44);
    expect(screen.state.cursor).toBe(49);
  });

  it.each([
    ['Enter', 8, { columns: 80, rows: 24 }, 'G<enter><enter>', undefined],
    ['Enter', 100, { columns: 80, rows: 24 }, 'G<enter><enter>', undefined],
    ['Enter', 8, { columns: 40, rows: 10 }, 'G<enter><enter>', undefined],
    ['Enter after the last rows', 100, { columns: 40, rows: 10 }, '<enter>G<enter>', undefined],
    ['s', 100, { columns: 40, rows: 10 }, 'Gss', undefined],
    ['a larger terminal', 30, { columns: 80, rows: 24 }, 'G', { columns: 80, rows: 40 }],
    ['a larger terminal', 100, { columns: 40, rows: 10 }, 'G', { columns: 200, rows: 60 }],
  ] as const)(
    'and the size leave no room blank below the last row: %s, %d rows',
    async (_, count, size, keys, later) => {
      await using dir = await TempDir.make();
      const path = await dir.write('a.log', encodeFrames(plainLog(count, 20)));
      const screen = await Inspected.open(path, size);
      await screen.press(keys);
      if (later !== undefined) await screen.tell({ type: 'resized', size: later });
      const { listRows } = layoutOf(screen.state);
      expect(screen.state.top).toBe(Math.max(0, count - listRows));
      expect(screen.at).toBe(String(count));
      screen.close();
    },
  );

  it('give back the list where it was, behind the detail alone', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press(':50<enter>');
    const { top } = screen.state;
    await screen.press('<enter>j<enter>');
    expect(screen.state).toMatchObject({ top, cursor: 50 });
  });

  it('go back to where the last jump began, and to a mark before that', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press("jjG'");
    expect(screen.at).toBe('3');
    await screen.press(":7<enter>mG'");
    expect(screen.at).toBe('7');
  });

  it('say why they do nothing', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    for (const [keys, words] of [
      ['e', 'There is no damage after this row.'],
      ['T', 'There is no change of the term before this row.'],
      ['n', 'Nothing was looked for yet'],
      ["'", 'No row is marked'],
      ['z', 'The key "z" does nothing here'],
      [':x<enter>', '"x" is no whole number from 0 to 2^64-1.'],
      [':18446744073709551616<enter>', 'is no whole number from 0 to 2^64-1.'],
      [':200<enter>', 'There is no entry of index 200: the list ends with index 100.'],
    ] as const) {
      await screen.press(keys);
      expect(screen.frame).toContain(words);
    }
  });

  it('leave the columns where they are, whichever rows are on the screen', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf([
      ...Array.from({ length: 20 }, (_, i) => [1, `put k${i} v`] as const),
      [7, { voters: ['1', '2', '3'] }],
      ...Array.from({ length: 1200 }, (_, i) => [12_345, `put k${i} ${'v'.repeat(1200)}`] as const),
    ]);
    const path = await dir.write('a.log', encodeFrames(entries));
    for (const columns of [40, 80, 120]) {
      const screen = await Inspected.open(path, { columns, rows: 24 });
      const heading = screen.frame.split('\n')[1];
      for (const keys of [' ', ' ', 'G', ':21<enter>']) {
        await screen.press(keys);
        expect(screen.frame.split('\n')[1]).toBe(heading);
      }
    }
  });

  it('find the bar beside the rows that it means where all of them are on the screen', async () => {
    await using dir = await TempDir.make();
    const bytes = encodeFrames(plainLog(5, 20));
    const damagedAt = 2 * (bytes.length / 5) + 30;
    bytes[damagedAt] = (bytes[damagedAt] ?? 0) ^ 1;
    const screen = await Inspected.open(await dir.write('a.log', bytes), SIZE);
    const bar = () => screen.lines.slice(2, 8).map((line) => textOfLine(line).slice(0, 4));
    expect(bar()).toEqual(['█░> ', '│░  ', '│!  ', '│░  ', '│░  ', '']);
    await screen.press('e');
    expect(bar()).toEqual(['│░  ', '│░  ', '█!> ', '│░  ', '│░  ', '']);
  });

  it('say where the log ends to whoever goes beyond, unless damage may hold more', async () => {
    for (const [name, keys, words] of [
      ['zero-tail', ':9999<enter>', 'There is no entry of index 9999: the list ends with index 402.'],
      ['torn-tail', ':9999<enter>', 'There is no entry of index 9999: this is the place.'],
      ['bitflip-command', ':0<enter>', 'There is no entry of index 0: this is the place.'],
    ] as const) {
      const screen = await Inspected.open(fixturePath(`damaged-log/${name}.log`), SIZE);
      await screen.press(keys);
      expect(screen.frame).toContain(words);
    }
  });

  it('find no damage in the zeros that every crash leaves', async () => {
    const screen = await Inspected.open(fixturePath('damaged-log/zero-tail.log'), SIZE);
    expect(screen.frame).toContain('402 entries, no damage');
    await screen.press('e');
    expect(screen.frame).toContain('There is no damage after this row.');
    await screen.press('G');
    expect(screen.at).toBe('zero-tail');
    expect(screen.frame).not.toContain('!');
    expect(screen.frame).toContain('── zeros at offset 101793');
  });

  it('take an offset in decimal or hexadecimal, also in the middle of a frame', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press('@45<enter>');
    expect(screen.at).toBe('2');
    await screen.press('@0x58<enter>');
    expect(screen.at).toBe('3');
  });

  it('wait for an index that is not there yet, unless Esc says otherwise', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir, 10);
    const indexing = { type: 'indexed', progress: { doneBytes: 1, totalBytes: 2 } } as const;
    await screen.tell(indexing);
    await screen.press(':12<enter>');
    expect(screen.frame).toContain('To index 12 once indexed: Esc ends that.');
    await screen.tell(indexing);
    expect(screen.at).toBe('1');
    await append(dir, screen, 11, ['a', 'b', 'c']);
    expect(screen.at).toBe('12');

    await screen.tell(indexing);
    await screen.press('g:99<enter><esc>');
    await screen.update();
    expect(screen.at).toBe('1');
  });

  it('go to the end that is known, and to the last row of all once it is indexed', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir, 10);
    const indexing = { type: 'indexed', progress: { doneBytes: 1, totalBytes: 2 } } as const;
    await screen.tell(indexing);
    await screen.press('G');
    expect(screen.at).toBe('10');
    expect(screen.frame).toContain('To the end once indexed: Esc ends that.');
    await append(dir, screen, 11, ['a', 'b']);
    expect(screen.at).toBe('12');
    await append(dir, screen, 13, ['c']);
    expect(screen.at).toBe('12');

    await screen.tell(indexing);
    await screen.press('Gk');
    await append(dir, screen, 14, ['d']);
    expect(screen.at).toBe('12');
  });

  it('keep the end on the screen while it follows, until one goes elsewhere', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir, 10);
    await screen.press('f');
    await append(dir, screen, 11, ['a', 'b']);
    expect(screen.at).toBe('12');
    expect(screen.frame).toContain('following');
    await screen.press('k');
    await append(dir, screen, 13, ['c']);
    expect(screen.at).toBe('11');
    expect(screen.frame).not.toContain('following');
  });

  it('write into the line that is asked for, letters that are commands elsewhere included', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press('/qgG');
    expect(screen.state.prompt).toEqual({ type: 'search', text: 'qgG' });
    await screen.press('<backspace><backspace><backspace><backspace>');
    expect(screen.state.prompt).toBeUndefined();
    expect(screen.state.end).toBeUndefined();
    await screen.press('q');
    expect(screen.state.end).toBe('quit');
  });

  it.each([
    [80, 'G', 'To the end once indexed: Esc ends that.', 'waiting for the end, indexing 50%'],
    [40, 'G', 'To the end once indexed: Esc ends that.', ''],
    [
      ...[80, ':18446744073709551615<enter>'],
      ...['To index 18446744073709551615 once indexed: Esc ends that.', 'indexing 50%'],
    ],
  ] as const)('say in whole what is waited for: %d columns, %s', async (columns, keys, words, right) => {
    await using dir = await TempDir.make();
    const path = await dir.write('a.log', encodeFrames(plainLog(10, 20)));
    const screen = await Inspected.open(path, { columns, rows: 10 });
    await screen.tell({ type: 'indexed', progress: { doneBytes: 1, totalBytes: 2 } });
    await screen.press(keys);
    const status = screen.frame.split('\n').at(-1) ?? '';
    expect(status.slice(0, words.length)).toBe(words);
    expect(status.slice(words.length).trim()).toBe(right);
  });

  it.each([
    [80, '/user/7', 'n', 'Nothing matches /user/7/ from here on: N looks the other way.'],
    [80, '/user/7', 'N', 'Nothing matches /user/7/ before this row: n looks the other way.'],
    [80, `/${'x'.repeat(60)}`, 'n', /^Nothing matches \/x+…\/ from here on: N looks the other way\.$/],
    [40, '/user/7', 'n', 'Nothing from here on: N looks back.'],
    [40, '/user/7', 'N', 'Nothing before this row: n looks ahead.'],
  ] as const)(
    'say where else to look where nothing is found: %d columns, %s %s',
    async (columns, search, key, words) => {
      await using dir = await TempDir.make();
      const path = await dir.write('a.log', encodeFrames(plainLog(10, 20)));
      const screen = await Inspected.open(path, { columns, rows: 10 });
      await screen.press(`${search}<enter>${key}`);
      await screen.search();
      expect(screen.frame.split('\n').at(-1)).toMatch(words);
    },
  );

  it('move within a help that is longer than the screen, and words in it are whole', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('a.log', encodeFrames(plainLog(3, 20)));
    const screen = await Inspected.open(path, { columns: 40, rows: 10 });
    const shown: string[] = [];
    await screen.press('?');
    for (let i = 0; i < 40; i++) {
      expect(screen.frame).not.toContain('…');
      shown.push(...screen.frame.split('\n').slice(0, -2));
      await screen.press('j');
    }
    for (const [, what] of KEY_HELP)
      for (const word of what.split(' ')) expect(shown.join('\n')).toContain(word);
    expect(screen.frame).toMatch(/^q +leave$/m);
    await screen.press('g');
    expect(screen.state.helpTop).toBe(0);
    await screen.press('<pgdn><pgup>');
    expect(screen.state.helpTop).toBe(0);
    await screen.press('<end>');
    expect(screen.frame).toMatch(/^q +leave$/m);
    await screen.tell({ type: 'resized', size: { columns: 200, rows: 60 } });
    expect(screen.frame).toMatch(/^↑ ↓ {2}j k/);
    await screen.press('z');
    expect(screen.state.helpTop).toBeUndefined();
  });

  it('begin a search from the row that one is at, and end it with Esc', async () => {
    await using dir = await TempDir.make();
    const screen = await inspected(dir);
    await screen.press('jj/abc<enter>');
    expect(screen.state.search).toMatchObject({ pattern: 'abc', direction: 'forward', fromRow: 2 });
    const former = screen.state.search?.number ?? 0;
    await screen.press('N');
    expect(screen.state.search).toMatchObject({ pattern: 'abc', direction: 'backward' });
    await screen.tell({ type: 'search-ended', number: former, outcome: { type: 'found', row: 50 } });
    expect(screen.at).toBe('3');
    await screen.press('<esc>');
    expect(screen.state.search).toBeUndefined();
  });

  it('show the key-value state in a pane that they give back, and go on beside it', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf(Array.from({ length: 30 }, (_, i) => [1, `put k${i} v${i}`] as const));
    const path = await dir.write('kv.log', encodeFrames(entries));
    for (const [size, before, after] of [
      [{ columns: 80, rows: 24 }, 'split', 'split'],
      [{ columns: 40, rows: 10 }, 'split', 'detail'],
    ] as const) {
      const screen = await Inspected.open(path, size);
      await screen.press('s');
      expect(screen.state.pane).toBe(after);
      expect(screen.frame).toContain('after index 1: 1 key ');
      await screen.press('jjj');
      expect(screen.frame).toMatch(/after index 4: 4 keys [\s\S]*new "k3" = "v3"[\s\S]*\* k3 = v3/);
      await screen.press('k');
      expect(screen.frame).toMatch(/after index 3: 3 keys [\s\S]*\* k2 = v2/);
      await screen.press('s');
      expect(screen.state).toMatchObject({ pane: before, stateView: undefined, cursor: 2 });
      screen.close();
    }
  });

  it('move within the keys of the state, to the last one and back', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf(Array.from({ length: 30 }, (_, i) => [1, `put k${10 + i} v`] as const));
    const screen = await Inspected.open(await dir.write('kv.log', encodeFrames(entries)), SIZE);
    await screen.press('Gs');
    await screen.press(`g${'J'.repeat(50)}:30<enter>`);
    expect(screen.frame).toContain('* k39 = v');
    await screen.press(':30<enter>K');
    expect(screen.state.detailTop).toBe(0);
    screen.close();
  });

  it('move within the detail of any size of screen, no further than to its last line', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('long.log', encodeFrames(plainLog(2, 1000)));
    for (const [columns, rows] of [
      [80, 24],
      [200, 60],
      [40, 10],
    ] as const) {
      const screen = await Inspected.open(path, { columns, rows });
      const isSplit = rows > 10;
      await screen.press(isSplit ? 'J' : '<enter>J');
      expect(screen.state.detailTop).toBe(1);
      await screen.press('J'.repeat(300));
      expect(screen.frame).toMatch(/^000003(e0|f0|fc) {2}/m);
      await screen.press('K'.repeat(300));
      expect(screen.frame).toMatch(/^CRC /m);
    }
  });
});
