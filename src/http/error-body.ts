import { isRaftErrorCode, type LeaderHint, RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { field, jsonIn } from './json.ts';

/** The body of every response that is no success, on the users' paths. */
export interface ErrorBody {
  readonly error: {
    readonly code: RaftErrorCode;
    readonly message: string;
    readonly suggestions: readonly string[];
    readonly leader?: { readonly id: string; readonly url?: string };
  };
}

/** The error in the body of a node's answer, or undefined where the body is no `ErrorBody` that this version knows. */
export function errorIn(body: Uint8Array): RaftError | undefined {
  const error = field(jsonIn(body), 'error');
  const code = field(error, 'code');
  const message = field(error, 'message');
  if (typeof code !== 'string' || typeof message !== 'string' || !isRaftErrorCode(code)) return undefined;
  const suggestions = field(error, 'suggestions');
  const leader = leaderIn(field(error, 'leader'));
  return new RaftError(code, message, {
    suggestions: Array.isArray(suggestions) ? suggestions.filter((line) => typeof line === 'string') : [],
    ...(leader === undefined ? {} : { leader }),
  });
}

function leaderIn(value: unknown): LeaderHint | undefined {
  const id = field(value, 'id');
  const url = field(value, 'url');
  if (typeof id !== 'string') return undefined;
  return typeof url === 'string' ? { id, url } : { id };
}
