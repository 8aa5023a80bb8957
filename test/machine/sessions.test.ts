import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { EchoMachine } from '../../src/raft/machine/echo.ts';
import { KvMachine } from '../../src/raft/machine/kv.ts';
import { refusalError, SessionMachine } from '../../src/raft/machine/sessions.ts';
import { describeAnswer, Replica, type Sent, SMALL_LIMITS, sessionId } from './sessions.ts';

describe('a command that comes again', () => {
  it('is answered as it was the first time, with the entry of the first time, and not applied again', () => {
    const replica = new Replica();
    expect(replica.say({ sequence: 1 })).toBe('1:1/1 @1.1');
    expect(replica.say({ sequence: 2 })).toBe('2:1/2 @2.1');
    expect(replica.say({ sequence: 1 })).toBe('1:1/1 @1.1');
    expect(replica.recorder.commands).toEqual(['1/1', '1/2']);
  });

  it('is not applied again after a restore, by whichever node', () => {
    const before = new Replica();
    before.say({ sequence: 1 });
    const after = new Replica(SMALL_LIMITS, before);
    expect(after.say({ sequence: 1 })).toBe('1:1/1 @1.1');
    expect(after.recorder.commands).toEqual(['1/1']);
    expect(after.machine.snapshot()).toEqual(before.machine.snapshot());
  });

  it('may come before those that were sent earlier, and each is applied once', () => {
    const replica = new Replica();
    for (const sequence of [3, 1, 3, 2, 1]) replica.say({ sequence });
    expect(replica.recorder.commands).toEqual(['1/3', '1/1', '1/2']);
  });

  it('is refused once its client has acknowledged its answer, and takes no room any more', () => {
    const replica = new Replica();
    replica.say({ sequence: 1 });
    expect(replica.say({ sequence: 2, acknowledgedBelow: 2 })).toBe('2:1/2 @2.1');
    expect(replica.say({ sequence: 1 })).toBe('acknowledged');
    expect(replica.recorder.commands).toEqual(['1/1', '1/2']);
  });

  it('is applied each time where it is in no session', () => {
    const { machine, recorder } = new Replica();
    machine.apply(logIndex(1), utf8('a'));
    machine.apply(logIndex(2), utf8('a'));
    expect(recorder.commands).toEqual(['a', 'a']);
  });
});

describe('a session', () => {
  it('opens with any of its commands, within the window of log time', () => {
    const replica = new Replica();
    expect(replica.say({ session: 1, sequence: 2, openedAtMs: 0, atMs: 100 })).toBe('1:1/2 @1.1');
    expect(replica.say({ session: 2, sequence: 1, openedAtMs: 0, atMs: 101 })).toBe('no-session');
    expect(replica.say({ session: 3, sequence: 1, openedAtMs: 102, atMs: 101 })).toBe('no-session');
    expect(replica.recorder.commands).toEqual(['1/2']);
  });

  it('ends when it was idle for longer than the expiry, and no late copy opens it again', () => {
    const replica = new Replica();
    replica.say({ sequence: 1, atMs: 0 });
    replica.say({ sequence: 2, atMs: 1_000 });
    expect(replica.say({ sequence: 1, atMs: 2_000 })).toBe('1:1/1 @1.1');
    expect(replica.say({ sequence: 3, atMs: 3_001 })).toBe('no-session');
    expect(replica.say({ sequence: 1, atMs: 0 })).toBe('no-session');
    expect(replica.recorder.commands).toEqual(['1/1', '1/2']);
  });

  it('gives way to a new one where there are as many as may be, if it was idle for longer than the window', () => {
    const replica = new Replica();
    for (const session of [1, 2, 3]) replica.say({ session, sequence: 1, atMs: 0 });
    replica.say({ session: 1, sequence: 2, atMs: 50 });
    expect(replica.say({ session: 4, sequence: 1, openedAtMs: 100, atMs: 100 })).toBe('sessions-full');
    expect(replica.say({ session: 4, sequence: 1, openedAtMs: 100, atMs: 101 })).toBe('5:4/1 @6.1');
    expect(replica.say({ session: 2, sequence: 1, atMs: 101 })).toBe('no-session');
    expect(replica.say({ session: 3, sequence: 1, atMs: 101 })).toBe('3:3/1 @3.1');
    expect(replica.say({ session: 5, sequence: 1, openedAtMs: 151, atMs: 151 })).toBe('6:5/1 @9.1');
    expect(replica.say({ session: 1, sequence: 1, atMs: 151 })).toBe('no-session');
  });

  it('has as many commands under way as may be kept, and goes on when they are acknowledged', () => {
    const replica = new Replica();
    for (const sequence of [1, 2, 3, 4]) replica.say({ sequence });
    expect(replica.say({ sequence: 5 })).toBe('commands-full');
    expect(replica.say({ sequence: 5, acknowledgedBelow: 2 })).toBe('5:1/5 @6.1');
    expect(replica.recorder.commands).toEqual(['1/1', '1/2', '1/3', '1/4', '1/5']);
  });

  it('keeps time that never goes back', () => {
    const replica = new Replica();
    replica.say({ sequence: 1, atMs: 90 });
    replica.say({ sequence: 2, atMs: 10 });
    expect(replica.machine.logTimeMs).toBe(90);
  });
});

