/**
 * How long the full-screen `raft log inspect` takes on a log of 7 million commands of 128 bytes (about 1 GB): to its first
 * rows, to the whole index, and, once that is there, from a key to what it draws. Measured from outside, in a terminal of
 * 120x40; the emulator that reads the screen shares the machine. The log is written to a directory of its own below
 * `DIR`, or below the one for temporary files, and removed.
 *
 *   npm run build && npx tsx bench/inspect.ts [rounds] [entries]
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../src/lib/bytes.ts';
import { PtyTerminal } from '../test/support/pty-terminal.ts';
import { FRAME_BYTES, writeLargeLog } from './large-log.ts';

const rounds = Number(process.argv[2] ?? 5);
const entries = Number(process.argv[3] ?? 7_000_000);
const middle = Math.floor(entries / 2);
const times = new Map<string, number[]>();

const directory = mkdtempSync(join(process.env.DIR ?? tmpdir(), 'raft-bench-inspect-'));
try {
  const log = join(directory, 'large.log');
  writeLargeLog(log, entries);
  damage(log);
  for (let round = 0; round < rounds; round++) await measure(log);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(
  `${entries} entries, ${entries * FRAME_BYTES} bytes; median (worst) of ${rounds}, node ${process.version}`,
);
for (const [what, values] of times) {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  console.log(`${what.padEnd(34)} ${median.toFixed(0).padStart(6)} ms (${(sorted.at(-1) ?? 0).toFixed(0)})`);
}

async function measure(log: string): Promise<void> {
  const begunMs = performance.now();
  const terminal = new PtyTerminal(['log', 'inspect', log], { columns: 120, rows: 40 });
  try {
    await terminal.shows(/>.* put "key1" /);
    note('first rows, from the start', performance.now() - begunMs);
    await timed('one row down while Ink loads', terminal, 'j', />.* put "key2" /);
    await terminal.shows(/indexing [1-9]/);
    await timed('one row down while it indexes', terminal, 'j', />.* put "key3" /);
    await timed('one page down while it indexes', terminal, ' ', />.* put "key20" /);
    await timed('ten rows down while it indexes', terminal, 'jjjjjjjjjj', />.* put "key30" /);
    if (!terminal.text.includes('so far')) throw new Error('The index was whole before the keys came.');
    await terminal.shows((text) => !text.includes('so far'));
    note('whole index, from the start', performance.now() - begunMs);
    await timed('jump to the end (G)', terminal, 'G', at(entries));
    await timed('jump to an index (:)', terminal, `:${middle - 1000}\r`, at(middle - 1000));
    await timed('next damage (e)', terminal, 'e', />.*!! checksum-mismatch/);
    await timed('next change of the term (t)', terminal, 't', at(4_000_000));
    await timed('one row down (j)', terminal, 'j', at(4_000_001));
    await timed('one page down', terminal, ' ', at(4_000_018));
    terminal.type('q');
    await terminal.left();
  } finally {
    terminal.close();
  }
}

/** The row that one is at, with what was read of it. */
function at(index: number): RegExp {
  return new RegExp(`>.* ${index} .* put "key`);
}

async function timed(what: string, terminal: PtyTerminal, keys: string, wanted: RegExp): Promise<void> {
  const begunMs = performance.now();
  terminal.type(keys);
  await terminal.shows(wanted);
  note(what, performance.now() - begunMs);
}

function note(what: string, ms: number): void {
  times.set(what, [...(times.get(what) ?? []), ms]);
}

/** Puts one damaged frame into the middle. */
function damage(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, utf8('damage'), 0, 6, middle * FRAME_BYTES + 50);
  closeSync(file);
}
