import type { NodeId } from '../../lib/brands.ts';
import { MEMBERS_MAX } from '../../lib/limits.ts';
import type { Self } from '../ports.ts';
import { fetchPeerIdentity } from './http-peer.ts';

/** Addresses that are asked at a time. */
const CHECKS_MAX = 4;

/**
 * Nodes that this node's configuration does not know, or knows with other data. They may be members all the same: a node
 * that lags does not have the newest configuration, and only one of them can bring it (§6). Anyone can send a request
 * under any name, so a newcomer is asked at the address that it gives, and is believed if what answers there is it.
 */
export class Newcomers {
  readonly #own: Self;
  readonly #known = new Set<string>();
  readonly #checking = new Set<string>();

  constructor(own: Self) {
    this.#own = own;
  }

  /** Whether a node has been found to be what it says. */
  isKnown(id: string, incarnation: string): boolean {
    return this.#known.has(`${id}/${incarnation}`);
  }

  /** Begins to find out. False where it does not, because too many others are being asked. */
  check(id: NodeId, incarnation: string, url: string): boolean {
    const key = `${id}/${incarnation}`;
    if (this.#checking.has(key)) return true;
    if (this.#checking.size >= CHECKS_MAX) return false;
    this.#checking.add(key);
    void this.#ask(id, incarnation, url).finally(() => this.#checking.delete(key));
    return true;
  }

  /** Another configuration is in force: what was found out for the last one is not needed any more. */
  forget(): void {
    this.#known.clear();
  }

  async #ask(id: NodeId, incarnation: string, url: string): Promise<void> {
    try {
      const found = await fetchPeerIdentity(url);
      const isIt = found.id === id && found.incarnation === incarnation;
      if (!isIt || found.clusterId !== this.#own.clusterId || this.#known.size >= MEMBERS_MAX) return;
      this.#known.add(`${id}/${incarnation}`);
    } catch {
      // Nobody answers there, or somebody else: the sender stays unknown, and may send again.
    }
  }
}
