import type { NodeId } from '../../lib/brands.ts';
import type { Envelope, Request, Response } from '../core/messages.ts';
import type { Clock, Transport, TransportHandlers } from '../ports.ts';

/** One way of a message: a request, or the response to it. */
export interface Passage {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly requestId: number;
  readonly message: Request | Response;
}

/**
 * Carries a message by calling `arrive` once, later. A simulated network calls it after a delay, several times or not
 * at all; never before this function has returned.
 */
export type Carry = (passage: Passage, arrive: () => void) => void;

/** A perfect network: every message arrives, once, soon, in order. */
export function carrySoon(clock: Clock): Carry {
  return (_passage, arrive) => clock.soon(arrive);
}

/** A node that runs, and the peers that it has heard from since it started. */
interface LocalNode {
  readonly handlers: TransportHandlers;
  readonly met: Set<NodeId>;
}

/** A network in this process, for tests and for embedding. All its nodes speak our extensions. */
export class LocalNetwork {
  readonly #carry: Carry;
  readonly #nodes = new Map<NodeId, LocalNode>();

  constructor(carry: Carry) {
    this.#carry = carry;
  }

  /** The transport of one node: it receives between `start` and `stop`, and what comes to it otherwise is lost. */
  transport(id: NodeId): Transport {
    return {
      start: (handlers) => void this.#nodes.set(id, { handlers, met: new Set() }),
      send: (to, envelope) => this.#send(id, to, envelope),
      stop: async () => void this.#nodes.delete(id),
    };
  }

  #send(from: NodeId, to: NodeId, { requestId, message }: Envelope<Request>): void {
    this.#carry({ from, to, requestId, message }, () => {
      const receiver = this.#hearing(to, from);
      if (receiver === undefined) this.#nodes.get(from)?.handlers.lost(to, requestId);
      else receiver.request(from, message, (response) => this.#reply(to, from, requestId, response));
    });
  }

  #reply(from: NodeId, to: NodeId, requestId: number, message: Response): void {
    this.#carry({ from, to, requestId, message }, () => {
      this.#hearing(to, from)?.response(from, requestId, message);
    });
  }

  /** What receives at `to`, told before the first message from each peer what that peer speaks. */
  #hearing(to: NodeId, from: NodeId): TransportHandlers | undefined {
    const node = this.#nodes.get(to);
    if (node !== undefined && !node.met.has(from)) {
      node.met.add(from);
      node.handlers.dialect(from, 'extended');
    }
    return node?.handlers;
  }
}
