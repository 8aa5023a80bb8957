import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { INDEX_ZERO, type LogIndex } from '../../lib/brands.ts';
import { isPeerUrl } from '../../lib/peer-url.ts';
import type { Logger, Self } from '../ports.ts';
import { configurationIndexIn, identityHeaders } from './identity.ts';
import { type Resident, whoIsAt } from './twin.ts';

/** Where this process does not answer at an address, that is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 500;

/** Names of one address; more are asked each time that they come. */
const ALIASES_MAX = 8;

export interface OwnPlaceOptions {
  readonly identity: Self;
  /** Random: tells this process from another one on a copy of its data. */
  readonly run: string;
  readonly logger?: Logger;
  /** Another process has this node's id and the better right to it: this one must not go on. */
  onTwin(url: string): void;
}

/**
 * Where the others look for this node, and whether this process is what answers there. Two processes on copies of one
 * data directory would vote as one. The one at the address that the configuration names is the node; where they know
 * different configurations, that of the higher index counts. Whoever says of itself that it is this node proves nothing:
 * only what answers at an address does.
 */
export class OwnPlace {
  readonly #options: OwnPlaceOptions;
  /** As the configuration in force has it; null where this node is no member, or lives in this process. */
  #url: string | null = null;
  #configurationIndex: LogIndex = INDEX_ZERO;
  /** Other addresses at which this process answers. */
  readonly #aliases = new Set<string>();
  #isActive = false;
  /** Another address is being asked, or was a moment ago: one at a time, whatever others say. */
  #isLooking = false;

  constructor(options: OwnPlaceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isActive = true;
    void this.#findSelf();
  }

  stop(): void {
    this.#isActive = false;
  }

  /** Takes over what a configuration says. Returns whether that is another address. */
  moveTo(url: string | null, configurationIndex: LogIndex): boolean {
    const hasMoved = url !== this.#url;
    this.#url = url;
    this.#configurationIndex = configurationIndex;
    if (hasMoved) void this.#findSelf();
    return hasMoved;
  }

  /** What others are told of this node's place, in requests, and of where this node looks for them, in all messages. */
  headersFor(expectedUrl: string | null): Readonly<Record<string, string>> {
    return {
      [HEADERS.run]: this.#options.run,
      [HEADERS.configurationIndex]: String(this.#configurationIndex),
      ...(this.#url === null ? {} : { [HEADERS.url]: this.#url }),
      ...(expectedUrl === null ? {} : { [HEADERS.expectedUrl]: expectedUrl }),
    };
  }

  /**
   * What a peer's message says about where that peer looks for this node. Where it is elsewhere, this node looks there
   * too: one of the two configurations is old, and so may be the process there, or this one. Returns whether the peer
   * looks for this node where it is.
   */
  heed(headers: IncomingHttpHeaders): boolean {
    const expected = headers[HEADERS.expectedUrl];
    if (typeof expected !== 'string' || expected === this.#url || this.#aliases.has(expected)) return true;
    if (isPeerUrl(expected)) void this.#look(expected);
    return false;
  }

  /** A message of somebody who says that it is this node, as this process does: it is asked at the place that it names. */
  heedTwin(headers: IncomingHttpHeaders): void {
    const url = headers[HEADERS.url];
    if (this.#isOlderThan(configurationIndexIn(headers)) && typeof url === 'string' && isPeerUrl(url))
      void this.#look(url);
  }

  /**
   * Asks at this node's own address until this process answers there: then no other can, and until then another may
   * come, on the data of which this process has a copy.
   */
  async #findSelf(): Promise<void> {
    const url = this.#url;
    let isFirst = true;
    while (url !== null && url === this.#url && this.#isActive) {
      const { who } = await this.#ask(url);
      if (who === 'this process') return;
      if (who === 'a twin' && this.#isActive) return this.#options.onTwin(url);
      if (isFirst && url === this.#url && this.#isActive) this.#complain(url);
      isFirst = false;
      await pause(ASK_AGAIN_MS);
    }
  }

  #complain(url: string): void {
    this.#options.logger?.warn(
      `The other nodes look for this node at ${url}, where it does not answer. Have it listen there, or change its address in the configuration.`,
    );
  }

  async #look(url: string): Promise<void> {
    if (!this.#isActive || this.#isLooking) return;
    this.#isLooking = true;
    const found = await this.#ask(url);
    if (found.who === 'this process' && this.#aliases.size < ALIASES_MAX) this.#aliases.add(url);
    // A twin with an older configuration has been told of this one by the question, and stops by itself.
    if (found.who === 'a twin' && this.#isOlderThan(found.configurationIndex) && this.#isActive)
      this.#options.onTwin(url);
    await pause(ASK_AGAIN_MS);
    this.#isLooking = false;
  }

  #isOlderThan(configurationIndex: LogIndex | null | undefined): boolean {
    return (configurationIndex ?? INDEX_ZERO) > this.#configurationIndex;
  }

  #ask(url: string): Promise<Resident> {
    const { identity, run } = this.#options;
    return whoIsAt(url, identity, run, { ...identityHeaders(identity), ...this.headersFor(null) });
  }
}

/** Waits, and keeps no process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
