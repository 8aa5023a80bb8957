import type { NodeId } from '../../lib/brands.ts';
import type { Response } from '../core/messages.ts';

/** Requests of peers that wait for their answer. */
const WAITING_MAX = 1_024;

/** Peers whose complaints are remembered. */
const COMPLAINTS_MAX = 256;

/**
 * Where the requests of peers wait for the core's answer. The core knows each by a number that is unique to this
 * server, whatever numbers the senders use.
 */
export class Mailroom {
  readonly #replies = new Map<number, (response: Response) => void>();
  readonly #complaints = new Set<NodeId>();
  #nextRequestId = 1;

  /** A number for a request, or undefined where too many wait: its sender will take it for lost. */
  admit(reply: (response: Response) => void): number | undefined {
    if (this.#replies.size >= WAITING_MAX) return undefined;
    const requestId = this.#nextRequestId++;
    this.#replies.set(requestId, reply);
    return requestId;
  }

  answer(requestId: number, response: Response): void {
    const reply = this.#replies.get(requestId);
    this.#replies.delete(requestId);
    reply?.(response);
  }

  /** Whether nothing was said about this peer yet. What is said once need not be said with every request. */
  isFirstComplaint(peer: NodeId): boolean {
    if (this.#complaints.has(peer) || this.#complaints.size >= COMPLAINTS_MAX) return false;
    this.#complaints.add(peer);
    return true;
  }
}
