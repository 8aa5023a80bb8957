import { isRaftErrorCode } from '../../src/lib/errors.ts';
import type { RawOutcome, RawResponse } from './fuzz-connection.ts';
import type { Expectation, FuzzRequest } from './fuzz-request.ts';

const EMPTY_VOTE = '{"term":0,"vote_granted":false}\n\n';
const EMPTY_APPEND = '{"term":0,"success":false}\n\n';

/** What is wrong with the way in which a node took a request, as a sentence, or undefined. */
export function complaintAbout(request: FuzzRequest, outcome: RawOutcome): string | undefined {
  if (request.delivery === 'abandoned') return undefined;
  if (outcome.end === 'silent') return 'the node neither answered nor closed the connection';
  if (outcome.rest !== '') return `this is no whole response: ${excerpt(outcome.rest)}`;
  if (outcome.responses.length < request.answers && request.delivery !== 'cut') {
    return `the connection was closed after ${outcome.responses.length} of ${request.answers} answers`;
  }
  const bad = outcome.responses.find((response) => !isAsExpected(response, request));
  return bad && `expected "${request.expected.type}", got ${bad.status} ${excerpt(bad.body)}`;
}

function isAsExpected(response: RawResponse, { expected, isHead, mayBeStrange }: FuzzRequest): boolean {
  if (mayBeStrange === true && response.status === 409) return isClearError(response.body);
  if (response.status >= 200 && response.status < 300) return allows(expected, response);
  if (expected.type === 'no') return false;
  if (expected.type === 'malformed') {
    return response.status === 400 && response.body === (expected.rpc === 'vote' ? EMPTY_VOTE : EMPTY_APPEND);
  }
  return response.status >= 400 && (isHead || isClearError(response.body));
}

function allows(expected: Expectation, { body }: RawResponse): boolean {
  if (expected.type === 'no') return /"(success|vote_granted)":false/.test(body);
  return expected.type === 'any';
}

/** The empty response of an RPC, the original's `{"error"}`, or an error with a code of ours and a sentence. */
function isClearError(body: string): boolean {
  if (body === EMPTY_VOTE || body === EMPTY_APPEND) return true;
  const { error } = parse(body);
  if (isSentence(error)) return true;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error))
    return false;
  const { code, message } = error;
  return typeof code === 'string' && isRaftErrorCode(code) && code !== 'unexpected' && isSentence(message);
}

function isSentence(value: unknown): boolean {
  return typeof value === 'string' && /^\S.*[.]$/s.test(value);
}

function parse(body: string): { readonly error?: unknown } {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    // What is no JSON is no clear error: the caller says so.
    return {};
  }
}

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 300));
}
