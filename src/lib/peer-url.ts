import { MEMBER_URL_BYTES_MAX } from './limits.ts';

/** Whether a text can be the address of a peer: the base URL of a server that speaks http. */
export function isPeerUrl(text: string): boolean {
  if (text.length > MEMBER_URL_BYTES_MAX) return false;
  const match = /^http:\/\/[^/?#@\s]+\/?$/.exec(text);
  return match !== null;
}
