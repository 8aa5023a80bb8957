import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { decodePayload, ENTRY_MARK, encodePayload } from '../../src/lib/entry.ts';
import { COMMAND_BYTES_MAX, FRAME_COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';

const SESSION = sessionIdOfBytes(new Uint8Array(16).fill(0xab));
const PLACE = { session: SESSION, sequence: 7, acknowledgedBelow: 5, openedAtMs: 1_000, logTimeMs: 2_000 };
const HEAD_BYTES = 58;

const count = fc.integer({ min: 1, max: 2 ** 52 });
const time = fc.integer({ min: 0, max: 2 ** 52 });

describe('a command in a session', () => {
  it('comes out of the bytes of its entry as it went in', () => {
    const place = fc
      .record({
        session: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(sessionIdOfBytes),
        sequence: count,
        acknowledgedBelow: count,
        openedAtMs: time,
        logTimeMs: time,
      })
      .map((all) => ({ ...all, acknowledgedBelow: Math.min(all.acknowledgedBelow, all.sequence) }));
    fc.assert(
      fc.property(place, fc.uint8Array({ minLength: 1 }), (where, command) => {
        const payload = { kind: 'session', place: where, command } as const;
        expect(decodePayload(encodePayload(payload))).toEqual(payload);
      }),
    );
  });

  it('may itself begin with the mark of our entries', () => {
    const command = concatBytes([ENTRY_MARK, utf8('user')]);
    const encoded = encodePayload({ kind: 'session', place: PLACE, command });
    expect(decodePayload(encoded)).toMatchObject({ kind: 'session', command });
  });

  it('fits into a frame at its own limit', () => {
    const command = new Uint8Array(COMMAND_BYTES_MAX).fill(1);
    const encoded = encodePayload({ kind: 'session', place: PLACE, command });
    expect(encoded.length).toBe(COMMAND_BYTES_MAX + HEAD_BYTES);
    expect(encoded.length).toBeLessThanOrEqual(FRAME_COMMAND_BYTES_MAX);
  });

  const good = encodePayload({ kind: 'session', place: PLACE, command: utf8('x') });
  const changed = (at: number, ...bytes: readonly number[]) => {
    const copy = Uint8Array.from(good);
    copy.set(bytes, at);
    return copy;
  };

  it.each([
    ['no body', good.subarray(0, 9)],
    ['no command', good.subarray(0, HEAD_BYTES)],
    ['another version', changed(9, 2)],
    ['sequence 0', changed(26, 0)],
    ['a sequence beyond 2^52', changed(26, 1, 0, 0, 0, 0, 0, 0x10)],
    ['an acknowledgement of 0', changed(34, 0)],
    ['an acknowledgement above its sequence', changed(34, 8)],
    ['a log time of 2^64-1', changed(42, ...new Uint8Array(8).fill(0xff))],
    ['an opening beyond 2^52', changed(50, 1, 0, 0, 0, 0, 0, 0x10)],
  ])('is of a kind that is not known, so that every node stops at it, with %s', (_name, bytes) => {
    expect(decodePayload(good).kind).toBe('session');
    expect(decodePayload(bytes)).toMatchObject({ kind: 'unknown', kindByte: 3 });
  });
});
