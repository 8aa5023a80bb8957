import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { INDEX_MAX } from '../../src/lib/limits.ts';
import type { AppendEntries, Request, Response } from '../../src/raft/core/messages.ts';
import { decodeRequest, decodeResponse } from '../../src/raft/transport/wire-decode.ts';
import {
  emptyResponse,
  encodeRequest,
  encodeResponse,
  type RequestType,
} from '../../src/raft/transport/wire-encode.ts';

const TYPES: readonly RequestType[] = ['requestVote', 'preVote', 'appendEntries'];

const anyone = () => true;

const anId = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((id) => nodeId(String(id)));
const aTerm = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map(term);
const anIndex = fc.integer({ min: 0, max: INDEX_MAX }).map(logIndex);
const vote = { candidateId: anId, lastLogIndex: anIndex, lastLogTerm: aTerm };

const anAppendEntries: fc.Arbitrary<AppendEntries> = fc
  .record({
    leaderId: anId,
    prev: fc.integer({ min: 0, max: 2 ** 50 }),
    leaderCommit: anIndex,
    steps: fc.array(fc.record({ up: fc.nat(3), command: fc.uint8Array({ minLength: 1, maxLength: 40 }) })),
  })
  .map(({ leaderId, prev, leaderCommit, steps }) => {
    let current = 1;
    const entries = steps.map(({ up, command }, i) => {
      current += up;
      return { index: logIndex(prev + 1 + i), term: term(current), command: new Uint8Array(command) };
    });
    return {
      type: 'appendEntries',
      term: term(current),
      leaderId,
      prevLogIndex: logIndex(prev),
      prevLogTerm: term(1),
      entries,
      leaderCommit,
    };
  });

const aRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    ...{ type: fc.constant('requestVote' as const), term: aTerm, ...vote },
    isTransfer: fc.boolean(),
  }),
  fc.record({ type: fc.constant('timeoutNow' as const), term: aTerm, leaderId: anId }),
  fc.record({ type: fc.constant('preVote' as const), nextTerm: aTerm, ...vote }),
  anAppendEntries,
);

describe('a request on the wire', () => {
  it('comes back as it was sent, with ids up to 2^64-1', () => {
    fc.assert(
      fc.property(aRequest, (request) => {
        expect(decodeRequest(request.type, encodeRequest(request), anyone)).toEqual({
          ok: true,
          value: request,
        });
      }),
    );
  });

  it('is JSON in the order of the original, with a line feed and an empty list where nothing is appended', () => {
    const heartbeat: AppendEntries = {
      type: 'appendEntries',
      term: term(1),
      leaderId: nodeId('18446744073709551615'),
      prevLogIndex: logIndex(0),
      prevLogTerm: term(0),
      entries: [],
      leaderCommit: logIndex(0),
    };
    expect(textOf(encodeRequest(heartbeat))).toBe(
      '{"term":1,"leader_id":18446744073709551615,"prev_log_index":0,"prev_log_term":0,"entries":[],"commit_index":0}\n',
    );
  });

  it('may be written with any white space, in any order, with fields that are not known', () => {
    const text = ` { "x\\u0022" : [ 1.5e-3 , {"y":"\\\\","z":[]}, null, true, false, -0 ] , "last_log_term" : 3,
      "candidate_id":7,"last_log_index":\t4 , "term" : 5 }\r\n`;
    expect(decodeRequest('requestVote', utf8(text), anyone)).toEqual({
      ok: true,
      value: {
        ...{ type: 'requestVote', term: 5, candidateId: '7', lastLogIndex: 4, lastLogTerm: 3 },
        isTransfer: false,
      },
    });
  });

  it('ends at a sender that is not accepted, before anything is known of the entries', () => {
    const head = '{"term":1,"leader_id":7,"prev_log_index":0,"prev_log_term":0,';
    const refused: string[] = [];
    const refuse = (sender: string) => {
      refused.push(sender);
      return false;
    };
    for (const rest of ['"entries":[],"commit_index":0}', '"entries":[nonsense']) {
      expect(decodeRequest('appendEntries', utf8(head + rest), refuse)).toEqual({
        ok: false,
        reason: 'node 7 is not listened to',
      });
    }
    expect(refused).toEqual(['7', '7']);
  });

  it('ends at the first entry that does not follow, and reads no further', () => {
    const head = '{"term":5,"leader_id":7,"prev_log_index":3,"prev_log_term":2,"entries":[';
    const good = '{"index":4,"term":2,"command":"AA=="},';
    for (const [bad, reason] of [
      ['{"index":6,"term":2,"command":"AA=="},nonsense', 'entry 6 follows entry 4'],
      ['{"index":5,"term":1,"command":"AA=="},nonsense', 'entry 5 has a term too low'],
    ]) {
      expect(decodeRequest('appendEntries', utf8(head + good + bad), anyone)).toEqual({ ok: false, reason });
    }
    const first = '{"index":9,"term":2,"command":"AA=="},nonsense';
    expect(decodeRequest('appendEntries', utf8(head + first), anyone)).toMatchObject({
      reason: 'entry 9 follows entry 3',
    });
  });

  it('has its sender and what comes before the entries in front of them, once', () => {
    const entries = '"entries":[{"index":4,"term":2,"command":"AA=="}]';
    const before = '"leader_id":7,"prev_log_index":3,"prev_log_term":2';
    const wrong = [
      `{"term":5,${entries},${before},"commit_index":0}`,
      `{"term":5,${before},${entries},"prev_log_index":8,"commit_index":0}`,
    ];
    for (const text of wrong)
      expect(decodeRequest('appendEntries', utf8(text), anyone), text).toMatchObject({ ok: false });
    const right = `{"term":5,${before},${entries},"commit_index":0}`;
    expect(decodeRequest('appendEntries', utf8(right), anyone)).toMatchObject({ ok: true });
  });

  it('may have null for a list of entries that Go never made', () => {
    const text =
      '{"term":1,"leader_id":7,"prev_log_index":0,"prev_log_term":0,"entries":null,"commit_index":0}';
    expect(decodeRequest('appendEntries', utf8(text), anyone)).toMatchObject({
      ok: true,
      value: { entries: [] },
    });
  });
});

