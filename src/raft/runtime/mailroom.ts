import type { NodeId } from '../../lib/brands.ts';
import type { RaftError } from '../../lib/errors.ts';
import type { Outgoing } from '../core/effects.ts';
import { isRequest, type Response } from '../core/messages.ts';
import type { CoreState } from '../core/state.ts';
import type { Logger, MismatchKind, Transport, TransportHandlers } from '../ports.ts';
import { disagreement } from './checks.ts';
import type { CoreDriver } from './core-driver.ts';

/** Requests of peers that wait for their answer. */
const WAITING_MAX = 1_024;

/** Peers whose complaints are remembered. */
const COMPLAINTS_MAX = 256;

/** What the mailroom needs of its server. */
export interface MailroomParts {
  readonly core: CoreState;
  readonly logger: Logger;
  driver(): CoreDriver;
  /** The node was set up wrongly, and must stop. */
  failed(reason: RaftError): void;
}

/**
 * Between the transport and the core: where messages are handed in, and where the requests of peers wait for the core's
 * answer. The core knows each by a number that is unique to this server, whatever numbers the senders use.
 */
export class Mailroom {
  readonly #parts: MailroomParts;
  readonly #replies = new Map<number, (response: Response) => void>();
  readonly #complaints = new Set<NodeId>();
  #nextRequestId = 1;

  constructor(parts: MailroomParts) {
    this.#parts = parts;
  }

  /** What the transport does with what it receives. The driver of a server that has stopped takes no more. */
  handlers(): TransportHandlers {
    const { driver } = this.#parts;
    return {
      request: (from, message, reply) => {
        const requestId = this.#admit(reply);
        if (requestId !== undefined) driver().enqueue({ type: 'receive', from, requestId, message });
      },
      response: (from, requestId, message: Response) =>
        driver().enqueue({ type: 'receive', from, requestId, message }),
      lost: (to, requestId) => driver().enqueue({ type: 'lost', to, requestId }),
      dialect: (peer, dialect) => driver().enqueue({ type: 'dialect', peer, dialect }),
      mismatch: (peer, reason, kind) => this.#disagree(peer, reason, kind),
    };
  }

  /** Sends what the core wants sent: a request on its way, an answer to whoever waits for it. */
  send(transport: Transport, { to, requestId, message }: Outgoing): void {
    if (isRequest(message)) transport.send(to, { requestId, message });
    else this.#answer(requestId, message);
  }

  /** A number for a request, or undefined where too many wait: its sender will take it for lost. */
  #admit(reply: (response: Response) => void): number | undefined {
    if (this.#replies.size >= WAITING_MAX) return undefined;
    const requestId = this.#nextRequestId++;
    this.#replies.set(requestId, reply);
    return requestId;
  }

  #answer(requestId: number, response: Response): void {
    const reply = this.#replies.get(requestId);
    this.#replies.delete(requestId);
    reply?.(response);
  }

  /**
   * A peer and this node do not work together. A node that has no log yet was set up wrongly and stops, and so does one
   * whose data is gone, or is another process's as well; one that has been a member stays, because a stranger must not stop a healthy cluster.
   */
  #disagree(peer: NodeId, reason: string, kind: MismatchKind): void {
    const { core, logger, failed } = this.#parts;
    const error = disagreement(peer, reason, kind);
    const isOver = kind === 'forgotten' || kind === 'twin';
    if (core.log.lastIndex === 0 || isOver) failed(error);
    else if (this.#isFirstComplaint(peer)) logger.warn(error.message);
  }

  /** Whether nothing was said about this peer yet. What is said once need not be said with every request. */
  #isFirstComplaint(peer: NodeId): boolean {
    if (this.#complaints.has(peer) || this.#complaints.size >= COMPLAINTS_MAX) return false;
    this.#complaints.add(peer);
    return true;
  }
}
