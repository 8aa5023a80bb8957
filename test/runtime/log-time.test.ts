import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/lib/bytes.ts';
import { LOG_TIME_STEP_MS_MAX } from '../../src/lib/limits.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import { LogTime } from '../../src/raft/runtime/log-time.ts';

const PLACE = {
  session: sessionIdOfBytes(new Uint8Array(16)),
  sequence: 1,
  acknowledgedBelow: 1,
  openedAtMs: 0,
};

/** A leader's count on a clock that the test moves. */
function leaderAt(replicatedMs: number) {
  const state = { nowMs: 5_000.5, replicatedMs };
  const logTime = new LogTime(
    { nowMs: () => state.nowMs, after: () => () => {}, soon: () => {} },
    () => state.replicatedMs,
  );
  const stamp = () => {
    const payload = logTime.payloadOf({ command: utf8('c'), place: PLACE });
    return payload.kind === 'session' ? payload.place.logTimeMs : undefined;
  };
  return { state, logTime, stamp };
}

describe('the time that a leader stamps commands with', () => {
  it('is the replicated one, and what has passed on its own clock since that changed', () => {
    const { state, logTime, stamp } = leaderAt(100);
    expect(stamp()).toBe(100);
    state.nowMs += 30.7;
    expect(stamp()).toBe(130);
    state.replicatedMs = 120;
    logTime.observe();
    state.nowMs += 5;
    logTime.observe();
    expect(stamp()).toBe(125);
  });

  it('takes a long silence for a step, so that a session can be opened after it', () => {
    const { state, stamp } = leaderAt(100);
    state.nowMs += 3_600_000;
    expect(stamp()).toBe(100 + LOG_TIME_STEP_MS_MAX);
  });

  it('stands in no command without a session', () => {
    const { logTime } = leaderAt(100);
    const command = utf8('c');
    expect(logTime.payloadOf({ command, place: undefined })).toEqual({ kind: 'command', command });
  });
});
