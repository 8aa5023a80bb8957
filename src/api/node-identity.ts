import { Agent } from 'node:http';
import { HEADERS, PATHS } from '../http/paths.ts';
import { type NodeId, parseNodeId } from '../lib/brands.ts';
import { textOf } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import { PEER_RESPONSE_BYTES_MAX, PEER_TIMEOUT_MS } from '../lib/limits.ts';
import { httpCall } from './http-call.ts';

/** Who answers at an address. A node of the original tells its id and nothing else. */
export interface NodeIdentity {
  readonly id: NodeId;
  readonly clusterId: string | null;
  readonly incarnation: string | null;
}

/**
 * Asks a node who it is. `url` is its base URL. Throws a `RaftError`: `unreachable` where it does not answer,
 * `configuration` where what answers is no node.
 */
export async function askIdentity(url: string, timeoutMs: number = PEER_TIMEOUT_MS): Promise<NodeIdentity> {
  const agent = new Agent();
  const outcome = await httpCall(agent, url, {
    ...{ method: 'GET', path: PATHS.id, headers: {}, timeoutMs },
    responseBytesMax: PEER_RESPONSE_BYTES_MAX,
  });
  agent.destroy();
  if (outcome.type === 'failed') {
    if (outcome.cause === 'too-long') throw noRaftNode(url);
    throw new RaftError('unreachable', `No node answers at ${url}: ${outcome.reason}.`, {
      suggestions: ['Start the node, and see that its address is right.'],
    });
  }
  const id = outcome.status === 200 ? parseNodeId(textOf(outcome.body).trim()) : undefined;
  if (id === undefined) throw noRaftNode(url);
  const header = (name: string): string | null => {
    const value = outcome.headers[name];
    return typeof value === 'string' ? value : null;
  };
  return { id, clusterId: header(HEADERS.clusterId), incarnation: header(HEADERS.incarnation) };
}

function noRaftNode(url: string): RaftError {
  return new RaftError('configuration', `What answers at ${url} is not a Raft node.`, {
    suggestions: ['Check the address.'],
  });
}