describe('a vote request that is refused with a reason', () => {
  const good = { term: '5', candidate_id: '7', last_log_index: '4', last_log_term: '3' };
  const refuses = (fields: Record<string, string>) => {
    const members = Object.entries({ ...good, ...fields }).map(([name, value]) => `"${name}":${value}`);
    const decoded = decodeRequest('requestVote', utf8(`{${members.join(',')}}`), anyone);
    expect(decoded, JSON.stringify(fields)).toEqual({ ok: false, reason: expect.any(String) });
  };

  it('is one whose numbers are not whole, unsigned and in range', () => {
    const numbers = [
      '1.0',
      '1e0',
      '-1',
      '-0',
      '+1',
      '01',
      '0x1',
      '"1"',
      'null',
      'true',
      '[]',
      '{}',
      '',
      'NaN',
    ];
    for (const number of numbers) for (const name of Object.keys(good)) refuses({ [name]: number });
  });

  it('is one whose term is no safe integer', () => {
    for (const high of [
      '9007199254740992',
      '9007199254740993',
      '18446744073709551615',
      `1${'0'.repeat(400)}`,
    ]) {
      refuses({ term: high });
      refuses({ last_log_term: high });
    }
  });

  it('is one whose index is above 2^52', () => {
    refuses({ last_log_index: String(INDEX_MAX + 1) });
    refuses({ last_log_index: '18446744073709551615' });
  });

  it('is one whose id is 0 or above 2^64-1', () => {
    for (const id of ['0', '18446744073709551616', '99999999999999999999']) refuses({ candidate_id: id });
  });

  it('is one that lacks a field, or is followed by something', () => {
    for (const text of [
      '{}',
      '{"term":1}',
      '[]',
      '',
      ' ',
      '{',
      '{"term":1,}',
      '{"term"}',
      '{"a":"',
      '{"a":"\\x"}',
    ]) {
      expect(decodeRequest('requestVote', utf8(text), anyone), text).toMatchObject({ ok: false });
    }
    const whole = '{"term":5,"candidate_id":7,"last_log_index":4,"last_log_term":3}';
    expect(decodeRequest('requestVote', utf8(whole), anyone)).toMatchObject({ ok: true });
    expect(decodeRequest('requestVote', utf8(`${whole}x`), anyone)).toMatchObject({ ok: false });
  });

  it('is one that is nested so deeply that it could exhaust the stack', () => {
    const deep = `{"x":${'['.repeat(100_000)}`;
    expect(decodeRequest('requestVote', utf8(deep), anyone)).toMatchObject({ ok: false });
  });
});

