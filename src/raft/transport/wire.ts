import { assertNever } from '../../lib/assert.ts';
import {
  INDEX_ZERO,
  type LogIndex,
  logIndex,
  type NodeId,
  parseNodeId,
  TERM_ZERO,
  type Term,
  term,
} from '../../lib/brands.ts';
import { EMPTY_BYTES } from '../../lib/bytes.ts';
import type { Entry } from '../../lib/entry.ts';
import { FRAME_COMMAND_BYTES_MAX, INDEX_MAX } from '../../lib/limits.ts';
import type {
  AppendEntries,
  AppendEntriesResponse,
  Conflict,
  PreVote,
  Request,
  RequestVote,
  Response,
} from '../core/messages.ts';
import { JsonCursor, MalformedJson } from './json-cursor.ts';

/**
 * The JSON of the original's RPCs (design: "On the wire"). Field names and order, the line feed at the end and the
 * number format are those of Go's `json.Encoder`; `conflict_index` and `conflict_term` are ours, and the original
 * ignores them. Every decoder is total: bytes from outside become a value or a reason.
 */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export type RequestType = Request['type'];

/** The body of a request. */
export function encodeRequest(request: Request): Buffer {
  switch (request.type) {
    case 'requestVote':
      return Buffer.from(
        `{"term":${request.term},"candidate_id":${request.candidateId},` +
          `"last_log_index":${request.lastLogIndex},"last_log_term":${request.lastLogTerm}}\n`,
        'latin1',
      );
    case 'preVote':
      return Buffer.from(
        `{"next_term":${request.nextTerm},"candidate_id":${request.candidateId},` +
          `"last_log_index":${request.lastLogIndex},"last_log_term":${request.lastLogTerm}}\n`,
        'latin1',
      );
    case 'appendEntries':
      return Buffer.from(
        `{"term":${request.term},"leader_id":${request.leaderId},` +
          `"prev_log_index":${request.prevLogIndex},"prev_log_term":${request.prevLogTerm},` +
          `"entries":[${request.entries.map(encodeEntry).join(',')}],"commit_index":${request.leaderCommit}}\n`,
        'latin1',
      );
    default:
      return assertNever(request, 'request');
  }
}

/** Go's encoder leaves an empty command out, because the original's field is marked `omitempty`. */
function encodeEntry(entry: Entry): string {
  const { buffer, byteOffset, length } = entry.command;
  const head = `{"index":${entry.index},"term":${entry.term}`;
  return length === 0
    ? `${head}}`
    : `${head},"command":"${Buffer.from(buffer, byteOffset, length).toString('base64')}"}`;
}

/** The body of a response. */
export function encodeResponse(response: Response): Buffer {
  switch (response.type) {
    case 'requestVoteResponse':
    case 'preVoteResponse':
      return Buffer.from(`{"term":${response.term},"vote_granted":${response.voteGranted}}\n`, 'latin1');
    case 'appendEntriesResponse':
      return Buffer.from(
        `{"term":${response.term},"success":${response.success}${encodeConflict(response.conflict)}}\n`,
        'latin1',
      );
    default:
      return assertNever(response, 'response');
  }
}

function encodeConflict(conflict: Conflict | undefined): string {
  if (conflict === undefined) return '';
  const head = `,"conflict_index":${conflict.index}`;
  return conflict.term === undefined ? head : `${head},"conflict_term":${conflict.term}`;
}

/** The response whose fields are all zero: the body that goes with a 400, as the original has it. */
export function emptyResponse(type: RequestType): Response {
  switch (type) {
    case 'requestVote':
      return { type: 'requestVoteResponse', term: TERM_ZERO, voteGranted: false };
    case 'preVote':
      return { type: 'preVoteResponse', term: TERM_ZERO, voteGranted: false };
    case 'appendEntries':
      return { type: 'appendEntriesResponse', term: TERM_ZERO, success: false };
    default:
      return assertNever(type, 'request type');
  }
}

/** Whether the sender of a request is listened to. */
type Accepts = (sender: NodeId) => boolean;

/**
 * Reads the body of a request of the given type, entries last: a sender that is not accepted ends the reading, and costs
 * no more.
 */
export function decodeRequest(type: RequestType, body: Uint8Array, accepts: Accepts): Decoded<Request> {
  switch (type) {
    case 'requestVote':
      return decode(body, (cursor) => readRequestVote(cursor, accepts));
    case 'preVote':
      return decode(body, (cursor) => readPreVote(cursor, accepts));
    case 'appendEntries':
      return decode(body, (cursor) => readAppendEntries(cursor, accepts));
    default:
      return assertNever(type, 'request type');
  }
}

