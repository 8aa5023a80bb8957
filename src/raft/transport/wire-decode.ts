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
  PreVote,
  PreVoteResponse,
  Request,
  RequestVote,
  RequestVoteResponse,
  Response,
  TimeoutNow,
  TimeoutNowResponse,
} from '../core/messages.ts';
import { JsonCursor, MalformedJson } from './json-cursor.ts';
import type { RequestType } from './wire-encode.ts';

/** Every decoder is total: bytes from outside become a value or a reason. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

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
    case 'timeoutNow':
      return decode(body, (cursor) => readTimeoutNow(cursor, accepts));
    default:
      return assertNever(type, 'request type');
  }
}

/** Reads the body of the response to a request of the given type. */
export function decodeResponse(type: RequestType, body: Uint8Array): Decoded<Response> {
  switch (type) {
    case 'requestVote':
      return decode(body, readRequestVoteResponse);
    case 'preVote':
      return decode(body, readPreVoteResponse);
    case 'appendEntries':
      return decode(body, readAppendEntriesResponse);
    case 'timeoutNow':
      return decode(body, readTimeoutNowResponse);
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
  readonly isTransfer: boolean;
}

function readRequestVote(cursor: JsonCursor, accepts: Accepts): RequestVote {
  const { campaignTerm, ...fields } = readVoteFields(cursor, 'term', accepts);
  return { type: 'requestVote', term: campaignTerm, ...fields };
}

function readPreVote(cursor: JsonCursor, accepts: Accepts): PreVote {
  const { campaignTerm, isTransfer: _, ...fields } = readVoteFields(cursor, 'next_term', accepts);
  return { type: 'preVote', nextTerm: campaignTerm, ...fields };
}

function readVoteFields(cursor: JsonCursor, termField: 'term' | 'next_term', accepts: Accepts): VoteFields {
  let campaignTerm: Term | undefined;
  let candidateId: NodeId | undefined;
  let lastLogIndex: LogIndex | undefined;
  let lastLogTerm: Term | undefined;
  let isTransfer = false;
  cursor.object((name) => {
    if (name === termField) campaignTerm = readTerm(cursor);
    else if (name === 'candidate_id') candidateId = readSender(cursor, accepts);
    else if (name === 'last_log_index') lastLogIndex = readIndex(cursor);
    else if (name === 'last_log_term') lastLogTerm = readTerm(cursor);
    else if (name === 'leadership_transfer') isTransfer = cursor.boolean();
    else cursor.skip();
  });
  return {
    campaignTerm: required(campaignTerm, termField),
    candidateId: required(candidateId, 'candidate_id'),
    lastLogIndex: required(lastLogIndex, 'last_log_index'),
    lastLogTerm: required(lastLogTerm, 'last_log_term'),
    isTransfer,
  };
}

function readTimeoutNow(cursor: JsonCursor, accepts: Accepts): TimeoutNow {
  let leaderTerm: Term | undefined;
  let leaderId: NodeId | undefined;
  cursor.object((name) => {
    if (name === 'term') leaderTerm = readTerm(cursor);
    else if (name === 'leader_id') leaderId = readSender(cursor, accepts);
    else cursor.skip();
  });
  return {
    type: 'timeoutNow',
    term: required(leaderTerm, 'term'),
    leaderId: required(leaderId, 'leader_id'),
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

interface VoteResponseFields {
  readonly term: Term;
  readonly voteGranted: boolean;
  readonly removedAt: LogIndex | undefined;
}

function readRequestVoteResponse(cursor: JsonCursor): RequestVoteResponse {
  const { term: responseTerm, voteGranted } = readVoteResponse(cursor);
  return { type: 'requestVoteResponse', term: responseTerm, voteGranted };
}

function readPreVoteResponse(cursor: JsonCursor): PreVoteResponse {
  const { removedAt, ...fields } = readVoteResponse(cursor);
  return { type: 'preVoteResponse', ...fields, ...(removedAt === undefined ? {} : { removedAt }) };
}

function readVoteResponse(cursor: JsonCursor): VoteResponseFields {
  let responseTerm: Term | undefined;
  let voteGranted: boolean | undefined;
  let removedAt: LogIndex | undefined;
  cursor.object((name) => {
    if (name === 'term') responseTerm = readTerm(cursor);
    else if (name === 'vote_granted') voteGranted = cursor.boolean();
    else if (name === 'removed_at') removedAt = readIndex(cursor);
    else cursor.skip();
  });
  return {
    term: required(responseTerm, 'term'),
    voteGranted: required(voteGranted, 'vote_granted'),
    removedAt,
  };
}

function readTimeoutNowResponse(cursor: JsonCursor): TimeoutNowResponse {
  let responseTerm: Term | undefined;
  cursor.object((name) => {
    if (name === 'term') responseTerm = readTerm(cursor);
    else cursor.skip();
  });
  return { type: 'timeoutNowResponse', term: required(responseTerm, 'term') };
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
