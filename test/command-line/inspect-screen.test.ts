import { appendFileSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { present } from '../../src/lib/assert.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { COMMAND_BYTES_MAX, SEGMENT_BYTES_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { entriesOf, NOOP } from '../logtools/entries.ts';
import { type PtyOptions, PtyTerminal } from '../support/pty-terminal.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { raft } from './runner.ts';

/** With the rows of a page: as many as the list has, less one. */
const SIZES = [
  { columns: 80, rows: 24, page: 9 },
  { columns: 200, rows: 60, page: 27 },
  { columns: 40, rows: 10, page: 5 },
] as const;

/** Throws in the middle of the program once it is told to: nothing in the product does. */
const CRASH_ON_SIGNAL = `data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('planted')})`;

const terminals: PtyTerminal[] = [];
afterEach(() => {
  for (const terminal of terminals.splice(0)) terminal.close();
});

function inspect(log: string, options: PtyOptions, args: readonly string[] = []): PtyTerminal {
  const terminal = new PtyTerminal(['log', 'inspect', log, ...args], options);
  terminals.push(terminal);
  return terminal;
}

/** 300 entries in three terms, one of them damaged, in a directory of the test's own. */
function damagedLog(): string {
  const entries = entriesOf(
    Array.from({ length: 300 }, (_, i) => [
      1 + Math.floor(i / 100),
      i % 100 === 0 ? NOOP : `put key${i + 1} value`,
    ]),
  );
  const path = join(temporaryDirectory(), 'node.log');
  const bytes = encodeFrames(entries);
  const before = encodeFrames(entries.slice(0, 149)).length;
  bytes[before + 30] = (bytes[before + 30] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  return path;
}

/** The line of the row that one is at. */
const at = (index: number) => new RegExp(`>.* ${index} `);

describe('raft log inspect on a terminal', () => {
  for (const size of SIZES) {
    const name = `${size.columns}x${size.rows}`;

    it(`of ${name} shows the log at once, takes keys, and gives the terminal back`, async () => {
      const terminal = inspect(damagedLog(), size);
      await terminal.shows(/299 entries, 1 damage$/m);
      await terminal.shows(at(1));
      await terminal.shows(/noop/);

      terminal.type('jj');
      await terminal.shows(at(3));
      terminal.type('\u001b[A');
      await terminal.shows(at(2));
      terminal.type('G');
      await terminal.shows(at(300));
      terminal.type('g');
      await terminal.shows(at(1));
      terminal.type(':222\r');
      await terminal.shows(at(222));
      terminal.type('T');
      await terminal.shows(at(201));
      terminal.type('E');
      await terminal.shows(/>.*!! checksum-mismatch/);
      terminal.type('t');
      await terminal.shows(at(201));
      terminal.type('/key27[0-9]\r');
      await terminal.shows(at(270));
      terminal.type('n');
      await terminal.shows(at(271));
      terminal.type('N');
      await terminal.shows(at(270));
      terminal.type('m');
      await terminal.shows(/marked/);
      terminal.type('@0\r');
      await terminal.shows(at(1));
      terminal.type("'");
      await terminal.shows(at(270));
      terminal.type('?');
      await terminal.shows(/other keys go back/);
      terminal.type('z');
      await terminal.shows(at(270));
      terminal.type('q');

      expect(await terminal.left()).toMatchObject({
        ...{ code: 0, isFirstScreen: true, isCursorShown: true, isCooked: true },
      });
    });

    it(`of ${name} turns pages, follows, and shows bytes, text and the key-value state`, async () => {
      const terminal = inspect(damagedLog(), size);
      await terminal.shows(/299 entries, 1 damage$/m);
      for (const [keys, index] of [
        ['\u001b[B', 2],
        ['k', 1],
        ['\u001b[6~', 1 + size.page],
        ['\u001b[5~', 1],
        [' ', 1 + size.page],
        ['b', 1],
        ['\u001b[F', 300],
        ['\u001b[H', 1],
      ] as const) {
        terminal.type(keys);
        await terminal.shows(at(index));
      }
      terminal.type('e');
      await terminal.shows(/>.*!! checksum-mismatch/);
      terminal.type('f');
      await terminal.shows((text) => at(300).test(text) && text.includes('following'));
      terminal.type(':7\r');
      await terminal.shows((text) => at(7).test(text) && !text.includes('following'));
      terminal.type('\r');
      await terminal.shows(
        (text) => /key-value: put "key7" = "value"/.test(text) && !/index +term/.test(text),
      );
      terminal.type('x');
      await terminal.shows(/^put key7 value$/m);
      terminal.type('s');
      await terminal.shows(/after index 7: 6 keys [\s\S]*new "key7" = "value"[\s\S]*\* key7 = value/);
      terminal.type('s');
      await terminal.shows((text) => /^put key7 value$/m.test(text) && !/after index/.test(text));
      terminal.type('\r');
      await terminal.shows((text) => at(7).test(text) && !/^CRC/m.test(text));
      terminal.type('q');
      expect((await terminal.left()).code).toBe(0);
    });

    it(`of ${name} never draws on the last line, which would have the screen scroll`, async () => {
      const terminal = inspect(damagedLog(), size);
      await terminal.shows(/299 entries, 1 damage$/m);
      await terminal.shows(at(1));
      expect(terminal.lines.at(-1)).toBe('');
      expect(terminal.lines.at(-2)).toMatch(/^row 1 of 300/);
      terminal.type('q');
      expect((await terminal.left()).code).toBe(0);
    });
  }

  it('shows bytes beside text, the fields of the frame, and the meaning; x shows text', async () => {
    const terminal = inspect(damagedLog(), { columns: 80, rows: 24 });
    await terminal.shows(at(1));
    terminal.type(':7\r');
    await terminal.shows(/key-value: put "key7" = "value"/);
    expect(terminal.text).toMatch(/CRC \d+\.\.\d+ [0-9a-f]{8} ok/);
    expect(terminal.text).toMatch(/^[0-9a-f]{8} {2}.*\.put key7$/m);
    terminal.type('x');
    await terminal.shows(/^put key7 value$/m);
  });

  it('takes a key right behind Esc, in one read with it and in the next', async () => {
    const terminal = inspect(damagedLog(), { columns: 80, rows: 24 });
    await terminal.shows(at(1));
    terminal.type('/key[0-9\u001b:7\r');
    await terminal.shows(at(7));
    terminal.type('/(\r');
    await terminal.shows(/regular expression/);
    terminal.type('\u001b');
    terminal.type(':9\r');
    await terminal.shows(at(9));
    terminal.type('/key[0-9');
    await terminal.shows(/^\/key\[0-9/m);
    terminal.type('\u001b');
    await terminal.shows(/^row 9 of 300/m);
  });

  it('draws anew after a resize, also to a size that is too small and back', async () => {
    const terminal = inspect(damagedLog(), { columns: 80, rows: 24 });
    await terminal.shows(at(1));
    terminal.type(':299\r');
    await terminal.shows(at(299));
    for (const [columns, rows] of [
      [120, 40],
      [60, 12],
      [100, 10],
    ] as const) {
      terminal.resize(columns, rows);
      // The terminal itself moves the old lines about: only the whole frame is the new one.
      await terminal.shows((text) => {
        const lines = text.split('\n');
        const isFramed =
          /299 entries, 1 damage$/.test(lines[0] ?? '') && /^row 299 of 300/.test(lines[rows - 2] ?? '');
        return isFramed && lines[0]?.length === columns && at(299).test(text);
      });
    }
    terminal.resize(30, 5);
    await terminal.shows(/^40x10 at least; q leaves$/m);
    terminal.resize(80, 24);
    await terminal.shows(at(299));
    terminal.type('q');
    expect((await terminal.left()).isFirstScreen).toBe(true);
  });

  it('follows a log while somebody appends to it, until one goes elsewhere', async () => {
    const path = damagedLog();
    const terminal = inspect(path, { columns: 80, rows: 24 }, ['--follow']);
    await terminal.shows(at(300));
    await terminal.shows(/following/);
    const more = entriesOf(
      [
        [3, 'put more 1'],
        [4, 'put more 2'],
        [4, 'put more 3'],
      ],
      301,
    );
    appendFileSync(path, encodeFrames(more.slice(0, 2)));
    await terminal.shows(at(302));
    terminal.type('k');
    await terminal.shows(at(301));
    appendFileSync(path, encodeFrames(more.slice(2)));
    await terminal.shows(/row 302 of 304|row 301 of 303/);
    expect(terminal.text).toMatch(at(301));
    terminal.type('f');
    await terminal.shows(at(303));
  });

  it('follows the log of a real cluster while that writes it, also into its next segment', async () => {
    const cluster = await RealCluster.start(3);
    const leader = await cluster.leader();
    const node = present(
      cluster.nodes.find(({ id }) => id !== leader.id),
      'a follower',
    );
    const terminal = inspect(node.dataDir, { columns: 120, rows: 40 }, ['--follow']);
    await terminal.shows(/following/);
    const put = async (key: string, value: string) => {
      const { index } = await cluster.client.command(utf8(`put ${key} ${value}`));
      return Number(index);
    };
    await terminal.shows(at(await put('first', '1')));
    const large = 'v'.repeat(COMMAND_BYTES_MAX - 100);
    for (let bytes = 0; bytes < SEGMENT_BYTES_MAX; bytes += large.length) await put('large', large);
    const last = await put('last', '1');
    await terminal.shows(at(last));
    await terminal.shows(
      new RegExp(`── index ${last}, term \\d+, offset \\d+ of (?!0{19}1\\.log)\\d{20}\\.log`),
    );
    expect(terminal.text).toMatch(/entries, no damage$/m);

    terminal.type('s');
    await terminal.shows(new RegExp(`after index ${last}: 3 keys [\\s\\S]*new "last" = "1"`));
    terminal.type('k');
    const later = await put('later', '1');
    await terminal.shows((text) => at(last - 1).test(text) && text.includes(`row ${last - 1} of ${later}`));
    terminal.type('f');
    await terminal.shows(new RegExp(`after index ${later}: 4 keys [\\s\\S]*new "later" = "1"`));
    terminal.type('q');
    expect(await terminal.left()).toMatchObject({ code: 0, isFirstScreen: true, isCooked: true });
  });

  it('shows what was chosen alone', async () => {
    const terminal = inspect(damagedLog(), { columns: 80, rows: 24 }, ['--where', 'key.endsWith("99")']);
    await terminal.shows(/^\S*node\.log {2}--where 'key.* 3 of 299 entries, 1 damage$/m);
    await terminal.shows(/put "key99" [\s\S]*!! checksum[\s\S]*put "key199" [\s\S]*put "key299" /);
  });

  it('says that nothing was chosen, and the way out', async () => {
    const args = ['--kind', 'noop', '--grep', 'no such thing'];
    const terminal = inspect(fixturePath('seed-log/cluster-node1.log'), { columns: 80, rows: 24 }, args);
    await terminal.shows(/ 0 of \d+ entries, no damage$/m);
    await terminal.shows(/0 of \d+ entries match: --kind noop --grep 'no such thing'/);
    await terminal.shows(/leave \(q\) and start again without that/);
    terminal.type('q');
    expect((await terminal.left()).code).toBe(0);
  });

  it('draws without WebAssembly too, and gives the terminal back', async () => {
    const options = { columns: 80, rows: 24, env: { NODE_OPTIONS: '--jitless' } };
    const terminal = inspect(damagedLog(), options);
    await terminal.shows(/299 entries, 1 damage$/m);
    terminal.type(':222\r');
    await terminal.shows(at(222));
    terminal.type('s');
    await terminal.shows(/no state/);
    terminal.resize(120, 40);
    await terminal.shows((text) => text.split('\n')[0]?.length === 120 && at(222).test(text));
    terminal.type('q');
    const restored = { isFirstScreen: true, isCursorShown: true, isCooked: true };
    expect(await terminal.left()).toMatchObject({ ...restored, code: 0 });
  });

  it('opens no screen on a file that is no log', async () => {
    const terminal = inspect(fixturePath('damaged-log/not-a-log.log'), { columns: 80, rows: 24 });
    expect(await terminal.left()).toMatchObject({ code: 65, isFirstScreen: true });
    expect(terminal.text.replaceAll('\n', '')).toContain('is no log');
  });

  it('opens every file of the fixtures that is a log, however it is damaged', async () => {
    for (const name of ['empty', 'two-bitflips', 'torn-in-zeros']) {
      const terminal = inspect(fixturePath(`damaged-log/${name}.log`), { columns: 80, rows: 24 });
      await terminal.shows((text) => !/so far/.test(text) && /^row /m.test(text));
      terminal.type('Gexq');
      expect((await terminal.left()).code).toBe(0);
    }
  });

  it('without colour sends none, and still shows where one is', async () => {
    const options = { columns: 80, rows: 24, env: { NO_COLOR: '1' } };
    const terminal = inspect(damagedLog(), options);
    await terminal.shows(at(1));
    terminal.type('e');
    await terminal.shows(/>.*!! checksum-mismatch/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: The colours of a terminal are control sequences.
    expect(terminal.raw).not.toMatch(/\u001b\[[0-9;]*[1-9][0-9;]*m/);
  });
});

describe('a terminal that raft log inspect leaves', () => {
  const restored = { isFirstScreen: true, isCursorShown: true, isCooked: true };
  const size = { columns: 80, rows: 24 };

  it('by Ctrl-C is as it was; the exit code is 130', async () => {
    const terminal = inspect(damagedLog(), size);
    await terminal.shows(at(1));
    terminal.type('\u0003');
    expect(await terminal.left()).toMatchObject({ ...restored, code: 130 });
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`by ${signal} is as it was; the exit code is ${code}`, async () => {
      const terminal = inspect(damagedLog(), size);
      await terminal.shows(at(1));
      terminal.signal(signal);
      expect(await terminal.left()).toMatchObject({ ...restored, code });
    });
  }

  it('by a crash is as it was, and has the reason on it', async () => {
    const terminal = inspect(damagedLog(), {
      ...size,
      env: { NODE_OPTIONS: `--import ${CRASH_ON_SIGNAL.replaceAll(' ', '%20')}` },
    });
    await terminal.shows(at(1));
    terminal.signal('SIGUSR2');
    const left = await terminal.left();
    expect(left).toMatchObject({ ...restored, code: 1 });
    expect(left.text).toContain('Something unexpected happened: planted');
  });
});

describe('raft log inspect without a whole terminal', () => {
  const first = /^ +0 +1 +1 +14 +command +SET key1 node0$/m;
  const log = fixturePath('seed-log/cluster-node1.log');

  it('prints plain rows into a pipe', async () => {
    const { code, stdout } = await raft(['log', 'inspect', log]);
    expect(code).toBe(0);
    expect(stdout).toMatch(first);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints plain rows on a terminal that can do nothing, and where CI is set', async () => {
    const directory = temporaryDirectory();
    copyFileSync(log, join(directory, 'a.log'));
    for (const env of [{ TERM: 'dumb' }, { CI: 'true' }] as const) {
      const terminal = inspect('a.log', { columns: 120, rows: 60, cwd: directory, env });
      const left = await terminal.left();
      expect(left).toMatchObject({ code: 0, isFirstScreen: true });
      expect(terminal.raw).not.toContain('\u001b[?1049h');
    }
  });
});
