import { PATHS } from '../../src/http/paths.ts';
import { ENTRY_MARK } from '../../src/lib/entry.ts';
import { COMMAND_BYTES_MAX, KEY_BYTES_MAX, SMALL_BODY_BYTES_MAX } from '../../src/lib/limits.ts';
import type { Dice } from './fuzz-dice.ts';
import { type Expectation, fuzzRequest, type Maker } from './fuzz-request.ts';

/** Requests to the paths of users. Every byte string but the empty one is a legal command, and is answered. */

const ANY: Expectation = { type: 'any' };
const REFUSED: Expectation = { type: 'refused' };

/** Texts that the key-value machine should not take, and some that it does. None touches a writer's key. */
function machineText(dice: Dice): string {
  return dice.pick([
    ...([
      '{',
      '{}',
      '[]',
      '{"op":1}',
      '{"op":"put"}',
      '{"op":"put","key":1,"value":2}',
      'put',
      'get',
    ] as const),
    ...([
      '{"op":"get","key":""}',
      '{"op":"delete","key":null}',
      '{"op":"cas","key":"fuzz","value":"v"}',
    ] as const),
    ...(['{"op":"list","limit":-1}', '{"op":"list","limit":1e9}', '{"op":"list","limit":0.5}'] as const),
    ...(['{"op":"put","key":"fuzz","value":"v","value":1}', '{"__proto__":{"op":"put"}}', ' \n\t'] as const),
    `{"op":"put","key":"${'k'.repeat(KEY_BYTES_MAX + 1)}","value":""}`,
    `{"op":"put","key":"fuzz-${dice.integer(0, 99)}","value":"\\ud800"}`,
    `put fuzz-${dice.integer(0, 99)} ${dice.word(dice.integer(1, 60))}`,
    `get fuzz-${dice.integer(0, 99)}`,
    dice.word(dice.integer(1, 60)),
  ]);
}

function commandBytes(dice: Dice): Buffer {
  switch (dice.integer(0, 4)) {
    case 0:
      return dice.bytes(dice.integer(1, 400));
    case 1:
      return Buffer.from(ENTRY_MARK);
    case 2:
      return Buffer.concat([ENTRY_MARK, dice.bytes(dice.integer(1, 60))]);
    default:
      return Buffer.from(machineText(dice));
  }
}

const command: Maker = (dice) =>
  fuzzRequest('a command of any bytes', ANY, {
    path: PATHS.command,
    body: commandBytes(dice),
    framing: dice.pick(['length', 'chunked']),
  });

function placeHeaders(dice: Dice): readonly [string, ...string[]] {
  const sequence = dice.integer(1, 300);
  return [
    `Raft-Session: ${dice.bytes(16).toString('hex')}`,
    `Raft-Sequence: ${sequence}`,
    `Raft-Acknowledged: ${dice.integer(1, sequence)}`,
    `Raft-Session-Opened: ${dice.pick([0, 0, 1, 2 ** 52, 4_000_000])}`,
  ];
}

/** Sessions are opened in number, and commands come for those that are not known, too early and too late. */
const sessionCommand: Maker = (dice) =>
  fuzzRequest('a command in a session', ANY, {
    path: dice.pick([PATHS.command, PATHS.sessionCommand]),
    headers: placeHeaders(dice),
    body: commandBytes(dice),
  });

const malformedPlace: Maker = (dice) => {
  const wrong = dice.pick([
    ...(['Raft-Session: x', 'Raft-Session: ', `Raft-Session: ${'AB'.repeat(16)}`] as const),
    ...(['Raft-Sequence: 0', 'Raft-Sequence: -1', 'Raft-Sequence: 1e3', 'Raft-Sequence: 0x1'] as const),
    ...(['Raft-Sequence: 9007199254740993', 'Raft-Acknowledged: 0', 'Raft-Acknowledged: 301'] as const),
    ...(['Raft-Session-Opened: ', 'Raft-Session-Opened: 18446744073709551615'] as const),
  ]);
  const [name = ''] = wrong.split(':');
  const others = placeHeaders(dice).filter((header) => !header.startsWith(`${name}:`));
  return fuzzRequest('a command with no place in a session', REFUSED, {
    path: dice.pick([PATHS.command, PATHS.sessionCommand]),
    headers: dice.chance(0.8) ? [...others, wrong] : others,
    body: 'put fuzz v',
  });
};

const emptyCommand: Maker = (dice) =>
  fuzzRequest('an empty command', REFUSED, {
    path: PATHS.command,
    framing: dice.pick(['length', 'chunked']),
  });

/** A hop that did not happen: only the leader may still answer. */
const forwardedCommand: Maker = (dice) =>
  fuzzRequest('a command that says it was forwarded', ANY, {
    path: PATHS.command,
    headers: [`Raft-Forwarded: ${dice.word(5)}`],
    body: machineText(dice),
  });