describe('entries that are refused with a reason', () => {
  const refuses = (entries: string) => {
    const text = `{"term":3,"leader_id":7,"prev_log_index":4,"prev_log_term":2,"entries":${entries},"commit_index":0}`;
    const decoded = decodeRequest('appendEntries', utf8(text), anyone);
    expect(decoded, entries).toEqual({ ok: false, reason: expect.any(String) });
  };

  it('have a command that is empty or missing', () => {
    refuses('[{"index":5,"term":3,"command":""}]');
    refuses('[{"index":5,"term":3}]');
  });

  it('have a command that is not strict base64', () => {
    for (const command of [
      'QQ',
      'QQ=',
      'QR==',
      'Q Q=',
      'QQ==\\n',
      '-_-_',
      'Q===',
      '=',
      'QQ==QQ==',
      '\u00e9===',
    ]) {
      refuses(`[{"index":5,"term":3,"command":"${command}"}]`);
    }
  });

  it('leave a gap after prevLogIndex, or repeat it', () => {
    refuses('[{"index":6,"term":3,"command":"QQ=="}]');
    refuses('[{"index":4,"term":3,"command":"QQ=="}]');
    refuses('[{"index":5,"term":3,"command":"QQ=="},{"index":7,"term":3,"command":"QQ=="}]');
  });

  it('have terms that fall, that are 0, or that are above the leader', () => {
    refuses('[{"index":5,"term":1,"command":"QQ=="}]');
    refuses('[{"index":5,"term":4,"command":"QQ=="}]');
    refuses('[{"index":5,"term":3,"command":"QQ=="},{"index":6,"term":2,"command":"QQ=="}]');
  });
});

describe('a decoder', () => {
  it('gives a value or a reason for any bytes, and never throws', () => {
    const near = aRequest.chain((request) => {
      const bytes = encodeRequest(request);
      return fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)).map(([at, byte]) => {
        bytes[at] = byte;
        return new Uint8Array(bytes);
      });
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array()), (bytes) => {
        for (const type of TYPES) {
          decodeRequest(type, bytes, anyone);
          decodeResponse(type, bytes);
        }
      }),
    );
  });

  it('takes a full request of 4,096 entries in a few milliseconds', () => {
    const entries = Array.from({ length: 4_096 }, (_, i) => ({
      index: logIndex(i + 1),
      term: term(1),
      command: new Uint8Array(128).fill(i),
    }));
    const first = { prevLogIndex: logIndex(0), prevLogTerm: term(0), leaderCommit: logIndex(0) };
    const body = encodeRequest({
      type: 'appendEntries',
      term: term(1),
      leaderId: nodeId('7'),
      entries,
      ...first,
    });
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      expect(decodeRequest('appendEntries', body, anyone).ok).toBe(true);
      return performance.now() - start;
    });
    // Warm, it takes about 4 ms. The bound leaves room for a busy machine.
    expect(Math.min(...times)).toBeLessThan(20);
  });
});

describe('a response on the wire', () => {
  const responses: readonly [RequestType, Response, string][] = [
    [
      'requestVote',
      { type: 'requestVoteResponse', term: term(2), voteGranted: true },
      '{"term":2,"vote_granted":true}\n',
    ],
    [
      'preVote',
      { type: 'preVoteResponse', term: term(2), voteGranted: false },
      '{"term":2,"vote_granted":false}\n',
    ],
    [
      'appendEntries',
      { type: 'appendEntriesResponse', term: term(3), success: true },
      '{"term":3,"success":true}\n',
    ],
    [
      'appendEntries',
      {
        type: 'appendEntriesResponse',
        term: term(3),
        success: false,
        conflict: { index: logIndex(4), term: term(2) },
      },
      '{"term":3,"success":false,"conflict_index":4,"conflict_term":2}\n',
    ],
    [
      'appendEntries',
      { type: 'appendEntriesResponse', term: term(3), success: false, conflict: { index: logIndex(4) } },
      '{"term":3,"success":false,"conflict_index":4}\n',
    ],
  ];

  it('has the fields of the original, and after them our own', () => {
    for (const [type, response, text] of responses) {
      expect(textOf(encodeResponse(response))).toBe(text);
      expect(decodeResponse(type, utf8(text))).toEqual({ ok: true, value: response });
    }
  });

  it('is refused where it is malformed', () => {
    const bad = [
      '',
      '{}',
      '{"term":1}',
      '{"success":true}',
      '{"term":"1","success":true}',
      '{"term":1,"success":1}',
    ];
    for (const text of bad)
      expect(decodeResponse('appendEntries', utf8(text)), text).toMatchObject({ ok: false });
    expect(
      decodeResponse('requestVote', utf8('{"term":18446744073709551615,"vote_granted":true}')),
    ).toMatchObject({
      ok: false,
    });
  });

  it('is all zero for a request that is malformed', () => {
    expect(textOf(encodeResponse(emptyResponse('requestVote')))).toBe('{"term":0,"vote_granted":false}\n');
    expect(textOf(encodeResponse(emptyResponse('preVote')))).toBe('{"term":0,"vote_granted":false}\n');
    expect(textOf(encodeResponse(emptyResponse('appendEntries')))).toBe('{"term":0,"success":false}\n');
  });
});
