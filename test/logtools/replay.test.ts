import { describe, expect, it } from 'vitest';
import { encodeFrames, encodeRawFrame } from '../../src/logfmt/frame.ts';
import { bisectLog, compileWhen } from '../../src/logtools/bisect.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { Replay, replayLog } from '../../src/logtools/replay.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

const CONTENTS: readonly (readonly [number, Content])[] = [
  [1, NOOP],
  [1, 'put greeting hello'],
  [1, { session: 5, sequence: 1, text: '{"op":"cas","key":"greeting","expect":"hello","value":"hi"}' }],
  [1, 'put user/ann 1'],
  // The same command of the same session once more, as a client sends it that got no answer.
  [2, { session: 5, sequence: 1, text: '{"op":"cas","key":"greeting","expect":"hello","value":"hi"}' }],
  [2, 'put greeting hello'],
  [2, { voters: ['1', '2', '3'] }],
  [2, { session: 5, sequence: 1, text: '{"op":"cas","key":"greeting","expect":"hello","value":"hi"}' }],
  [3, 'delete user/ann'],
];

async function logIn(dir: TempDir): Promise<LogLocation> {
  const entries = entriesOf(CONTENTS);
  await dir.write(segmentName(1), encodeFrames(entries.slice(0, 4)));
  await dir.write(segmentName(5), encodeFrames(entries.slice(4)));
  return await locateLog(dir.path);
}

async function stateAt(at?: bigint): Promise<Readonly<Record<string, string>>> {
  await using dir = await TempDir.make();
  const replay = new Replay();
  await collect(replayLog(await logIn(dir), replay, { at }));
  return Object.fromEntries([...replay.items()].map(([key, { value, index }]) => [key, `${value}@${index}`]));
}

describe('the state after an entry', () => {
  it('is what the machine holds there', async () => {
    expect(await stateAt(1n)).toEqual({});
    expect(await stateAt(2n)).toEqual({ greeting: 'hello@2' });
    expect(await stateAt(4n)).toEqual({ greeting: 'hi@3', 'user/ann': '1@4' });
    expect(await stateAt()).toEqual({ greeting: 'hello@6' });
  });

  it('counts a command in a session once, however often it stands in the log', async () => {
    // Entry 8 would swap again if the session did not know it.
    expect(await stateAt(8n)).toMatchObject({ greeting: 'hello@6' });
  });

  it('is not given behind damage, or where the beginning is missing', async () => {
    const damaged = await locateLog(fixturePath('damaged-log/bitflip-command.log'));
    await expect(collect(replayLog(damaged, new Replay()))).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('beyond index 201'),
    });
    const strange = await locateLog(fixturePath('damaged-log/not-a-log.log'));
    await expect(collect(replayLog(strange, new Replay()))).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('cannot be replayed: not-a-log'),
    });
    const before = new Replay();
    expect((await collect(replayLog(damaged, before, { at: 201n }))).length).toBe(201);
    await using dir = await TempDir.make();
    const late = await locateLog(await dir.write('late.log', encodeFrames(entriesOf(CONTENTS, 7))));
    await expect(collect(replayLog(late, new Replay()))).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('is not given behind a term that no node counts with', async () => {
    await using dir = await TempDir.make();
    const [entry] = entriesOf([[1, { session: 5, sequence: 1, text: 'put a 1' }]]);
    const frame = { index: 1n, term: 2n ** 53n, command: entry?.command ?? Uint8Array.of(1) };
    const location = await locateLog(await dir.write('x.log', encodeRawFrame(frame)));
    await expect(collect(replayLog(location, new Replay()))).rejects.toMatchObject({ code: 'damaged' });
  });
});

async function firstEntry(condition: string): Promise<string> {
  await using dir = await TempDir.make();
  const result = await bisectLog(await logIn(dir), await compileWhen(condition));
  if (result.type === 'found') return result.row.type === 'entry' ? result.row.index : 'damage';
  return result.holdsThroughout ? 'throughout' : 'never';
}

describe('the first entry that makes a condition true', () => {
  it.each([
    ['"greeting" in state', '2'],
    ['state["greeting"] == "hi"', '3'],
    ['size(state) == 2', '4'],
    ['state.exists(key, key.startsWith("user/"))', '4'],
    ['term == 3 && !("user/ann" in state)', '9'],
    ['op == "delete"', '9'],
    ['state["absent"] == "x"', 'never'],
    // It holds from the start, ceases to, and comes again.
    ['!("user/ann" in state)', '9'],
    ['size(state) >= 0', 'throughout'],
  ])('%s: %s', async (condition, index) => {
    expect(await firstEntry(condition)).toBe(index);
  });

  it('is told with what it changed', async () => {
    await using dir = await TempDir.make();
    const when = await compileWhen('state["greeting"] == "hi"');
    expect(await bisectLog(await logIn(dir), when)).toMatchObject({
      row: { index: '3', kind: 'session' },
      change: { key: 'greeting', before: 'hello', after: 'hi' },
      keys: 1,
    });
  });

  it('needs a condition over what there is', async () => {
    await expect(compileWhen('offset == 1')).rejects.toMatchObject({ code: 'usage' });
    await expect(compileWhen('state == "a"')).rejects.toMatchObject({ code: 'usage' });
  });
});