const otherCluster: Maker = (dice) =>
  fuzzRequest('a request to another cluster', REFUSED, {
    path: dice.pick([PATHS.command, PATHS.query]),
    headers: [`Raft-Cluster-Id: ${dice.word(12)}`],
    body: '{"op":"get","key":"fuzz"}',
  });

const query: Maker = (dice) =>
  fuzzRequest('a query of any bytes', ANY, {
    path: `${PATHS.query}${dice.pick(['', '?consistency=stale', '?consistency=linearizable', '?a=b&a=%zz', '?'])}`,
    body: dice.chance(0.7) ? machineText(dice) : dice.bytes(dice.integer(0, 200)),
  });

const unknownConsistency: Maker = (dice) =>
  fuzzRequest('a consistency that there is not', REFUSED, {
    path: `${PATHS.query}?consistency=${dice.pick(['', 'strong', '%00', 'STALE', 'stale%20', '[object]'])}`,
    body: '{"op":"get","key":"fuzz"}',
  });

/** Watches that are none: one that is would go on for ever. */
const badWatch: Maker = (dice) =>
  fuzzRequest('a watch of nothing', REFUSED, {
    method: 'GET',
    path: `${PATHS.watch}?${dice.pick([
      ...(['', 'key', 'key=', 'key=a&prefix=', 'from=1', 'Key=a', 'key[]=a', 'prefix=%&key=%'] as const),
      ...(['key=a&from=', 'key=a&from=0', 'prefix=&from=-1', 'prefix=&from=1e3', 'key=a&from=0x1'] as const),
      ...(['prefix=&from=99999999999999999', 'key=a&from=%00', 'key=a&from=9007199254740992'] as const),
      `key=${'k'.repeat(KEY_BYTES_MAX + 1)}`,
    ])}`,
  });

const configuration: Maker = (dice) =>
  fuzzRequest('a new configuration', REFUSED, {
    path: PATHS.setConfiguration,
    body: dice.pick<string | Buffer>([
      ...(['', '{', 'null', '{"peers":null}', '{"peers":[]}', '{"peers":{}}', '{"peers":[null]}'] as const),
      ...(['{"peers":[{"id":1,"url":"http://a"}]}', '{"peers":[{"id":"0","url":"http://a"}]}'] as const),
      '{"peers":[{"id":"1","url":"ftp://a"}]}',
      '{"peers":[{"id":"1","url":"http://127.0.0.1:1"}]}',
      '{"peers":[{"id":"1","url":"http://a"},{"id":"1","url":"http://b"}]}',
      `{"peers":[${Array.from({ length: 100 }, (_, i) => `{"id":"${i + 1}","url":"http://a"}`)}]}`,
      dice.bytes(dice.integer(1, 300)),
    ]),
  });

const reading: Maker = (dice) =>
  fuzzRequest('a question with things that it does not need', ANY, {
    method: dice.pick(['GET', 'HEAD']),
    path: `${dice.pick([PATHS.id, PATHS.status, PATHS.live, PATHS.ready])}${dice.pick(['', '?', '?x=%ff&y', '??'])}`,
    headers: dice.chance(0.5) ? [] : [`X-${dice.integer(0, 9)}: ${dice.word(200)}`, 'Accept: nothing/at-all'],
    body: dice.chance(0.5) ? '' : dice.bytes(dice.integer(1, 100)),
  });

const slightlyTooLarge: Maker = (dice) =>
  fuzzRequest('a body above the limit', REFUSED, {
    path: dice.pick([PATHS.query, PATHS.setConfiguration, PATHS.requestVote, PATHS.preVote]),
    body: Buffer.alloc(SMALL_BODY_BYTES_MAX + dice.integer(1, 1_000), dice.pick(['x', '{', ' '])),
    framing: dice.pick(['length', 'chunked']),
  });

const hugeCommand: Maker = (dice) =>
  fuzzRequest('a command above the limit', REFUSED, {
    path: PATHS.command,
    body: Buffer.alloc(COMMAND_BYTES_MAX + dice.integer(1, 1_000), 'x'),
    framing: dice.pick(['length', 'chunked']),
  });

const largestCommand: Maker = (dice) =>
  fuzzRequest('a command at the limit', ANY, {
    path: PATHS.command,
    body: Buffer.concat([ENTRY_MARK, Buffer.alloc(COMMAND_BYTES_MAX - ENTRY_MARK.length, dice.bytes(1))]),
  });

/** All kinds, each as often as it stands here. */
export const USER_MAKERS: readonly [Maker, ...Maker[]] = [
  ...([command, command, command, emptyCommand, forwardedCommand, otherCluster] as const),
  ...([sessionCommand, sessionCommand, malformedPlace] as const),
  ...([query, query, unknownConsistency, badWatch, configuration, configuration, reading, reading] as const),
];

/** Kinds that are too large to be sent often. */
export const RARE_USER_MAKERS: readonly [Maker, ...Maker[]] = [
  ...([slightlyTooLarge, slightlyTooLarge, slightlyTooLarge, hugeCommand, largestCommand] as const),
];
