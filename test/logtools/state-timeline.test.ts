import { appendFile, truncate, unlink } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/lib/bytes.ts';
import { STATE_CHANGES_BYTES_MAX, STATE_ITEMS_SHOWN_MAX } from '../../src/lib/limits.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { MovableState } from '../../src/logtools/movable-state.ts';
import { Replay, replayLog } from '../../src/logtools/replay.ts';
import { type StateAnswer, StateTimeline } from '../../src/logtools/state-timeline.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

/** A timeline of which one can wait for the last word. */
class Asked {
  readonly #timeline: StateTimeline;
  #hasNews: () => void = () => {};

  constructor(location: LogLocation) {
    this.#timeline = new StateTimeline(location, { name: 'a.log', onNews: () => this.#hasNews() });
    open.push(this.#timeline);
  }

  async at(index: bigint, term = 1n): Promise<StateAnswer> {
    for (;;) {
      const news = new Promise<void>((resolve) => {
        this.#hasNews = resolve;
      });
      const answer = this.#timeline.at({ index, term });
      if (answer.type !== 'replaying') return answer;
      await news;
    }
  }

  /** The state as one text. */
  async textAt(index: bigint, term = 1n): Promise<string> {
    const answer = await this.at(index, term);
    if (answer.type !== 'state') return answer.type === 'refused' ? answer.reason : answer.type;
    return answer.items.map(({ key, value }) => `${key}=${value}`).join(' ');
  }
}

const open: StateTimeline[] = [];
afterEach(() => {
  for (const timeline of open.splice(0)) timeline.close();
});

const key = fc.constantFrom('a', 'b', 'c', 'user/1', '__proto__');
const content: fc.Arbitrary<Content> = fc.oneof(
  fc.tuple(key, fc.nat({ max: 3 })).map(([name, value]) => `put ${name} ${value}`),
  key.map((name) => `delete ${name}`),
  fc.constantFrom<Content>(NOOP, 'SET foreign'),
  fc.record({ session: fc.nat({ max: 2 }), sequence: fc.integer({ min: 1, max: 4 }), text: key }).map(
    ({ session, sequence, text }): Content => ({
      ...{ session, sequence },
      text: `{"op":"put","key":"${text}","value":"of ${session}"}`,
    }),
  ),
);

/** What `raft log state --at` prints. */
async function replayed(location: LogLocation, at: bigint): Promise<string> {
  const replay = new Replay();
  await collect(replayLog(location, replay, { at }));
  return [...replay.items()].map(([name, { value }]) => `${name}=${value}`).join(' ');
}

describe('the state after any entry of a log', () => {
  it('is what applying the log up to there gives, in whichever order one asks', async () => {
    await using dir = await TempDir.make();
    let round = 0;
    const cases = fc.tuple(
      fc.array(content, { minLength: 2, maxLength: 25 }),
      fc.array(fc.nat({ max: 24 }), { minLength: 1, maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([contents, asked]) => {
        // One command that the machine understands, so that it takes the log for its own.
        const entries = entriesOf([[1, 'put a 1'], ...contents.map((each) => [1, each] as const)]);
        const half = Math.ceil(entries.length / 2);
        const directory = `${round++}`;
        await dir.write(`${directory}/${segmentName(1)}`, encodeFrames(entries.slice(0, half)));
        await dir.write(`${directory}/${segmentName(half + 1)}`, encodeFrames(entries.slice(half)));
        const location = await locateLog(`${dir.path}/${directory}`);
        const timeline = new Asked(location);
        for (const place of asked) {
          const index = BigInt(1 + (place % entries.length));
          expect(await timeline.textAt(index)).toBe(await replayed(location, index));
        }
      }),
      { numRuns: 40 },
    );
  }, 30_000);

  it('tells what the entry itself changed', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf([
      [1, 'put a 1'],
      [1, 'put a 2'],
      [1, 'delete a'],
      [1, NOOP],
    ]);
    const timeline = new Asked(await locateLog(await dir.write('a.log', encodeFrames(entries))));
    expect(await timeline.at(3n)).toMatchObject({ change: { key: 'a', before: '2', after: null } });
    expect(await timeline.at(2n)).toMatchObject({ change: { key: 'a', before: '1', after: '2' } });
    expect(await timeline.at(1n)).toMatchObject({ change: { key: 'a', before: null, after: '1' } });
    expect(await timeline.at(4n)).toMatchObject({ change: undefined, keyCount: 0 });
  });

  it('goes on with a log that grows, also in another segment, and anew with one that was cut', async () => {
    await using dir = await TempDir.make();
    const entries = entriesOf([
      [1, 'put a 1'],
      [1, 'put b 1'],
      [1, 'put c 1'],
      [1, 'put d 1'],
    ]);
    const path = await dir.write(segmentName(1), encodeFrames(entries.slice(0, 2)));
    const timeline = new Asked(await locateLog(dir.path));
    expect(await timeline.textAt(2n)).toBe('a=1 b=1');
    const third = timeline.textAt(3n);
    await appendFile(path, encodeFrames(entries.slice(2, 3)));
    expect(await third).toBe('a=1 b=1 c=1');
    const second = await dir.write(segmentName(4), encodeFrames(entries.slice(3)));
    expect(await timeline.textAt(4n)).toBe('a=1 b=1 c=1 d=1');

    await unlink(second);
    await truncate(path, encodeFrames(entries.slice(0, 1)).length);
    await appendFile(path, encodeFrames(entriesOf([[2, 'put other 1']], 2)));
    expect(await timeline.textAt(2n, 2n)).toBe('a=1 other=1');
  });

  it('is refused with a reason: behind damage, without a beginning, of another machine', async () => {
    const damaged = new Asked(await locateLog(fixturePath('damaged-log/bitflip-command.log')));
    expect(await damaged.textAt(300n)).toContain('beyond index 201: checksum-mismatch');
    const foreign = new Asked(await locateLog(fixturePath('seed-log/cluster-node1.log')));
    expect(await foreign.textAt(3n)).toContain('understands no command up to index 3');
    await using dir = await TempDir.make();
    const late = await dir.write('late.log', encodeFrames(entriesOf([[1, 'put a 1']], 7)));
    expect(await new Asked(await locateLog(late)).textAt(7n)).toContain('begins with index 7');
    const twice = await dir.write(
      'twice.log',
      encodeFrames([...entriesOf([[1, 'put a 1']]), ...entriesOf([[2, NOOP]])]),
    );
    expect(await new Asked(await locateLog(twice)).textAt(1n, 2n)).toContain('Another entry of this index');
  });
});

it('tries again where a file could not be read for a while, once one asks for another entry', async () => {
  await using dir = await TempDir.make();
  const bytes = encodeFrames(
    entriesOf([
      [1, 'put a 1'],
      [1, 'put b 1'],
      [1, 'put c 1'],
    ]),
  );
  const path = await dir.write('a.log', bytes);
  const timeline = new Asked(await locateLog(path));
  await unlink(path);
  expect(await timeline.textAt(2n)).toContain('a.log');
  await dir.write('a.log', bytes);
  // Whoever stays is not told something else, time and again.
  expect(await timeline.textAt(2n)).toContain('a.log');
  expect(await timeline.textAt(3n)).toBe('a=1 b=1 c=1');
  expect(await timeline.textAt(2n)).toBe('a=1 b=1');
});

/** So many commands of the key-value machine, each with a short key of its own. */
function* commands(count: number): Generator<readonly [number, Uint8Array], void> {
  for (let at = 1; at <= count; at++) yield [at, utf8(`put k${at} v`)];
}

describe('a state that goes back and forth', () => {
  it('keeps as many changes as it may, and says how far it goes back', () => {
    const state = new MovableState();
    const large = 'v'.repeat(STATE_CHANGES_BYTES_MAX / 8);
    for (let index = 1; index <= 6; index++) {
      state.push(BigInt(index), { key: `k${index}`, before: null, after: large });
    }
    expect(state.oldestIndex).toBe(3n);
    state.moveTo(3n);
    expect(state.excerpt(3n)).toMatchObject({ keyCount: 3, change: undefined });
    expect(() => state.moveTo(2n)).toThrow('are not kept');
    state.moveTo(6n);
    expect(state.excerpt(6n).keyCount).toBe(6);
    expect(state.bytes).toBeGreaterThan(6 * 2 * large.length);
  });

  it('reckons with what its keys take in memory, with the machine that applied them', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const replay = new Replay();
    const state = new MovableState();
    for (const [at, command] of commands(400_000)) {
      const change = replay.apply({ offset: 0, index: BigInt(at), term: 1n, command });
      if (change !== undefined) state.push(BigInt(at), change);
    }
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(state.bytes);
    expect(replay.values.size).toBe(400_000);
  }, 60_000);

  it('forgets many changes one by one, and keeps its place among the others', () => {
    const state = new MovableState();
    for (let index = 1; index <= 200_000; index++) {
      state.push(BigInt(index), { key: 'k', before: String(index - 1), after: String(index) });
    }
    expect(state.oldestIndex).toBeGreaterThan(130_000n);
    state.moveTo(150_000n);
    expect(state.excerpt(150_000n).items).toEqual([{ key: 'k', value: '150000' }]);
    state.push(200_001n, { key: 'k', before: '200000', after: null });
    expect(state.excerpt(200_001n)).toEqual({
      ...{ keyCount: 0, items: [] },
      change: { key: 'k', before: '200000', after: null },
    });
  });

  it('shows the keys from the changed one on where there are too many', () => {
    const state = new MovableState();
    for (let index = 1; index <= 3 * STATE_ITEMS_SHOWN_MAX; index++) {
      state.push(BigInt(index), { key: String(index).padStart(5, '0'), before: null, after: 'v' });
    }
    state.moveTo(2_000n);
    const { keyCount, items } = state.excerpt(2_000n);
    expect({ keyCount, first: items[0]?.key, count: items.length }).toEqual({
      ...{ keyCount: 2_000, first: '02000', count: 1 },
    });
  });
});
