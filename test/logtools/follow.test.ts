import { appendFile, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { concatBytes, textOf, utf8 } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { encodeFrame, encodeFrames } from '../../src/logfmt/frame.ts';
import { type FollowEvent, followLog } from '../../src/logtools/follow.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { fixturePath } from '../logfmt/logs.ts';
import { collect, segmentName, TempDir } from './temp-dir.ts';

function entry(index: number, text: string, entryTerm = 1): Entry {
  return { index: logIndex(index), term: term(entryTerm), command: utf8(text) };
}

/** What was told, in a few words. */
function words(event: FollowEvent): string {
  if (event.type === 'cut') return `cut at ${event.offset}`;
  const { item } = event;
  if (item.type === 'problem') return `${item.problem.kind} at ${item.problem.offset}`;
  return `${item.frame.index} ${textOf(item.frame.command)}`;
}

/** A follower that is asked for one event after the other; each is waited for. */
class Reader {
  readonly #stop = new AbortController();
  readonly #events: AsyncGenerator<FollowEvent, void>;

  private constructor(events: (signal: AbortSignal) => AsyncGenerator<FollowEvent, void>) {
    this.#events = events(this.#stop.signal);
  }

  static async of(path: string): Promise<Reader> {
    const location = await locateLog(path);
    return new Reader((signal) => followLog(location, { signal, pollMs: 5 }));
  }

  async next(count: number): Promise<string[]> {
    const told: string[] = [];
    while (told.length < count) {
      const step = await this.#events.next();
      if (step.done) break;
      told.push(words(step.value));
    }
    return told;
  }

  /** Ends the following; what was still told. */
  async stop(): Promise<string[]> {
    this.#stop.abort();
    return (await collect(this.#events)).map(words);
  }
}

describe('following a log', () => {
  it('tells what is there, then what is appended', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('node.log', encodeFrames([entry(1, 'a'), entry(2, 'b')]));
    const reader = await Reader.of(path);
    expect(await reader.next(2)).toEqual(['1 a', '2 b']);
    await appendFile(path, encodeFrames([entry(3, 'c'), entry(4, 'd')]));
    expect(await reader.next(2)).toEqual(['3 c', '4 d']);
    expect(await reader.stop()).toEqual([]);
  });

  it('ends when it is told to, also while it waits', async () => {
    await using dir = await TempDir.make();
    const reader = await Reader.of(await dir.write('node.log', new Uint8Array(0)));
    const waiting = reader.next(1);
    expect(await reader.stop()).toEqual([]);
    expect(await waiting).toEqual([]);
  });

  it('waits for the rest of an entry, in a file that grows and in one that was filled ahead', async () => {
    await using dir = await TempDir.make();
    const second = encodeFrame(entry(2, 'second'));
    const growing = await dir.write(
      'growing.log',
      concatBytes([encodeFrame(entry(1, 'a')), second.subarray(0, 20)]),
    );
    const growingReader = await Reader.of(growing);
    expect(await growingReader.next(1)).toEqual(['1 a']);
    await appendFile(growing, second.subarray(20));
    expect(await growingReader.next(1)).toEqual(['2 second']);
    await growingReader.stop();

    const filled = await dir.write(
      'filled.log',
      concatBytes([encodeFrame(entry(1, 'a')), new Uint8Array(4096)]),
    );
    const filledReader = await Reader.of(filled);
    expect(await filledReader.next(1)).toEqual(['1 a']);
    const handle = await open(filled, 'r+');
    await handle.write(second.subarray(0, 26), 0, 26, 25);
    await handle.write(second.subarray(26), 0, 4, 51);
    await handle.close();
    expect(await filledReader.next(1)).toEqual(['2 second']);
    await filledReader.stop();
  });

  it('goes on in the next segment', async () => {
    await using dir = await TempDir.make();
    const first = await dir.write(segmentName(1), encodeFrame(entry(1, 'a')));
    const reader = await Reader.of(dir.path);
    expect(await reader.next(1)).toEqual(['1 a']);
    await appendFile(first, encodeFrame(entry(2, 'b')));
    await dir.write(segmentName(3), encodeFrame(entry(3, 'c')));
    await dir.write(segmentName(4), encodeFrame(entry(4, 'd')));
    expect(await reader.next(3)).toEqual(['2 b', '3 c', '4 d']);
    await reader.stop();
  });

  it('says where entries were taken back, and goes on with those that took their place', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('node.log', encodeFrames([entry(1, 'a'), entry(2, 'b'), entry(3, 'c')]));
    const reader = await Reader.of(path);
    expect(await reader.next(3)).toEqual(['1 a', '2 b', '3 c']);
    const kept = encodeFrame(entry(1, 'a')).length;
    await truncate(path, kept);
    expect(await reader.next(1)).toEqual([`cut at ${kept}`]);
    await appendFile(path, encodeFrames([entry(2, 'new', 2), entry(3, 'newer', 2)]));
    expect(await reader.next(2)).toEqual(['2 new', '3 newer']);
    await reader.stop();
  });

  it('notices a cut also where the new entries are there at the next look, as long as the old ones', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('node.log', encodeFrames([entry(1, 'a'), entry(2, 'b')]));
    const reader = await Reader.of(path);
    expect(await reader.next(2)).toEqual(['1 a', '2 b']);
    await dir.write('node.log', encodeFrames([entry(1, 'a'), entry(2, 'B', 2)]));
    expect(await reader.next(2)).toEqual(['cut at 25', '2 B']);
    await reader.stop();
  });

  it('goes back to an earlier segment where a cut took the last one away', async () => {
    await using dir = await TempDir.make();
    const first = await dir.write(segmentName(1), encodeFrames([entry(1, 'a'), entry(2, 'b')]));
    const second = await dir.write(segmentName(3), encodeFrame(entry(3, 'c')));
    const reader = await Reader.of(join(dir.path, 'log'));
    expect(await reader.next(3)).toEqual(['1 a', '2 b', '3 c']);
    await rm(second);
    await truncate(first, 25);
    expect(await reader.next(1)).toEqual(['cut at 25']);
    await appendFile(first, encodeFrame(entry(2, 'B', 2)));
    expect(await reader.next(1)).toEqual(['2 B']);
    await reader.stop();
  });

  it('starts over where nothing is left of what it told', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write('node.log', encodeFrames([entry(1, 'a'), entry(2, 'b')]));
    const reader = await Reader.of(path);
    expect(await reader.next(2)).toEqual(['1 a', '2 b']);
    await dir.write('node.log', encodeFrame(entry(1, 'other', 5)));
    expect(await reader.next(2)).toEqual(['cut at 0', '1 other']);
    await reader.stop();
  });

  it('tells damage in the middle in its place, and damage at the end once it stays', async () => {
    const inside = await Reader.of(fixturePath('damaged-log/bitflip-command.log'));
    const told = await inside.next(402);
    expect(told[201]).toBe('checksum-mismatch at 18120');
    expect(told[401]).toBe('402 last');
    await inside.stop();
    const behind = await Reader.of(fixturePath('damaged-log/garbage-tail.log'));
    expect((await behind.next(403)).at(-1)).toBe('garbage-tail at 101793');
    expect(await behind.stop()).toEqual([]);
  });
});

describe('a log that is written meanwhile', () => {
  it('verifies at every moment: an entry is whole or not there', async () => {
    await using dir = await TempDir.make();
    const path = await dir.write(segmentName(1), new Uint8Array(1024 * 1024));
    const location = await locateLog(dir.path);
    const writing = (async () => {
      const handle = await open(path, 'r+');
      let at = 0;
      for (let index = 1; index <= 2000; index++) {
        const frame = encodeFrame(entry(index, 'x'.repeat(1 + (index % 400))));
        await handle.write(frame, 0, frame.length, at);
        at += frame.length;
      }
      await handle.close();
    })();
    let isWritten = false;
    const written = writing.then(() => {
      isWritten = true;
    });
    let looks = 0;
    while (!isWritten) {
      for await (const report of verifyLog(location, { writer: 'running' })) {
        expect(report.problems).toEqual([]);
        expect(report.ok).toBe(true);
        expect(report.entries).toBe(Number(report.last?.index ?? 0));
      }
      looks++;
    }
    await written;
    const [last] = await collect(verifyLog(location));
    expect(last).toMatchObject({ entries: 2000, problems: [{ kind: 'zero-tail' }] });
    expect(looks).toBeGreaterThan(1);
  });
});
