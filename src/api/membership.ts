import { field, jsonIn } from '../http/json.ts';
import { type LogIndex, logIndex, type NodeId, parseNodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import { MEMBERS_MAX } from '../lib/limits.ts';
import { isPeerUrl } from '../lib/peer-url.ts';
import type { MembershipRequest, MembershipResult, PeerAddress, TransferResult } from '../raft/ports.ts';

/** The body of `POST /raft/configuration`. */
export function membershipJson({ voters, learners, expectIndex, isForced }: MembershipRequest): unknown {
  return {
    voters: voters.map(addressJson),
    learners: learners.map(addressJson),
    expect: expectIndex,
    force: isForced,
  };
}

/** Reads the body of `POST /raft/configuration`. Throws a `RaftError` (`bad-request`). */
export function membershipIn(body: Uint8Array): MembershipRequest {
  const json = jsonIn(body);
  const force = field(json, 'force') ?? false;
  if (typeof force !== 'boolean') throw badRequest('"force" is neither true nor false.');
  return {
    voters: addressesIn(field(json, 'voters'), 'voters'),
    learners: addressesIn(field(json, 'learners') ?? [], 'learners'),
    expectIndex: expectIn(field(json, 'expect') ?? null),
    isForced: force,
  };
}

/**
 * Reads the body of the original's `POST /raft/setconfiguration`, which names the voters and nothing else. Throws a
 * `RaftError` (`bad-request`).
 */
export function setConfigurationIn(body: Uint8Array): MembershipRequest {
  const voters = addressesIn(field(jsonIn(body), 'peers'), 'peers');
  if (voters.length === 0) throw badRequest('A configuration needs at least one peer.');
  return { voters, learners: [], expectIndex: null, isForced: false };
}

/** Reads the body of `POST /raft/transfer`: a node's id, or null for whoever is fit best. Throws `bad-request`. */
export function transferTargetIn(body: Uint8Array): NodeId | null {
  const target = field(jsonIn(body), 'target');
  if (target === null) return null;
  const id = typeof target === 'string' ? parseNodeId(target) : undefined;
  if (id === undefined) throw badRequest('"target" is neither null nor a text with the id of a node.');
  return id;
}

/** Reads the answer of `POST /raft/configuration`. Throws a `RaftError` (`unsupported`) for anything else. */
export function membershipResultIn(body: Uint8Array): MembershipResult {
  const index = field(jsonIn(body), 'index');
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) throw strangeAnswer();
  return { index: logIndex(index) };
}

/** Reads the answer of `POST /raft/transfer`. Throws a `RaftError` (`unsupported`) for anything else. */
export function transferResultIn(body: Uint8Array): TransferResult {
  const id = field(jsonIn(body), 'leaderId');
  const leaderId = typeof id === 'string' ? parseNodeId(id) : undefined;
  if (leaderId === undefined) throw strangeAnswer();
  return { leaderId };
}

function addressesIn(json: unknown, name: string): readonly PeerAddress[] {
  if (!Array.isArray(json)) throw badRequest(`The body is not JSON with a list of "${name}".`);
  if (json.length > MEMBERS_MAX) throw badRequest(`"${name}" has more than ${MEMBERS_MAX} members.`);
  const addresses = json.map(addressIn);
  const ids = new Set<NodeId>();
  for (const { id } of addresses) {
    if (ids.has(id)) throw badRequest(`The id ${id} is given twice.`);
    ids.add(id);
  }
  return addresses;
}

function addressIn(json: unknown): PeerAddress {
  const id = field(json, 'id');
  const url = field(json, 'url');
  const parsed = typeof id === 'string' ? parseNodeId(id) : undefined;
  if (parsed === undefined)
    throw badRequest('The id of a peer is not a text with an integer from 1 to 18446744073709551615.');
  if (typeof url !== 'string' || !isPeerUrl(url) || !URL.canParse(url))
    throw badRequest(
      `The url of peer ${parsed} is not the base URL of a node, such as http://127.0.0.1:7600.`,
    );
  return { id: parsed, url: url.replace(/\/+$/, '') };
}

function addressJson({ id, url }: PeerAddress): unknown {
  return { id, url: url ?? null };
}

function expectIn(json: unknown): LogIndex | null {
  if (json === null) return null;
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0)
    throw badRequest('"expect" is not the index of a configuration.');
  return logIndex(json);
}

function strangeAnswer(): RaftError {
  return new RaftError('unsupported', 'The answer is not that of a node of this program.', {
    suggestions: ['Check the address.'],
  });
}

function badRequest(message: string): RaftError {
  return new RaftError('bad-request', message);
}
