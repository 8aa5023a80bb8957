import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { isPeerUrl } from '../../lib/peer-url.ts';
import type { ConfigurationVersion, Logger, Self } from '../ports.ts';
import { FIRST_VERSION, isLater, versionHeaders, versionIn } from './configuration-version.ts';
import { identityHeaders } from './identity.ts';
import { type Resident, whoIsAt } from './twin.ts';

/** An address at which this process does not answer is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 500;

/** Other addresses that are asked at a time, whatever is heard; each takes its place for `ASK_AGAIN_MS` at least. */
const LOOKS_MAX = 8;

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
 * data directory would vote as one. The one at the address that the configuration names is the node; where they go by
 * different configurations, the later one counts. What a message says is only a reason to ask at an address, and what
 * answers there decides.
 */
export class OwnPlace {
  readonly #options: OwnPlaceOptions;
  /** As the configuration in force has it; null where this node is no member, or lives in this process. */
  #url: string | null = null;
  #version: ConfigurationVersion = FIRST_VERSION;
  /** The address at which this process answered. */
  #foundAt: string | null = null;
  #isFinding = false;
  readonly #looking = new Set<string>();
  #isActive = false;
  /** Calls off what is being asked when this ends. */
  readonly #over = new AbortController();

  constructor(options: OwnPlaceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isActive = true;
    void this.#findSelf();
  }

  stop(): void {
    this.#isActive = false;
    this.#over.abort();
  }

  /** Takes over what a configuration says. Returns whether that is another address. */
  moveTo(url: string | null, version: ConfigurationVersion): boolean {
    const hasMoved = url !== this.#url;
    this.#url = url;
    this.#version = version;
    if (hasMoved) void this.#findSelf();
    return hasMoved;
  }

  /** What a message says of this node's place, and of where this node looks for the other. */
  headersFor(expectedUrl: string | null): Readonly<Record<string, string>> {
    return {
      ...versionHeaders(this.#version),
      [HEADERS.run]: this.#options.run,
      ...(this.#url === null ? {} : { [HEADERS.url]: this.#url }),
      ...(expectedUrl === null ? {} : { [HEADERS.expectedUrl]: expectedUrl }),
    };
  }

  /**
   * What a message says about where its sender looks for this node. Where that is elsewhere, this node looks there too:
   * one of the two configurations is old, and so may be the process there, or this one. Returns whether the sender need
   * not be told where this node is: it knows that, or goes by a configuration as late as ours that does not have us.
   */
  heed(headers: IncomingHttpHeaders): boolean {
    const expected = headers[HEADERS.expectedUrl];
    if (typeof expected !== 'string') return !isLater(this.#version, versionIn(headers));
    if (expected === this.#url) return true;
    this.#look(expected);
    return false;
  }

  /** A message of somebody who says that it is this node, as this process does: it is asked at the place that it names. */
  heedTwin(headers: IncomingHttpHeaders): void {
    const url = headers[HEADERS.url];
    if (typeof url === 'string' && isLater(versionIn(headers), this.#version)) this.#look(url);
  }

  /**
   * Asks at this node's own address until this process answers there: then no other can, and until then another may
   * come, on the data of which this process has a copy.
   */
  async #findSelf(): Promise<void> {
    if (this.#isFinding) return;
    this.#isFinding = true;
    let complained: string | null = null;
    while (this.#isActive && this.#url !== null && this.#url !== this.#foundAt) {
      const url = this.#url;
      const { who } = await this.#ask(url);
      if (!this.#isActive || url !== this.#url) continue;
      if (who === 'a twin') {
        this.#options.onTwin(url);
        break;
      }
      this.#foundAt = who === 'this process' ? url : null;
      if (this.#foundAt !== null) continue;
      if (complained !== url) this.#complain(url);
      complained = url;
      await pause(ASK_AGAIN_MS);
    }
    this.#isFinding = false;
  }

  #complain(url: string): void {
    this.#options.logger?.warn(
      `The other nodes look for this node at ${url}, where it does not answer. Have it listen there, or change its address in the configuration.`,
    );
  }

  #look(url: string): void {
    const isPossible = this.#isActive && isPeerUrl(url) && this.#looking.size < LOOKS_MAX;
    if (!isPossible || this.#looking.has(url)) return;
    this.#looking.add(url);
    void this.#lookOnce(url).then(() => this.#looking.delete(url));
  }

  async #lookOnce(url: string): Promise<void> {
    const found = await this.#ask(url);
    // One with the older configuration has been told of this one by the question, and stops by itself.
    const isOlder = found.who === 'a twin' && isLater(found.version, this.#version);
    if (isOlder && this.#isActive) this.#options.onTwin(url);
    await pause(ASK_AGAIN_MS);
  }

  #ask(url: string): Promise<Resident> {
    const { identity, run } = this.#options;
    const headers = { ...identityHeaders(identity), ...this.headersFor(null) };
    return whoIsAt(url, identity, run, { headers, signal: this.#over.signal });
  }
}

/** Waits, and keeps no process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
