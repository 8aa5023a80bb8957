import { PATHS } from '../../src/http/paths.ts';
import { ENTRY_MARK } from '../../src/lib/entry.ts';
import { FRAME_COMMAND_BYTES_MAX, TERM_JUMP_MAX } from '../../src/lib/limits.ts';
import type { Dice } from './fuzz-dice.ts';
import { type Expectation, fuzzRequest, type Maker, type Situation } from './fuzz-request.ts';

/**
 * Requests to the paths of peers. Raft trusts its members: a well-formed request of a newer term in a member's name is
 * indistinguishable from that member's own, and may depose a leader or even append entries. Such requests are not made
 * here; everything else must change nothing.
 */

/** The fields of an RPC as JSON texts, because numbers beyond 2^53 are the point. */
type Fields = Readonly<Record<string, string>>;

const NO_INTEGERS: readonly [string, ...string[]] = [
  ...(['-1', '-0', '1.5', '1.0', '1e3', '1E400', '01', '+1', '0x10', 'NaN', 'Infinity'] as const),
  ...(['"1"', '""', 'null', 'true', '{}', '[]', '[1]', '{"a":1}', '', '1 2', "'1'"] as const),
];
const UINT64_AND_MORE: readonly [string, ...string[]] = [
  ...(['9007199254740992', '9007199254740993', '18446744073709551615', '18446744073709551616'] as const),
  ...(['1000000000000000000000000000000', `1${'0'.repeat(400)}`] as const),
];
const HIGH_INDEXES: readonly [string, ...string[]] = ['4503599627370497', '9007199254740991'];
const NO_IDS: readonly [string, ...string[]] = ['0', '18446744073709551616', '99999999999999999999999'];
const NO_ENTRIES: readonly [string, ...string[]] = [
  ...(['{}', '"x"', '1', 'true', '[1]', '[null]', '["x"]', '[[]]', '[{}]', '[,]', '[{"index":1}]'] as const),
];

const APPEND: Expectation = { type: 'malformed', rpc: 'append' };
const VOTE: Expectation = { type: 'malformed', rpc: 'vote' };
const NO: Expectation = { type: 'no' };
const REFUSED: Expectation = { type: 'refused' };

function json(fields: Fields): string {
  return `{${Object.entries(fields).map(([name, value]) => `"${name}":${value}`)}}`;
}

function rpc(
  what: string,
  expected: Expectation,
  path: string,
  body: string | Buffer,
  headers: readonly string[] = [],
) {
  return fuzzRequest(what, expected, { path, body, headers });
}

/** A heartbeat of the leader that there is. */
function heartbeat({ term, leader }: Situation): Fields {
  const prev = { prev_log_index: '0', prev_log_term: '0' };
  return { term: String(term), leader_id: leader, ...prev, entries: '[]', commit_index: '0' };
}

function entry(index: number, term: number, command: Uint8Array): string {
  return `{"index":${index},"term":${term},"command":"${Buffer.from(command).toString('base64')}"}`;
}

/** A vote that is asked for in a member's name. `termField` tells the two paths apart. */
function vote(termField: 'term' | 'next_term', candidate: string, term: number): Fields {
  return { [termField]: String(term), candidate_id: candidate, last_log_index: '0', last_log_term: '0' };
}

interface Rpc {
  readonly path: string;
  readonly expected: Expectation;
  readonly fields: Fields;
}

function anyRpc(dice: Dice, situation: Situation): Rpc {
  const { leader, term } = situation;
  return dice.pick<Rpc>([
    { path: PATHS.appendEntries, expected: APPEND, fields: heartbeat(situation) },
    { path: PATHS.requestVote, expected: VOTE, fields: vote('term', leader, term) },
    { path: PATHS.preVote, expected: VOTE, fields: vote('next_term', leader, term + 1) },
  ]);
}

