import { assertNever } from '../../lib/assert.ts';
import { TERM_ZERO } from '../../lib/brands.ts';
import type { Entry } from '../../lib/entry.ts';
import type { Conflict, Request, Response } from '../core/messages.ts';

export type RequestType = Request['type'];

/**
 * The body of a request: the JSON of the original's RPCs (design: "On the wire"). Field names and order, the line feed at the end and the
 * number format are those of Go's `json.Encoder`; `conflict_index`, `conflict_term`, `leadership_transfer` and
 * `removed_at` are ours, and the original ignores them.
 */
export function encodeRequest(request: Request): Buffer {
  switch (request.type) {
    case 'requestVote':
      return Buffer.from(
        `{"term":${request.term},"candidate_id":${request.candidateId},` +
          `"last_log_index":${request.lastLogIndex},"last_log_term":${request.lastLogTerm}` +
          `${request.isTransfer ? ',"leadership_transfer":true' : ''}}\n`,
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
    case 'timeoutNow':
      return Buffer.from(`{"term":${request.term},"leader_id":${request.leaderId}}\n`, 'latin1');
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
      return Buffer.from(`{"term":${response.term},"vote_granted":${response.voteGranted}}\n`, 'latin1');
    case 'preVoteResponse':
      return Buffer.from(
        `{"term":${response.term},"vote_granted":${response.voteGranted}` +
          `${response.removedAt === undefined ? '' : `,"removed_at":${response.removedAt}`}}\n`,
        'latin1',
      );
    case 'timeoutNowResponse':
      return Buffer.from(`{"term":${response.term}}\n`, 'latin1');
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
    case 'timeoutNow':
      return { type: 'timeoutNowResponse', term: TERM_ZERO };
    default:
      return assertNever(type, 'request type');
  }
}
