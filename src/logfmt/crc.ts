import { crc32 as crc32OfLarge } from 'node:zlib';
import smallCrc32 from 'crc-32';

/**
 * Below this many bytes the call into native code costs more than it saves. Measured on Node 20.20 the two
 * implementations cross between 400 and 512 bytes: 24 bytes take 41 ns against 98, 64 KiB 28,600 ns against 9,600.
 */
const LARGE_BYTES_MIN = 448;

/**
 * CRC-32 (IEEE 802.3, as in zlib and Go's `crc32.ChecksumIEEE`) of `bytes` from `start` to before `end`, as a uint32.
 * Two implementations stand behind it, chosen by length; both give the same value.
 */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const range = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
  return range.length < LARGE_BYTES_MIN ? smallCrc32.buf(range) >>> 0 : crc32OfLarge(range);
}