/** A value that the field cannot have. */
function badValue(dice: Dice, field: string): string {
  if (field === 'entries') return dice.pick(NO_ENTRIES);
  if (dice.chance(0.5)) return dice.pick(NO_INTEGERS);
  if (field.endsWith('_id')) return dice.pick(NO_IDS);
  if (field.endsWith('index') && dice.chance(0.5)) return dice.pick(HIGH_INDEXES);
  return dice.pick(UINT64_AND_MORE);
}

const wrongField: Maker = (dice, situation) => {
  const { path, expected, fields } = anyRpc(dice, situation);
  const names = Object.keys(fields);
  const name = names[dice.integer(0, names.length - 1)] ?? 'term';
  const value = badValue(dice, name);
  return rpc(`${name} is ${value.slice(0, 40)}`, expected, path, json({ ...fields, [name]: value }));
};

const missingField: Maker = (dice, situation) => {
  const { path, expected, fields } = anyRpc(dice, situation);
  const names = Object.keys(fields);
  const missing = names[dice.integer(0, names.length - 1)];
  const rest = Object.entries(fields).filter(([name]) => name !== missing);
  return rpc(`${missing} is missing`, expected, path, json(Object.fromEntries(rest)));
};

const wrongBody: Maker = (dice, situation) => {
  const { path, expected, fields } = anyRpc(dice, situation);
  const good = json(fields);
  const [what, body] = dice.pick<readonly [string, string | Buffer]>([
    ['no body', ''],
    ['another JSON value', dice.pick(['null', '[]', '{}', '1', '"text"', 'true', '[{}]', '{"":{}}'])],
    ['bytes that are no text', dice.bytes(dice.integer(1, 300))],
    ['text that is no JSON', dice.word(dice.integer(1, 300))],
    ['JSON that is cut short', good.slice(0, dice.integer(0, good.length - 1))],
    ['JSON with something behind it', `${good}${dice.pick(['!', '{}', ',', '\u0000', '"'])}`],
    ['JSON nested deeply', `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)},${good.slice(1)}`],
    ['a name without an end', '{"term'],
    ['a bad escape', `{"\\x":1,${good.slice(1)}`],
  ]);
  return rpc(`an RPC with ${what}`, expected, path, body);
};

/** Entries that do not follow each other, or are none. The leader's name and term are right. */
const wrongEntries: Maker = (dice, situation) => {
  const { term } = situation;
  const command = dice.bytes(dice.integer(1, 40));
  const good = entry(1, term, command);
  const [what, entries] = dice.pick<readonly [string, string]>([
    ['a gap before the first', entry(2, term, command)],
    ['a gap', `${good},${entry(3, term, command)}`],
    ['an index twice', `${good},${good}`],
    ['an index that goes back', `${good},${entry(2, term, command)},${entry(1, term, command)}`],
    ['index 0', entry(0, term, command)],
    ['an index above 2^52', entry(2 ** 52 + 1, term, command)],
    ['a term above its leader', entry(1, term + 1, command)],
    ['a term that goes back', `${good},${entry(2, term - 1, command)}`],
    ['term 0', entry(1, 0, command)],
    ['an empty command', entry(1, term, Buffer.alloc(0))],
    ['no command', `{"index":1,"term":${term}}`],
    ['a command that is no text', `{"index":1,"term":${term},"command":[1,2]}`],
    [
      'bad base64',
      `{"index":1,"term":${term},"command":"${dice.pick(['=', 'A', 'QQ', 'QR==', 'Q Q=', '*'])}"}`,
    ],
    ['one that is null', `${good},null`],
    ['one that has no end', good.slice(0, -1)],
  ]);
  const body = json({ ...heartbeat(situation), entries: `[${entries}]`, commit_index: '1' });
  return rpc(`entries with ${what}`, APPEND, PATHS.appendEntries, body);
};

const hugeEntry: Maker = (_, situation) => {
  const command = Buffer.alloc(FRAME_COMMAND_BYTES_MAX + 1, 'x');
  const body = json({ ...heartbeat(situation), entries: `[${entry(1, situation.term, command)}]` });
  return rpc('an entry larger than any', APPEND, PATHS.appendEntries, body);
};

