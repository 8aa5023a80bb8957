import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { type Ended, type RunningCommand, raft, startRaft, temporaryDirectory } from './runner.ts';

/** What `expected.json` says of a damaged log. */
interface Expected {
  readonly kind?: string;
  readonly offset?: number;
  readonly fatal: boolean;
  readonly goodEntriesBefore?: number;
  readonly goodEntriesAfter?: number;
}

const EXPECTED = Object.entries<Expected>(
  JSON.parse(await readFile(fixturePath('damaged-log/expected.json'), 'utf8')),
);

const SEGMENT = join('log', '00000000000000000001.log');

/** Two of these are never there: the node waits for them, and has nothing that it may believe alone. */
let ports: readonly number[];
/** A data directory that a node has made and left. */
let template: string;

beforeAll(async () => {
  ports = await freePorts(3);
  const directory = await temporaryDirectory();
  template = join(directory.path, 'node');
  const node = run(template);
  await node.line(/ listens on /);
  node.child.kill('SIGTERM');
  expect((await node.ended).code).toBe(0);
  await rm(join(template, 'commit'), { force: true });
  return () => directory.remove();
});

function run(dataDir: string): RunningCommand {
  const peers = ports.map((port, at) => `${at + 1}=http://127.0.0.1:${port}`).join(',');
  return startRaft(['node', 'run', '--id', '1', '--data-dir', dataDir, '--peers', peers]);
}

/** Whether a node starts on a data directory; it is stopped again. Else what it says. */
async function starts(dataDir: string): Promise<true | Ended> {
  const node = run(dataDir);
  const listens = await node.line(/ listens on /).then(
    () => true,
    () => false,
  );
  if (!listens) return await node.ended;
  node.child.kill('SIGTERM');
  await node.ended;
  return true;
}

/** The data directory of a node whose log is a fixture. */
async function nodeWith(name: string): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const node = join(directory.path, 'node');
  await cp(template, node, { recursive: true });
  await cp(fixturePath(`damaged-log/${name}.log`), join(node, SEGMENT));
  return node;
}

describe('a node whose log is damaged', () => {
  it.each(EXPECTED)('%s: is told to be, is refused or mended, and starts', async (name, expected) => {
    const node = await nodeWith(name);
    const { kind, offset, fatal } = expected;
    const isNoLog = kind === 'not-a-log';
    const [verified, inspected, planned] = await Promise.all([
      raft(['log', 'verify', node, '--json']),
      raft(['log', 'inspect', node]),
      raft(['log', 'repair', node, '--plan', '--json']),
    ]);

    expect(verified.code).toBe(fatal ? 65 : 0);
    const { problems } = JSON.parse(verified.stdout);
    if (offset !== undefined) expect(problems[0]).toMatchObject({ kind, offset, fatal });
    const weight = fatal ? 'a node refuses to start on it' : 'a node goes on after it';
    const mark = kind === 'zero-tail' ? '' : '!! ';
    if (offset !== undefined)
      expect(inspected.stdout).toMatch(new RegExp(`${offset}  ${mark}${kind}: .*${weight}`));
    expect([inspected.code, planned.code]).toEqual([0, isNoLog ? 65 : 0]);
    const [plan] = planned.stdout.split('\n');
    const verdict = fatal ? (isNoLog ? 'refused' : 'repairable') : 'whole';
    expect(JSON.parse(plan ?? '')).toMatchObject({ type: 'plan', verdict });
    const bytes = await readFile(join(node, SEGMENT));
    expect(bytes).toEqual(await readFile(fixturePath(`damaged-log/${name}.log`)));
    if (fatal) expect(await starts(node)).toMatchObject({ code: 65 });

    const applied = await raft(['log', 'repair', node, '--apply']);

    expect(applied.code).toBe(isNoLog ? 65 : 0);
    if (isNoLog) expect(await readFile(join(node, SEGMENT))).toEqual(bytes);
    else expect(await starts(node)).toBe(true);
  });
});
