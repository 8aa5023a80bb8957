import { PATHS } from '../../src/http/paths.ts';
import type { Dice } from './fuzz-dice.ts';
import { type FuzzRequest, fuzzRequest, httpBytes, type Maker } from './fuzz-request.ts';

/** Requests that are bad whatever they are about: no HTTP, or HTTP that nobody should accept. */

const KNOWN_PATHS: readonly [string, ...string[]] = [PATHS.id, ...Object.values(PATHS)];
const GET_PATHS: readonly [string, ...string[]] = [PATHS.id, PATHS.status, PATHS.live, PATHS.ready];
const POST_PATHS: readonly [string, ...string[]] = [
  ...([PATHS.command, PATHS.query, PATHS.setConfiguration] as const),
  ...([PATHS.requestVote, PATHS.preVote, PATHS.appendEntries] as const),
];

function refused(what: string, text: string): FuzzRequest {
  const bytes = Buffer.from(text, 'latin1');
  return { what, bytes, delivery: 'whole', answers: 1, expected: { type: 'refused' }, isHead: false };
}

const unknownPath: Maker = (dice) => {
  const known = dice.pick(KNOWN_PATHS);
  const path = dice.pick([
    ...([
      '/',
      '//',
      '/raft',
      '/raft/',
      '/..',
      '/raft/../raft/id',
      '*',
      '/raft/%69d',
      '/%00',
      '/raft/id;x',
    ] as const),
    ...([`${known}/`, known.toUpperCase(), `/${known}`, `${known}%20`] as const),
    `/${dice.word(dice.integer(1, 400)).replaceAll('?', '.')}`,
  ]);
  const method = dice.pick(['GET', 'POST', 'PUT', 'DELETE']);
  return fuzzRequest(`the path ${path.slice(0, 40)}`, { type: 'refused' }, { method, path, body: 'x' });
};

const wrongMethod: Maker = (dice) => {
  const isPost = dice.chance(0.5);
  const path = dice.pick(isPost ? POST_PATHS : GET_PATHS);
  const others = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE', 'LINK'] as const;
  const method = dice.pick([isPost ? 'GET' : 'POST', ...others, ...(isPost ? ['HEAD'] : [])]);
  return fuzzRequest(`${method} ${path}`, { type: 'refused' }, { method, path });
};

const webPage: Maker = (dice) => {
  const path = dice.pick(KNOWN_PATHS);
  const origin = dice.pick(['http://example.org', 'null', 'http://127.0.0.1', 'https://localhost:1', '']);
  const method = dice.pick(['GET', 'POST', 'OPTIONS']);
  const headers = [`Origin: ${origin}`, 'Content-Type: text/plain'];
  const request = { method, path, headers, body: method === 'POST' ? 'put fuzz page' : '' };
  return fuzzRequest(`a web page at ${path}`, { type: 'refused' }, request);
};

const GET = 'GET /raft/id HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST /raft/command HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';

const NO_HTTP: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ['a method that there is not', 'FOO /raft/id HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no HTTP at all', 'hello, node\r\n\r\n'],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that there is not', 'GET /raft/id HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['no Host', 'GET /raft/id HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a tunnel', 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an expectation', `${POST}Expect: a-miracle\r\nContent-Length: 3\r\n\r\nget`],
  ['a space in a header name', `${GET}Bad Header: x\r\n\r\n`],
  ['a folded header', `${GET} x: y\r\n\r\n`],
  ['a NUL in a header', `${GET}x: \0\r\n\r\n`],
  ['a NUL in the path', 'GET /raft\0/id HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a header without a name', `${GET}: x\r\n\r\n`],
  ['headers that are too large', `${GET}x: ${'y'.repeat(20_000)}\r\n\r\n`],
  ['a path that is too long', `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['two lengths', `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`],
  ['a length below 0', `${POST}Content-Length: -1\r\n\r\nxx`],
  ['a length that is no number', `${POST}Content-Length: many\r\n\r\nxx`],
  ['a length beyond 2^64', `${POST}Content-Length: 99999999999999999999999\r\n\r\nxx`],
  ['a length of 1e15', `${POST}Content-Length: 1000000000000000\r\n\r\nxx`],
  ['a length and chunks', `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks of no size', `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ['a chunk of 2^70 bytes', `${POST}Transfer-Encoding: chunked\r\n\r\n400000000000000000\r\n`],
  ['a coding that there is not', `${POST}Transfer-Encoding: gzip\r\n\r\nxx`],
];

const noHttp: Maker = (dice) => {
  const [what, text] = dice.pick(NO_HTTP);
  return refused(what, text);
};

const noise: Maker = (dice) => ({
  ...refused('noise', ''),
  bytes: dice.bytes(dice.integer(1, 500)),
  delivery: 'cut',
  expected: { type: 'any' },
});

/** More than any route takes is announced, and little comes. */
const announcedTooLarge: Maker = (dice) => {
  const length = dice.pick([64 * 1024 ** 2 + 1, 2 ** 31, 2 ** 32 + 1, 2 ** 52]);
  const head = `POST ${dice.pick(POST_PATHS)} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
  return refused(`a body of ${length} bytes`, `${head}{"term":`);
};

function someRequest(dice: Dice): Buffer {
  const isPost = dice.chance(0.7);
  return isPost
    ? httpBytes({ path: dice.pick(POST_PATHS), body: `{"term":1,"fuzz":"${dice.word(40)}"}` })
    : httpBytes({ method: 'GET', path: dice.pick(GET_PATHS) });
}

/** The client ends in the middle of its request. */
const cutShort: Maker = (dice) => {
  const bytes = someRequest(dice);
  const cut = bytes.subarray(0, dice.integer(1, bytes.length - 1));
  return { ...refused('a request that is cut short', ''), bytes: cut, delivery: 'cut' };
};

/** The client goes away in the middle of its request, or before it is answered. */
const abandoned: Maker = (dice) => {
  const bytes = someRequest(dice);
  const cut = bytes.subarray(0, dice.integer(1, bytes.length));
  return { ...refused('a request that is abandoned', ''), bytes: cut, delivery: 'abandoned' };
};

/** Bytes of a request that arrived wrong: what it means then, nobody knows. */
const mangled: Maker = (dice) => ({
  ...refused('a request with changed bytes', ''),
  bytes: dice.mutate(someRequest(dice)),
  delivery: 'cut',
  expected: { type: 'any' },
});

/** A good request and then garbage on the same connection. */
const pipelined: Maker = (dice) => {
  const count = dice.integer(1, 4);
  const good = 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count);
  const garbage = dice.pick(['garbage\r\n\r\n', '\0\0\0\0', 'POST\r\n\r\n', '{"term":1}\r\n\r\n']);
  return {
    ...refused('garbage behind good requests', `${good}${garbage}`),
    expected: { type: 'any' },
    answers: 1,
  };
};

/** All kinds, each as often as it stands here. */
export const HTTP_MAKERS: readonly [Maker, ...Maker[]] = [
  ...([unknownPath, unknownPath, wrongMethod, wrongMethod, webPage, noHttp, noHttp, noHttp] as const),
  ...([noise, announcedTooLarge, cutShort, cutShort, abandoned, mangled, mangled, pipelined] as const),
];