/** What an entry may hold at worst: any bytes, also what looks like an entry of a later version. */
function adversarialCommand(dice: Dice): Uint8Array {
  const bytes = dice.bytes(dice.integer(1, 60));
  return dice.chance(0.5) ? bytes : Buffer.concat([ENTRY_MARK, bytes]);
}

/** Well-formed, but of a term that is over: answered with no, whatever stands in it. */
const stale: Maker = (dice, situation) => {
  const { leader, members } = situation;
  const term = dice.integer(0, situation.term - 1);
  const other = members.find((id) => id !== situation.target) ?? leader;
  if (dice.chance(0.3)) {
    const body = json({ ...vote('term', other, term), last_log_index: String(2 ** 52) });
    return rpc('a vote in a term that is over', NO, PATHS.requestVote, body);
  }
  const isEmpty = term === 0;
  const entries = isEmpty ? '[]' : `[${entry(1, term, adversarialCommand(dice))}]`;
  const body = json({
    ...heartbeat({ ...situation, term, leader: other }),
    entries,
    commit_index: String(2 ** 52),
  });
  return rpc('entries of a term that is over', NO, PATHS.appendEntries, body);
};

/** In this term there is another leader, and the receiver is it. */
const usurper: Maker = (dice, situation) => {
  const { target, leader, term, members } = situation;
  if (target !== leader) return beyondTheLog(dice, situation);
  const other = members.find((id) => id !== leader) ?? leader;
  const entries = `[${entry(1, term, adversarialCommand(dice))}]`;
  const body = json({ ...heartbeat(situation), leader_id: other, entries });
  return rpc('a second leader of the term', NO, PATHS.appendEntries, body);
};

/** In the leader's name, behind entries that the receiver does not have. */
const beyondTheLog: Maker = (dice, situation) => {
  const { term, leader, target, lastIndex } = situation;
  if (target === leader) return stale(dice, situation);
  const prev = dice.pick([2 ** 52 - 1, 2 ** 40, lastIndex + 1_000_000]);
  const entries = dice.chance(0.5) ? '[]' : `[${entry(prev + 1, term, adversarialCommand(dice))}]`;
  const place = { prev_log_index: String(prev), prev_log_term: String(term) };
  const body = json({ ...heartbeat(situation), ...place, entries, commit_index: String(2 ** 52) });
  return rpc('entries beyond the log', NO, PATHS.appendEntries, body);
};

/** In the leader's name: other bytes for an entry that is committed, or a commit index beyond all entries. */
const rewriting: Maker = (dice, situation) => {
  if (situation.target === situation.leader) return usurper(dice, situation);
  const entries = dice.chance(0.5) ? '[]' : `[${entry(1, situation.term, dice.bytes(8))}]`;
  const body = json({
    ...heartbeat(situation),
    entries,
    commit_index: dice.pick(['0', '1', String(2 ** 52)]),
  });
  return rpc('other bytes for a committed entry', { type: 'any' }, PATHS.appendEntries, body);
};

/** From a node that is no member, valid in all else. */
const outsider: Maker = (dice, { term }) => {
  const id = dice.pick(['1', '7', '18446744073709551615', '9007199254740993']);
  const high = term + dice.pick([0, 1, 1_000, TERM_JUMP_MAX - 1, TERM_JUMP_MAX + 1]);
  const entries = `[${entry(1, term, adversarialCommand(dice))}]`;
  const prev = { prev_log_index: '0', prev_log_term: '0' };
  const [path, fields] = dice.pick<readonly [string, Fields]>([
    [PATHS.requestVote, { ...vote('term', id, high), last_log_index: String(2 ** 52) }],
    [PATHS.preVote, { ...vote('next_term', id, high), last_log_index: String(2 ** 52) }],
    [PATHS.appendEntries, { term: String(high), leader_id: id, ...prev, entries, commit_index: '1' }],
  ]);
  return rpc('a node that is no member', REFUSED, path, json(fields));
};

