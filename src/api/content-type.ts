import { TEXT } from '../http/route.ts';

/** Go looks at this many bytes. */
const SNIFFED_BYTES = 512;

/**
 * The content type that Go's server would give to these bytes: text unless one of the first bytes is a control
 * character that no text holds. HTML and images are not told apart: nothing here is meant for a browser.
 */
export function contentTypeOf(bytes: Uint8Array): string {
  return bytes.subarray(0, SNIFFED_BYTES).some(isBinary) ? 'application/octet-stream' : TEXT;
}

/** The "binary data byte" of the WHATWG's MIME sniffing, which Go implements. */
function isBinary(byte: number): boolean {
  return byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f);
}
