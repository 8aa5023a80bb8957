import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { type NodeId, parseNodeId } from '../../lib/brands.ts';
import type { KnownMembers, PeerMemory, Self } from '../ports.ts';

/** What the headers of a message say about its sender. */
export type Introduction =
  /** A node of the original: it says nothing. */
  | { readonly type: 'anonymous' }
  | { readonly type: 'known'; readonly nodeId: string }
  /** It must not be listened to: one of the two has the wrong address or the wrong data. */
  | { readonly type: 'stranger'; readonly reason: string }
  /** It says that it is this node. */
  | { readonly type: 'twin'; readonly reason: string }
  /** It must not be listened to: it has lost its data, and with it its votes. The mistake is its own. */
  | { readonly type: 'amnesiac'; readonly nodeId: string; readonly reason: string };

/** Whether a message is one of our own nodes': the original's have no headers that say who sends them. */
export function introducesItself(headers: IncomingHttpHeaders): boolean {
  return typeof headers[HEADERS.clusterId] === 'string' && typeof headers[HEADERS.nodeId] === 'string';
}

/** The headers with which a node introduces itself. */
export function identityHeaders(identity: Self): Readonly<Record<string, string>> {
  return {
    [HEADERS.clusterId]: identity.clusterId,
    [HEADERS.nodeId]: identity.id,
    [HEADERS.incarnation]: identity.incarnation,
  };
}

/**
 * Checks how others introduce themselves, and remembers the incarnation of each node that has answered at its address:
 * one that comes back with another has lost its disk, and with it its votes and acknowledgements (correctness: trap 29).
 */
export class Acquaintances {
  readonly #own: Self;
  readonly #memory: PeerMemory;
  /** As the configuration has it, for members that joined by a change: that counts for more. */
  #configured: ReadonlyMap<string, string> = new Map();
  /** The members of the configuration in force: the place of whoever it leaves out is free at once. */
  #current: ReadonlySet<NodeId> = new Set();

  constructor(own: Self, memory: PeerMemory) {
    this.#own = own;
    this.#memory = memory;
  }

  /** Other members: each is known by the incarnation that the configuration names, where it names one. */
  expect({ inForce, all }: KnownMembers): void {
    this.#current = new Set(inForce.map(({ id }) => id));
    this.#configured = new Map(
      inForce.flatMap(({ id, incarnation }) => (incarnation === null ? [] : [[id, incarnation]])),
    );
    // A change that leaves a member out may be taken back: what is known of it is needed again then.
    this.#memory.retain(new Set(all.map(({ id }) => id)));
  }

  /** The incarnation that a peer is to have, where that is known. */
  expectationOf(peer: NodeId): string | undefined {
    return this.#current.has(peer) ? (this.#configured.get(peer) ?? this.#memory.recall(peer)) : undefined;
  }

  /** What the node that answers at a member's address is to us. It is remembered if it is that member. */
  visit(member: NodeId, headers: IncomingHttpHeaders): Introduction {
    const introduction = this.meet(headers);
    const incarnation = headers[HEADERS.incarnation];
    const isMember = introduction.type === 'known' && introduction.nodeId === member;
    if (isMember && typeof incarnation === 'string') this.#memory.remember(member, incarnation);
    return introduction;
  }

  /**
   * What the sender of a message with these headers is to us. Nothing is learnt from it: anyone can send a request in
   * the name of a member, and must not thereby exclude the real one.
   */
  meet(headers: IncomingHttpHeaders): Introduction {
    const clusterId = headers[HEADERS.clusterId];
    const nodeId = headers[HEADERS.nodeId];
    const incarnation = headers[HEADERS.incarnation];
    if (typeof clusterId !== 'string' || typeof nodeId !== 'string') return { type: 'anonymous' };
    if (clusterId !== this.#own.clusterId) {
      return stranger(
        `node ${nodeId} belongs to cluster ${clusterId}, this node to cluster ${this.#own.clusterId}`,
      );
    }
    if (nodeId === this.#own.id)
      return { type: 'twin', reason: `another node says that it is node ${nodeId}, as this one is` };
    const id = parseNodeId(nodeId);
    if (id !== undefined && typeof incarnation === 'string' && !this.#recognizes(id, incarnation)) {
      return {
        type: 'amnesiac',
        nodeId,
        reason: `node ${nodeId} has come back without the data that it had`,
      };
    }
    return { type: 'known', nodeId };
  }

  #recognizes(nodeId: NodeId, incarnation: string): boolean {
    const known = this.expectationOf(nodeId);
    return known === undefined || known === incarnation;
  }
}

function stranger(reason: string): Introduction {
  return { type: 'stranger', reason };
}
