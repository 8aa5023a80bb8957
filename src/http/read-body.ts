import type { IncomingMessage } from 'node:http';
import { concatBytes } from '../lib/bytes.ts';

/** How the reading of a body ended. */
export type Body =
  | { readonly type: 'whole'; readonly bytes: Uint8Array }
  | { readonly type: 'too-large' }
  /** The client went away, or was too slow and has been told so. */
  | { readonly type: 'gone' };

/** Collects the body of a request, and stops to keep it once it is longer than `bytesMax`. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    request.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      resolve({ type: 'too-large' });
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
