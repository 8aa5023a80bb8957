import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCluster } from '../../src/cluster/cluster-file.ts';
import { logIndex, term } from '../../src/lib/brands.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { encodeCommitHint, encodeState } from '../../src/logfmt/records.ts';
import { exampleIn, ROOT, readDocument } from '../docs/markdown.ts';
import { type Content, entriesOf, NOOP } from '../logtools/entries.ts';
import { segmentName } from '../logtools/temp-dir.ts';
import { raft, temporaryDirectory } from './runner.ts';

const DOCUMENT = readDocument('docs/LOG-TOOLS.md');

function inSession(sequence: number, text: string): Content {
  return { session: 1, sequence, text };
}

/** The log of a file `node1.log`. */
const TOLD = entriesOf([
  [1, NOOP],
  [1, inSession(1, 'put greeting hello')],
  [2, NOOP],
  [2, inSession(2, '{"op":"put","key":"greeting","value":"goodbye"}')],
]);

const SAME = [...TOLD.slice(0, 3), ...entriesOf([[2, inSession(2, 'put greeting again')]], 4)];

/** What the nodes of a cluster hold: a leader of term 2 had one entry more than the others, who went on in term 3. */
const PARTED = {
  node1: [...SAME, ...entriesOf([[2, inSession(3, 'put greeting twice')]], 5)],
  node2: [
    ...SAME,
    ...entriesOf(
      [
        [3, NOOP],
        [3, inSession(4, 'put greeting anew')],
      ] as const,
      5,
    ),
  ],
  node3: [
    ...SAME,
    ...entriesOf(
      [
        [3, NOOP],
        [3, inSession(4, 'put greeting anew')],
      ] as const,
      5,
    ),
  ],
};

const WHOLE = entriesOf([
  [1, NOOP],
  ...['hello', 'good day', 'again', 'once more'].map(
    (value, at) => [1, inSession(at + 1, `put greeting ${value}`)] as const,
  ),
]);

/** The same as bytes, with a bit flipped in the command of index 3. */
function damaged(): Uint8Array {
  const bytes = encodeFrames(WHOLE);
  const last = encodeFrames(WHOLE.slice(0, 3)).length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return bytes;
}

async function writeFileLog(dir: string): Promise<void> {
  await writeFile(join(dir, 'node1.log'), encodeFrames(TOLD));
}

/** A cluster as it is after its nodes were stopped. */
async function writeCluster(
  dir: string,
  logs: Readonly<Record<string, Uint8Array>>,
  hints: Readonly<Record<string, number>>,
): Promise<void> {
  const { nodes } = await createCluster(join(dir, 'raft-data'), { machine: 'kv', ports: [7600, 7601, 7602] });
  for (const { name, dataDir } of nodes) {
    const log = logs[name];
    if (log === undefined) continue;
    await mkdir(join(dataDir, 'log'), { recursive: true });
    await writeFile(join(dataDir, segmentName(1)), log);
    const state = { currentTerm: term(3), votedFor: null, abstainThrough: logIndex(0) };
    await writeFile(join(dataDir, 'state'), encodeState(state));
    await writeFile(join(dataDir, 'commit'), encodeCommitHint(logIndex(hints[name] ?? 0)));
  }
}

const writeParted = (dir: string) =>
  writeCluster(
    dir,
    Object.fromEntries(Object.entries(PARTED).map(([name, log]) => [name, encodeFrames(log)])),
    { node1: 3, node2: 3 },
  );

const writeDamaged = (dir: string) =>
  writeCluster(dir, { node1: encodeFrames(WHOLE), node2: damaged() }, { node1: 5 });

/** The words of a command as a shell takes them apart. */
function wordsOf(call: string): readonly string[] {
  return (call.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

/** What a terminal shows where the commands of an example are typed in a directory. */
async function typed(example: string, cwd: string): Promise<string> {
  let shown = '';
  for (const [line, call = ''] of example.matchAll(/^\$ raft (.*)$/gm)) {
    const { stdout, stderr } = await raft(wordsOf(call), { cwd });
    shown += `${line}\n${stdout}${stderr}`;
  }
  return shown.replaceAll(`${cwd}/`, './');
}

describe('docs/LOG-TOOLS.md', () => {
  it.each([
    ['where', writeFileLog],
    ['stats', writeFileLog],
    ['diff', writeParted],
    ['repair', writeDamaged],
    ['state', writeFileLog],
  ])('shows what the commands of example %s print', async (name, write) => {
    const directory = await temporaryDirectory();
    try {
      await write(directory.path);
      const example = exampleIn(DOCUMENT, name);
      expect(await typed(example, directory.path)).toBe(example);
    } finally {
      await directory.remove();
    }
  });

  it('shows the state as the inspector does', () => {
    const frame = readFileSync(join(ROOT, 'test/tui/frames/80x24-state.txt'), 'utf8');
    expect(frame).toContain(exampleIn(DOCUMENT, 'state-pane'));
  });
});