/** Headers of another cluster, of another node than the body names, of this very node, or of one that lost its data. */
const impostor: Maker = (dice, situation) => {
  const { clusterId, leader, target, term, members } = situation;
  const headers = (cluster: string, node: string): readonly string[] => [
    `raft-cluster-id: ${cluster}`,
    `raft-node-id: ${node}`,
    `raft-incarnation: ${dice.word(20)}`,
  ];
  const other = members.find((id) => id !== target && id !== leader) ?? leader;
  const [expected, forged] = dice.pick<readonly [Expectation, readonly string[]]>([
    [REFUSED, headers(`not-${clusterId}`, leader)],
    [REFUSED, headers(dice.word(30), dice.word(30))],
    [REFUSED, headers(clusterId, target)],
    // A node knows the incarnations of those that have answered it; any other it takes for the member, whose vote a
    // leader that is heard of does not need.
    [{ type: 'any' }, headers(clusterId, leader)],
  ]);
  const from = target === leader ? other : leader;
  const body = json(vote('term', from, term + dice.integer(1, 1_000)));
  return rpc('headers of somebody else', expected, PATHS.requestVote, body, forged);
};

/** In the receiver's own name. */
const oneself: Maker = (dice, { target, term }) =>
  rpc(
    'a vote for the receiver',
    VOTE,
    PATHS.requestVote,
    json(vote('term', target, term + dice.integer(0, 9))),
  );

/** Votes that a member might ask for: a leader that is heard of is not deposed by them. */
const plausibleVote: Maker = (dice, { members, term }) => {
  const candidate = dice.pick(members);
  const log = { last_log_index: dice.pick(['0', '1', String(2 ** 52)]), last_log_term: String(term) };
  const [path, fields] = dice.pick<readonly [string, Fields]>([
    [PATHS.preVote, vote('next_term', candidate, term + dice.integer(0, 1_000))],
    [PATHS.requestVote, vote('term', candidate, term)],
  ]);
  return rpc('a vote that a member might ask for', { type: 'any' }, path, json({ ...fields, ...log }));
};

const termTooHigh: Maker = (dice, situation) => {
  const { path, expected, fields } = anyRpc(dice, situation);
  const name = path === PATHS.preVote ? 'next_term' : 'term';
  const high = String(situation.term + 2 ** dice.integer(40, 52));
  return rpc(`${name} is ${high}`, expected, path, json({ ...fields, [name]: high }));
};

/** How many of the requests introduce themselves as the member in whose name they are. */
const INTRODUCED = 0.7;

/** The same requests, most of them with the headers by which our own nodes know each other. */
function introduced(maker: Maker): Maker {
  return (dice, situation) => {
    const request = maker(dice, situation);
    const text = request.bytes.toString('latin1');
    const sender = /"(?:leader_id|candidate_id)":(\d+)/.exec(text)?.[1];
    if (sender === undefined || sender === situation.target || !dice.chance(INTRODUCED)) {
      return { ...request, mayBeStrange: true };
    }
    const headers = `raft-cluster-id: ${situation.clusterId}\r\nraft-node-id: ${sender}\r\n`;
    // Where the id itself was changed, its bearer is a stranger.
    const mayBeStrange = !situation.members.includes(sender);
    return {
      ...request,
      mayBeStrange,
      bytes: Buffer.from(text.replace('\r\n\r\n', `\r\n${headers}\r\n`), 'latin1'),
    };
  };
}

/** All kinds, each as often as it stands here. */
export const RPC_MAKERS: readonly [Maker, ...Maker[]] = [
  impostor,
  oneself,
  ...[wrongField, wrongField, wrongField, wrongField, missingField, wrongBody, wrongBody].map(introduced),
  ...[wrongEntries, wrongEntries, wrongEntries, stale, stale, usurper, beyondTheLog, rewriting].map(
    introduced,
  ),
  ...[outsider, outsider, plausibleVote, termTooHigh].map(introduced),
];

/** Kinds that are too large to be sent often. */
export const RARE_RPC_MAKERS: readonly [Maker, ...Maker[]] = [introduced(hugeEntry)];
