import { PATHS } from '../http/paths.ts';
import { errorBody, NDJSON, type Route, type RouteRequest, type StreamAnswer } from '../http/route.ts';
import { type LogIndex, logIndex } from '../lib/brands.ts';
import { utf8 } from '../lib/bytes.ts';
import { asRaftError, RaftError } from '../lib/errors.ts';
import { INDEX_MAX, KEY_BYTES_MAX, SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import type { ChangeSelector } from '../raft/ports.ts';
import type { RaftService, Watch, WatchNews } from '../raft/service.ts';
import type { WatchLine } from './schema.ts';

/** `GET /raft/watch`: a line for each change as it comes, and a heartbeat where there is nothing to tell. */
export function watchRoute(service: RaftService, check: (request: RouteRequest) => RouteRequest): Route {
  return {
    method: 'GET',
    path: PATHS.watch,
    bodyBytesMax: SMALL_BODY_BYTES_MAX,
    handle: (request) => handleWatch(service, check(request)),
  };
}

async function handleWatch(
  service: RaftService,
  { query, signal, headersOnly }: RouteRequest,
): Promise<StreamAnswer> {
  const from = fromOf(query);
  const watch = await service.watch(selectorOf(query), { signal, ...(from === undefined ? {} : { from }) });
  if (signal.aborted || headersOnly) watch.close();
  else signal.addEventListener('abort', () => watch.close(), { once: true });
  return { status: 200, contentType: NDJSON, chunks: linesOf(watch, service) };
}

/** Ends once the watch is closed, and with a last line where it fails. */
async function* linesOf(watch: Watch, service: RaftService): AsyncGenerator<string, void> {
  try {
    for (let news = await watch.next(); news !== undefined; news = await watch.next())
      yield textOf(news, memberUrls(service));
  } catch (error) {
    yield lineOf({ type: 'error', ...errorBody(asRaftError(error)) });
  } finally {
    watch.close();
  }
}

function textOf({ changes, index, leader }: WatchNews, members: readonly string[]): string {
  if (changes.length > 0) return changes.map((change) => lineOf(change)).join('');
  return lineOf({ type: 'heartbeat', index, leaderId: leader?.id ?? null, members });
}

function memberUrls(service: RaftService): readonly string[] {
  return service
    .status()
    .members.map(({ url }) => url)
    .filter((url) => url !== null);
}

function lineOf(line: WatchLine): string {
  return `${JSON.stringify(line)}\n`;
}

function selectorOf(query: URLSearchParams): ChangeSelector {
  const key = query.get('key');
  const prefix = query.get('prefix');
  const text = key ?? prefix ?? '';
  if ((key === null) === (prefix === null) || key === '' || utf8(text).length > KEY_BYTES_MAX) {
    throw new RaftError(
      'bad-request',
      `A watch is of one key or of one prefix, with at most ${KEY_BYTES_MAX} bytes.`,
      { suggestions: ["curl -N 'URL/raft/watch?key=greeting'", "curl -N 'URL/raft/watch?prefix='"] },
    );
  }
  return key === null ? { type: 'prefix', prefix: text } : { type: 'key', key };
}

function fromOf(query: URLSearchParams): LogIndex | undefined {
  const text = query.get('from');
  if (text === null) return undefined;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= INDEX_MAX) return logIndex(value);
  throw new RaftError('bad-request', `A watch begins at an index from 1 to ${INDEX_MAX}, not at "${text}".`);
}
