import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import type { Self } from '../ports.ts';

/** What the headers of a message say about its sender. */
export type Introduction =
  /** A node of the original: it says nothing. */
  | { readonly type: 'anonymous' }
  | { readonly type: 'known'; readonly nodeId: string }
  /** It must not be listened to: one of the two has the wrong address or the wrong data. */
  | { readonly type: 'stranger'; readonly reason: string }
  /** It must not be listened to: it has lost its data, and with it its votes. The mistake is its own. */
  | { readonly type: 'amnesiac'; readonly reason: string };

/** The headers with which a node introduces itself. */
export function identityHeaders(identity: Self): Readonly<Record<string, string>> {
  return {
    [HEADERS.clusterId]: identity.clusterId,
    [HEADERS.nodeId]: identity.id,
    [HEADERS.incarnation]: identity.incarnation,
  };
}

/**
 * Checks how others introduce themselves, and remembers the incarnation of each node that it has met: one that comes
 * back with another has lost its disk, and with it its votes and acknowledgements (correctness: trap 29).
 */
export class Acquaintances {
  readonly #own: Self;
  readonly #members: ReadonlySet<string>;
  readonly #incarnations = new Map<string, string>();

  constructor(own: Self, members: ReadonlySet<string>) {
    this.#own = own;
    this.#members = members;
  }

  /** What the sender of a message with these headers is to us. */
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
      return stranger(`another node says that it is node ${nodeId}, as this one is`);
    if (typeof incarnation === 'string' && !this.#recognizes(nodeId, incarnation)) {
      return { type: 'amnesiac', reason: `node ${nodeId} has come back without the data that it had` };
    }
    return { type: 'known', nodeId };
  }

  #recognizes(nodeId: string, incarnation: string): boolean {
    const known = this.#incarnations.get(nodeId);
    if (known !== undefined) return known === incarnation;
    // Only members are remembered: others must not be able to fill the table.
    if (this.#members.has(nodeId)) this.#incarnations.set(nodeId, incarnation);
    return true;
  }
}

function stranger(reason: string): Introduction {
  return { type: 'stranger', reason };
}
