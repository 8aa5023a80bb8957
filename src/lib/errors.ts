/**
 * Every way in which this project fails towards its user. A code is stable: scripts and other nodes rely on it.
 * What each one means for a process (exit code) and for a client (HTTP status) stands in one table below.
 */
export type RaftErrorCode =
  | 'usage'
  | 'bad-request'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-permitted'
  | 'too-large'
  | 'too-many'
  | 'no-leader'
  | 'not-leader'
  | 'unreachable'
  | 'outcome-unknown'
  | 'session-expired'
  | 'answered-no'
  | 'quorum-at-risk'
  | 'change-in-progress'
  | 'machine-error'
  | 'compacted'
  | 'damaged'
  | 'no-such-file'
  | 'already-running'
  | 'address-in-use'
  | 'cannot-create'
  | 'configuration'
  | 'removed'
  | 'unsupported'
  | 'disk-full'
  | 'disk-failed'
  | 'stopping'
  | 'unexpected';

interface ErrorMeaning {
  /** Exit code of a command that ends with this error (sysexits.h where it has one). */
  readonly exitCode: number;
  /** Status of an HTTP response that carries this error. */
  readonly httpStatus: number;
}

const MEANINGS: Readonly<Record<RaftErrorCode, ErrorMeaning>> = {
  usage: { exitCode: 2, httpStatus: 400 },
  'bad-request': { exitCode: 2, httpStatus: 400 },
  'not-found': { exitCode: 2, httpStatus: 404 },
  'method-not-allowed': { exitCode: 2, httpStatus: 405 },
  'not-permitted': { exitCode: 77, httpStatus: 403 },
  'too-large': { exitCode: 2, httpStatus: 413 },
  'too-many': { exitCode: 69, httpStatus: 503 },
  'no-leader': { exitCode: 69, httpStatus: 503 },
  'not-leader': { exitCode: 69, httpStatus: 421 },
  unreachable: { exitCode: 69, httpStatus: 502 },
  'outcome-unknown': { exitCode: 75, httpStatus: 504 },
  'session-expired': { exitCode: 75, httpStatus: 410 },
  'answered-no': { exitCode: 3, httpStatus: 409 },
  'quorum-at-risk': { exitCode: 3, httpStatus: 409 },
  'change-in-progress': { exitCode: 69, httpStatus: 409 },
  'machine-error': { exitCode: 2, httpStatus: 400 },
  compacted: { exitCode: 3, httpStatus: 410 },
  damaged: { exitCode: 65, httpStatus: 500 },
  'no-such-file': { exitCode: 66, httpStatus: 404 },
  'already-running': { exitCode: 73, httpStatus: 409 },
  'address-in-use': { exitCode: 73, httpStatus: 409 },
  'cannot-create': { exitCode: 73, httpStatus: 409 },
  configuration: { exitCode: 78, httpStatus: 409 },
  removed: { exitCode: 0, httpStatus: 503 },
  unsupported: { exitCode: 78, httpStatus: 501 },
  'disk-full': { exitCode: 1, httpStatus: 507 },
  'disk-failed': { exitCode: 1, httpStatus: 500 },
  stopping: { exitCode: 69, httpStatus: 503 },
  unexpected: { exitCode: 1, httpStatus: 500 },
};

/** What an error may carry beside its code and sentence. */
export interface RaftErrorOptions {
  /** What the user can do next, one line each: a command to type where there is one. */
  readonly suggestions?: readonly string[];
  /** The failure underneath. */
  readonly cause?: unknown;
  /** Where the leader is, where that is known. */
  readonly leader?: LeaderHint;
}

/** Where the leader is, as far as the node that failed knows. */
export interface LeaderHint {
  readonly id: string;
  readonly url?: string;
}

/** The one error that users see: a stable code, a sentence, and what to do next. */
export class RaftError extends Error {
  override readonly name = 'RaftError';
  readonly code: RaftErrorCode;
  readonly suggestions: readonly string[];
  readonly leader: LeaderHint | undefined;

  constructor(code: RaftErrorCode, message: string, options: RaftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.suggestions = options.suggestions ?? [];
    this.leader = options.leader;
  }
}

/** The exit code of a command that ends with this error. */
export function exitCodeOf(code: RaftErrorCode): number {
  return MEANINGS[code].exitCode;
}

/** The HTTP status of a response that carries this error. */
export function httpStatusOf(code: RaftErrorCode): number {
  return MEANINGS[code].httpStatus;
}

/** Whether a text is one of our codes: another node's answer may hold one that this version does not know. */
export function isRaftErrorCode(text: string): text is RaftErrorCode {
  return Object.hasOwn(MEANINGS, text);
}

/** Any thrown value as a `RaftError`; what is not one becomes `unexpected`, with its cause kept. */
export function asRaftError(error: unknown): RaftError {
  if (error instanceof RaftError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RaftError('unexpected', message, { cause: error });
}
