import { type NodeId, parseNodeId } from '../lib/brands.ts';
import { strictTextOf, utf8 } from '../lib/bytes.ts';
import { MEMBERS_MAX, SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';
import type { Decoded } from './records.ts';

/** The incarnations of a node's peers, as they introduced themselves when they answered. */
export type PeersRecord = ReadonlyMap<NodeId, string>;

/** The bytes of the `peers` file: JSON for people, with a CRC-32 over the rest in `checksum`. */
export function encodePeers(peers: PeersRecord): Uint8Array {
  const content = Object.fromEntries(peers);
  return utf8(`${JSON.stringify({ peers: content, checksum: checksumOf(content) }, null, 2)}\n`);
}

/** Reads the `peers` file, strictly. */
export function decodePeers(bytes: Uint8Array): Decoded<PeersRecord> {
  const text = bytes.length > SMALL_BODY_BYTES_MAX ? undefined : strictTextOf(bytes);
  if (text === undefined) return damaged('it is no text of this program');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // A broken file is an answer here, not an exception.
    return damaged(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(json) || !isRecord(json.peers)) return damaged('it is not {"peers","checksum"}');
  const peers = new Map<NodeId, string>();
  for (const [key, incarnation] of Object.entries(json.peers)) {
    const id = parseNodeId(key);
    if (id === undefined || typeof incarnation !== 'string') return damaged('a peer is not ID: INCARNATION');
    peers.set(id, incarnation);
  }
  if (peers.size > MEMBERS_MAX)
    return damaged(`it has ${peers.size} peers, over the limit of ${MEMBERS_MAX}`);
  if (json.checksum !== checksumOf(Object.fromEntries(peers))) return damaged('its checksum does not match');
  return { type: 'value', value: peers };
}

/** Eight hexadecimal digits: CRC-32 of the compact JSON of the peers. */
function checksumOf(peers: Readonly<Record<string, string>>): string {
  return crc32(utf8(JSON.stringify(peers)))
    .toString(16)
    .padStart(8, '0');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(detail: string): { readonly type: 'damaged'; readonly detail: string } {
  return { type: 'damaged', detail };
}