describe('answers that take too much room', () => {
  it('are dropped within a session, the oldest first; what was applied is not applied again', () => {
    const replica = new Replica();
    for (const sequence of [1, 2, 3]) replica.say({ sequence, command: 'x'.repeat(14) });
    const again = replica.send({ sequence: 1 });
    expect(again).toEqual({ type: 'refused', refusal: { reason: 'answer-dropped', index: 1, term: 1 } });
    expect(replica.say({ sequence: 2 })).toBe(`2:${'x'.repeat(14)} @2.1`);
    expect(replica.recorder.commands).toHaveLength(3);
  });

  it('are dropped over all sessions, the oldest first, also after a restore', () => {
    const before = new Replica();
    const command = 'x'.repeat(14);
    before.say({ session: 2, sequence: 1, command });
    before.say({ session: 1, sequence: 1, command });
    before.say({ session: 2, sequence: 2, command });
    const after = new Replica(SMALL_LIMITS, before);
    for (const replica of [before, after]) {
      replica.say({ session: 3, sequence: 1, command });
      expect(replica.say({ session: 2, sequence: 1 })).toBe('answer-dropped');
      expect(replica.say({ session: 1, sequence: 1 })).toBe(`2:${command} @2.1`);
    }
    expect(after.machine.snapshot()).toEqual(before.machine.snapshot());
  });

  it('are dropped at once where one alone is too much', () => {
    const replica = new Replica();
    expect(replica.say({ sequence: 1, command: 'x'.repeat(50) })).toContain('xxx');
    expect(replica.say({ sequence: 1 })).toBe('answer-dropped');
  });

  it('are copies: a machine that uses its bytes again changes none of them', () => {
    const bytes = utf8('first');
    const echo = new EchoMachine();
    const machine = new SessionMachine({
      ...echo,
      query: echo.query,
      snapshot: echo.snapshot,
      restore: echo.restore,
      apply: () => bytes,
    });
    const place = { session: sessionId(1), sequence: 1, acknowledgedBelow: 1, openedAtMs: 0, logTimeMs: 0 };
    const position = { index: logIndex(1), term: term(1) };
    machine.applyInSession(position, { place, command: utf8('a') });
    bytes.fill(0);
    const again = machine.applyInSession({ ...position, index: logIndex(2) }, { place, command: utf8('a') });
    expect(describeAnswer(again)).toBe('first @1.1');
  });
});