/** Reads the body of the response to a request of the given type. */
export function decodeResponse(type: RequestType, body: Uint8Array): Decoded<Response> {
  switch (type) {
    case 'requestVote':
      return decode(body, (cursor) => ({ type: 'requestVoteResponse', ...readVoteResponse(cursor) }));
    case 'preVote':
      return decode(body, (cursor) => ({ type: 'preVoteResponse', ...readVoteResponse(cursor) }));
    case 'appendEntries':
      return decode(body, readAppendEntriesResponse);
    default:
      return assertNever(type, 'request type');
  }
}

function decode<T>(body: Uint8Array, read: (cursor: JsonCursor) => T): Decoded<T> {
  try {
    const cursor = new JsonCursor(body);
    const value = read(cursor);
    cursor.end();
    return { ok: true, value };
  } catch (error) {
    if (error instanceof MalformedJson) return { ok: false, reason: error.message };
    throw error;
  }
}

interface VoteFields {
  readonly campaignTerm: Term;
  readonly candidateId: NodeId;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

function readRequestVote(cursor: JsonCursor, accepts: Accepts): RequestVote {
  const { campaignTerm, ...fields } = readVoteFields(cursor, 'term', accepts);
  return { type: 'requestVote', term: campaignTerm, ...fields };
}

function readPreVote(cursor: JsonCursor, accepts: Accepts): PreVote {
  const { campaignTerm, ...fields } = readVoteFields(cursor, 'next_term', accepts);
  return { type: 'preVote', nextTerm: campaignTerm, ...fields };
}

function readVoteFields(cursor: JsonCursor, termField: 'term' | 'next_term', accepts: Accepts): VoteFields {
  let campaignTerm: Term | undefined;
  let candidateId: NodeId | undefined;
  let lastLogIndex: LogIndex | undefined;
  let lastLogTerm: Term | undefined;
  cursor.object((name) => {
    if (name === termField) campaignTerm = readTerm(cursor);
    else if (name === 'candidate_id') candidateId = readSender(cursor, accepts);
    else if (name === 'last_log_index') lastLogIndex = readIndex(cursor);
    else if (name === 'last_log_term') lastLogTerm = readTerm(cursor);
    else cursor.skip();
  });
  return {
    campaignTerm: required(campaignTerm, termField),
    candidateId: required(candidateId, 'candidate_id'),
    lastLogIndex: required(lastLogIndex, 'last_log_index'),
    lastLogTerm: required(lastLogTerm, 'last_log_term'),
  };
}

function readAppendEntries(cursor: JsonCursor, accepts: Accepts): AppendEntries {
  let leaderTerm: Term | undefined;
  let leaderId: NodeId | undefined;
  let prevLogIndex: LogIndex | undefined;
  let prevLogTerm: Term | undefined;
  let entries: readonly Entry[] | undefined;
  let leaderCommit: LogIndex | undefined;
  cursor.object((name) => {
    if (name === 'term') leaderTerm = readTerm(cursor);
    else if (name === 'leader_id') leaderId = readSender(cursor, accepts);
    else if (name === 'prev_log_index') prevLogIndex = readIndex(cursor);
    else if (name === 'prev_log_term') prevLogTerm = readTerm(cursor);
    // Go writes the fields in this order. What entries must follow is known before them, and so is who sends them.
    else if (name === 'entries') {
      required(leaderId, 'leader_id before entries');
      entries = readEntries(cursor, {
        index: required(prevLogIndex, 'prev_log_index before entries'),
        term: required(prevLogTerm, 'prev_log_term before entries'),
      });
    } else if (name === 'commit_index') leaderCommit = readIndex(cursor);
    else cursor.skip();
  });
  const message: AppendEntries = {
    type: 'appendEntries',
    term: required(leaderTerm, 'term'),
    leaderId: required(leaderId, 'leader_id'),
    prevLogIndex: required(prevLogIndex, 'prev_log_index'),
    prevLogTerm: required(prevLogTerm, 'prev_log_term'),
    entries: required(entries, 'entries'),
    leaderCommit: required(leaderCommit, 'commit_index'),
  };
  const [first] = message.entries;
  // A field that stands there twice counts as it stands last: the entries were read after the first.
  if (first !== undefined) requireOrder({ index: message.prevLogIndex, term: message.prevLogTerm }, first);
  const lastTerm = message.entries.at(-1)?.term ?? message.prevLogTerm;
  if (lastTerm > message.term) throw new MalformedJson('an entry has a term above its leader');
  return message;
}

/** Where an entry is in a log. */
type Position = Pick<Entry, 'index' | 'term'>;

/**
 * Reads entries up to the first that does not follow on the one before it: a body may hold millions. Go writes an empty
 * list that was never made as `null`.
 */
function readEntries(cursor: JsonCursor, before: Position): readonly Entry[] {
  const entries: Entry[] = [];
  if (cursor.acceptNull()) return entries;
  let previous = before;
  cursor.array(() => {
    const entry = readEntry(cursor);
    requireOrder(previous, entry);
    entries.push(entry);
    previous = entry;
  });
  return entries;
}

function readEntry(cursor: JsonCursor): Entry {
  let index: LogIndex = INDEX_ZERO;
  let entryTerm: Term = TERM_ZERO;
  let command: Uint8Array = EMPTY_BYTES;
  cursor.object((name) => {
    if (name === 'index') index = readIndex(cursor);
    else if (name === 'term') entryTerm = readTerm(cursor);
    else if (name === 'command') command = readBase64(cursor);
    else cursor.skip();
  });
  if (command.length === 0) throw new MalformedJson(`entry ${index} has an empty command`);
  if (command.length > FRAME_COMMAND_BYTES_MAX)
    throw new MalformedJson(`the command of entry ${index} is too large`);
  return { index, term: entryTerm, command };
}

/** §5.3: entries follow on prevLogIndex without a gap, and terms never fall. */
function requireOrder(previous: Position, entry: Entry): void {
  if (entry.index !== previous.index + 1)
    throw new MalformedJson(`entry ${entry.index} follows entry ${previous.index}`);
  if (entry.term < previous.term || entry.term === 0)
    throw new MalformedJson(`entry ${entry.index} has a term too low`);
}

function readVoteResponse(cursor: JsonCursor): { readonly term: Term; readonly voteGranted: boolean } {
  let responseTerm: Term | undefined;
  let voteGranted: boolean | undefined;
  cursor.object((name) => {
    if (name === 'term') responseTerm = readTerm(cursor);
    else if (name === 'vote_granted') voteGranted = cursor.boolean();
    else cursor.skip();
  });
  return { term: required(responseTerm, 'term'), voteGranted: required(voteGranted, 'vote_granted') };
}

function readAppendEntriesResponse(cursor: JsonCursor): AppendEntriesResponse {
  let responseTerm: Term | undefined;
  let success: boolean | undefined;
  let conflictIndex: LogIndex | undefined;
  let conflictTerm: Term | undefined;
  cursor.object((name) => {
    if (name === 'term') responseTerm = readTerm(cursor);
    else if (name === 'success') success = cursor.boolean();
    else if (name === 'conflict_index') conflictIndex = readIndex(cursor);
    else if (name === 'conflict_term') conflictTerm = readTerm(cursor);
    else cursor.skip();
  });
  const response: AppendEntriesResponse = {
    type: 'appendEntriesResponse',
    term: required(responseTerm, 'term'),
    success: required(success, 'success'),
  };
  if (response.success || conflictIndex === undefined) return response;
  const index: LogIndex = conflictIndex;
  return { ...response, conflict: conflictTerm === undefined ? { index } : { index, term: conflictTerm } };
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new MalformedJson(`${name} is missing`);
  return value;
}

/** A uint64 beyond the safe integers becomes one that is not safe either when it is rounded, and is refused. */
function readTerm(cursor: JsonCursor): Term {
  const value = Number(cursor.digits());
  if (!Number.isSafeInteger(value)) throw new MalformedJson('a term is too high');
  return term(value);
}

function readIndex(cursor: JsonCursor): LogIndex {
  const value = Number(cursor.digits());
  if (value > INDEX_MAX) throw new MalformedJson('an index is too high');
  return logIndex(value);
}

function readNodeId(cursor: JsonCursor): NodeId {
  const id = parseNodeId(cursor.digits());
  if (id === undefined) throw new MalformedJson('an id is not an integer from 1 to 2^64-1');
  return id;
}

function readSender(cursor: JsonCursor, accepts: Accepts): NodeId {
  const sender = readNodeId(cursor);
  if (!accepts(sender)) throw new MalformedJson(`node ${sender} is not listened to`);
  return sender;
}

/** Only what encodes back to the same text is base64 here: no white space, no other alphabet, no stray bits. */
function readBase64(cursor: JsonCursor): Uint8Array {
  const text = cursor.string();
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new MalformedJson('a command is not base64');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
