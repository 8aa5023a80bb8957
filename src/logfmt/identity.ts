import { type NodeId, parseNodeId } from '../lib/brands.ts';
import { strictTextOf, utf8 } from '../lib/bytes.ts';
import { MEMBERS_MAX, SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import { crc32 } from './crc.ts';
import type { Decoded } from './records.ts';

/** The format of a data directory that this program writes, and the only one that it opens. */
export const IDENTITY_FORMAT_VERSION = 1;

/** The content of `node.json`: who a data directory belongs to. Written once, before the first vote. */
export interface NodeIdentity {
  readonly formatVersion: typeof IDENTITY_FORMAT_VERSION;
  /** The same on all nodes of a cluster. */
  readonly clusterId: string;
  readonly id: NodeId;
  readonly name: string;
  /** Random, made with the directory: a wiped node that comes back under its old id is another one. */
  readonly incarnation: string;
  /** The initial configuration, this node included. */
  readonly peers: readonly IdentityPeer[];
}

/** A member of the initial configuration. */
export interface IdentityPeer {
  readonly id: NodeId;
  /** Base URL, without a trailing slash. */
  readonly url: string;
}

const KEYS = ['formatVersion', 'clusterId', 'id', 'name', 'incarnation', 'peers', 'checksum'];

/** The bytes of `node.json`: JSON for people, with a CRC-32 over the rest in `checksum`. */
export function encodeIdentity(identity: NodeIdentity): Uint8Array {
  const { formatVersion, clusterId, id, name, incarnation } = identity;
  const peers = identity.peers.map((peer) => ({ id: peer.id, url: peer.url }));
  const content = { formatVersion, clusterId, id, name, incarnation, peers };
  return utf8(`${JSON.stringify({ ...content, checksum: checksumOf(content) }, null, 2)}\n`);
}

/** Reads `node.json`, strictly: a key that is missing, unknown or of another type is damage. */
export function decodeIdentity(bytes: Uint8Array): Decoded<NodeIdentity> {
  if (bytes.length > SMALL_BODY_BYTES_MAX) return damaged(`it is ${bytes.length} bytes long`);
  const text = strictTextOf(bytes);
  if (text === undefined) return damaged('it is not UTF-8 text');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // A broken file is an answer here, not an exception.
    return damaged(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return validate(json);
}

function validate(json: unknown): Decoded<NodeIdentity> {
  if (!isRecord(json)) return damaged('it is not a JSON object');
  for (const key of KEYS) if (!Object.hasOwn(json, key)) return damaged(`"${key}" is missing`);
  for (const key of Object.keys(json)) if (!KEYS.includes(key)) return damaged(`"${key}" is not known`);
  const { formatVersion, clusterId, name, incarnation, checksum } = json;
  if (formatVersion !== IDENTITY_FORMAT_VERSION) {
    return damaged(`its format version is ${JSON.stringify(formatVersion)}, and this program knows 1`);
  }
  if (!isText(clusterId)) return damaged('"clusterId" is not a text');
  if (!isText(name)) return damaged('"name" is not a text');
  if (!isText(incarnation)) return damaged('"incarnation" is not a text');
  const id = parseId(json.id);
  if (id === undefined) return damaged('"id" is not a node id in decimal');
  const peers = parsePeers(json.peers);
  if (typeof peers === 'string') return damaged(peers);
  const content = { formatVersion, clusterId, id, name, incarnation, peers } as const;
  if (checksum !== checksumOf(content)) return damaged('its checksum does not match its content');
  return { type: 'value', value: content };
}

/** The peers, or what is wrong with them. */
function parsePeers(json: unknown): readonly IdentityPeer[] | string {
  if (!Array.isArray(json)) return '"peers" is not a list';
  if (json.length > MEMBERS_MAX)
    return `"peers" has ${json.length} members, over the limit of ${MEMBERS_MAX}`;
  const peers: IdentityPeer[] = [];
  for (const item of json) {
    if (!isRecord(item) || Object.keys(item).length !== 2) return 'a peer is not {"id","url"}';
    const id = parseId(item.id);
    if (id === undefined || !isText(item.url)) return 'a peer is not {"id","url"}';
    if (peers.some((peer) => peer.id === id)) return `peer ${id} stands twice`;
    peers.push({ id, url: item.url });
  }
  return peers;
}

/** Eight hexadecimal digits: CRC-32 of the compact JSON of all other keys, in the order of `NodeIdentity`. */
function checksumOf(content: NodeIdentity): string {
  return crc32(utf8(JSON.stringify(content)))
    .toString(16)
    .padStart(8, '0');
}

function parseId(value: unknown): NodeId | undefined {
  return typeof value === 'string' ? parseNodeId(value) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(detail: string): { readonly type: 'damaged'; readonly detail: string } {
  return { type: 'damaged', detail };
}
