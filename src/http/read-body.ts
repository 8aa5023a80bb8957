import type { IncomingMessage } from 'node:http';
import { concatBytes } from '../lib/bytes.ts';
import type { BodyShare } from './body-budget.ts';

/** How the reading of a body ended. */
export type Body =
  | { readonly type: 'whole'; readonly bytes: Uint8Array }
  | { readonly type: 'too-large' }
  /** The bodies of all requests together are too long. */
  | { readonly type: 'over-budget' }
  /** The client went away, or was too slow and has been told so. */
  | { readonly type: 'gone' };

/**
 * Collects the body of a request, and stops to keep it once it is longer than `bytesMax` or its share is used up. The
 * share of a body that is kept is the caller's to release.
 */
export function readBody(request: IncomingMessage, bytesMax: number, share: BodyShare): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let isRefused = false;
    const refuse = (type: 'too-large' | 'over-budget'): void => {
      isRefused = true;
      chunks.length = 0;
      share.release();
      resolve({ type });
    };
    request.on('data', (chunk: Uint8Array) => {
      if (isRefused) return;
      length += chunk.length;
      if (length > bytesMax) refuse('too-large');
      else if (!share.take(chunk.length)) refuse('over-budget');
      else chunks.push(chunk);
    });
    request.once('end', () => resolve({ type: 'whole', bytes: joined(chunks) }));
    request.once('error', () => resolve({ type: 'gone' }));
    request.once('close', () => resolve({ type: 'gone' }));
  });
}

/** Most bodies come in one piece, which need not be copied. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const only = chunks[0];
  return chunks.length === 1 && only !== undefined ? only : concatBytes(chunks);
}