/** What a client is told, and whether it may have been done before, stands in the code. */
describe('a refusal', () => {
  it.each([
    ['no-session', 'session-expired'],
    ['acknowledged', 'session-expired'],
    ['sessions-full', 'too-many'],
    ['commands-full', 'too-many'],
  ] as const)('for the reason %s is reported as %s', (reason, code) => {
    expect(refusalError({ reason }).code).toBe(code);
  });

  it('for an answer that is gone says which entry the command became', () => {
    const error = refusalError({ reason: 'answer-dropped', index: logIndex(12), term: term(3) });
    expect(error.code).toBe('session-expired');
    expect(error.message).toContain('was applied as entry 12 of term 3');
  });
});

describe('a snapshot', () => {
  it('that is cut anywhere, or is another, is refused, and changes nothing', () => {
    const replica = new Replica();
    replica.say({ session: 1, sequence: 1 });
    replica.say({ session: 2, sequence: 1, command: 'x'.repeat(50) });
    const snapshot = replica.machine.snapshot();
    const machine = snapshot.length - utf8(JSON.stringify(replica.recorder.commands)).length;
    for (let length = 0; length < machine; length++) {
      expect(() => replica.machine.restore(snapshot.subarray(0, length))).toThrow(RaftError);
    }
    expect(() => replica.machine.restore(utf8('something else entirely'))).toThrow(/cannot be read/);
    expect(replica.machine.snapshot()).toEqual(snapshot);
  });

  it('of the key-value machine that is damaged leaves the sessions as they were', () => {
    const machine = new SessionMachine(new KvMachine());
    const before = machine.snapshot();
    expect(() => machine.restore(before.subarray(0, before.length - 1))).toThrow(RaftError);
    expect(machine.snapshot()).toEqual(before);
  });
});

const step = fc.record({
  session: fc.integer({ min: 1, max: 8 }),
  sequence: fc.integer({ min: 1, max: 6 }),
  acknowledged: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 6 })),
  pauseMs: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -10, max: 20 }) }, fc.constant(1_001)),
  commandBytes: fc.integer({ min: 0, max: 30 }),
});

/** Copies of commands in any order, and silences. The times of entries may go back, as after a change of leaders. */
const history = fc.array(step, { maxLength: 80 }).map((steps): readonly Sent[] => {
  let atMs = 0;
  return steps.map(({ session, sequence, acknowledged, pauseMs, commandBytes }) => {
    atMs = Math.max(0, atMs + pauseMs);
    const command = `${session}/${sequence}/${'x'.repeat(commandBytes)}`;
    // A session was opened once: every copy of each of its commands says the same.
    const openedAtMs = 5 * (session - 1);
    return {
      session,
      sequence,
      acknowledgedBelow: Math.min(acknowledged, sequence),
      openedAtMs,
      atMs,
      command,
    };
  });
});

describe('in any history of copies, silences and lack of room', () => {
  it('every command is applied at most once, and all replicas say and keep the same', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(59)), (entries, restores) => {
        const steady = new Replica();
        let restored = new Replica();
        entries.forEach((entry, at) => {
          if (restores.includes(at)) restored = new Replica(SMALL_LIMITS, restored);
          expect(restored.send(entry)).toEqual(steady.send(entry));
        });
        expect(restored.machine.snapshot()).toEqual(steady.machine.snapshot());
        const applied = steady.recorder.commands.map((command) => command.split('/', 2).join('/'));
        expect(applied).toHaveLength(new Set(applied).size);
      }),
      { numRuns: 2_000 },
    );
  });

  it('an answer is that of the first copy, whatever a later one asks for', () => {
    fc.assert(
      fc.property(history, (entries) => {
        const replica = new Replica();
        const first = new Map<string, string>();
        for (const entry of entries) {
          const answer = replica.send(entry);
          if (answer.type === 'refused') continue;
          const key = `${entry.session}/${entry.sequence}`;
          const said = describeAnswer(answer);
          expect(first.get(key) ?? said).toBe(said);
          first.set(key, said);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
