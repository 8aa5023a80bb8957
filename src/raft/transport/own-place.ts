import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '../../http/paths.ts';
import { isPeerUrl } from '../../lib/peer-url.ts';
import type { Logger, LogPosition, Self } from '../ports.ts';
import { identityHeaders } from './identity.ts';
import { isLater, positionHeaders, positionIn } from './log-position.ts';
import { type Resident, whoIsAt } from './twin.ts';

/** An address at which this process does not answer is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 500;

/** Other addresses that are asked at a time, whatever is heard; each takes its place for `ASK_AGAIN_MS` at least. */
const LOOKS_MAX = 8;

/** Another name of this process's own address is known by that for so long, in milliseconds, and then asked again. */
const ALIAS_MS = 60_000;

/** More names than this are asked each time that they come. */
const ALIASES_MAX = 8;

export interface OwnPlaceOptions {
  readonly identity: Self;
  /** Random: tells this process from another one on a copy of its data. */
  readonly run: string;
  readonly logger?: Logger;
  /** Where the log of this node ends. */
  lastLogPosition(): LogPosition;
  /** The base URL at which this process listens, or undefined before it does. */
  listensAt(): string | undefined;
  /** Another process has this node's id and the better right to it: this one must not go on. */
  onTwin(url: string): void;
}

/**
 * Where the others look for this node, and whether this process is what answers there. Two processes on copies of one
 * data directory would vote as one. The one at the address that the configuration names is the node. Where the two go by
 * different configurations, the one whose log is more up to date is it, as in an election (§5.4.1): what the other has
 * and it lacks was never committed. What a message says is only a reason to ask at an address, and what answers there
 * decides.
 */
export class OwnPlace {
  readonly #options: OwnPlaceOptions;
  /** As the configuration in force has it; null where this node is no member, or lives in this process. */
  #url: string | null = null;
  /** The address at which this process answered. */
  #foundAt: string | null = null;
  #isFinding = false;
  readonly #looking = new Set<string>();
  /** Other names of the address at which this process answers, each with when it did. */
  readonly #aliases = new Map<string, number>();
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
  moveTo(url: string | null): boolean {
    if (url === this.#url) return false;
    this.#url = url;
    this.#aliases.clear();
    void this.#findSelf();
    return true;
  }

  /** Where this node can be asked who it is: goes with every message. */
  get urlHeader(): Readonly<Record<string, string>> {
    return this.#url === null ? {} : { [HEADERS.url]: this.#url };
  }

  /** What is said of this node's place, and of where this node looks for the other, where that is what it is about. */
  headersFor(expectedUrl: string | null): Readonly<Record<string, string>> {
    return {
      ...positionHeaders(this.#options.lastLogPosition()),
      [HEADERS.run]: this.#options.run,
      ...this.urlHeader,
      ...(expectedUrl === null ? {} : { [HEADERS.expectedUrl]: expectedUrl }),
    };
  }

  /**
   * What somebody says about where he looks for this node. Where that is elsewhere, this node looks there too:
   * one of the two configurations is old, and so may be the process there, or this one. Returns whether the sender need
   * not be told where this node is: it knows that, or does not know this node, with a log as up to date as ours.
   */
  heed(headers: IncomingHttpHeaders): boolean {
    const expected = headers[HEADERS.expectedUrl];
    if (typeof expected !== 'string') return !isLater(this.#options.lastLogPosition(), positionIn(headers));
    if (expected === this.#url || this.#isAlias(expected)) return true;
    this.#look(expected);
    return false;
  }

  /** Somebody says that it is this node, as this process does: it is asked at the place that it names. */
  heedTwin(headers: IncomingHttpHeaders): void {
    const url = headers[HEADERS.url];
    if (typeof url === 'string') this.#look(url);
  }

  /** Whether a process of this node whose log ends there has the better right to be it. */
  #isOutdatedBy(position: LogPosition): boolean {
    return isLater(position, this.#options.lastLogPosition());
  }

  #isAlias(url: string): boolean {
    const answeredMs = this.#aliases.get(url);
    return answeredMs !== undefined && performance.now() - answeredMs < ALIAS_MS;
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
    const { identity, logger } = this.#options;
    const here = this.#options.listensAt() ?? 'URL';
    logger?.warn(
      `The other nodes look for this node at ${url}, where it does not answer. Have it listen there, or tell them where it is: raft config add ${identity.id}=${here}`,
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
    if (found.who === 'this process') this.#rememberAlias(url);
    // A twin whose log is less up to date has been told of this one by the question, and stops by itself.
    const isOutdated = found.who === 'a twin' && this.#isOutdatedBy(found.lastLogPosition);
    if (isOutdated && this.#isActive) this.#options.onTwin(url);
    await pause(ASK_AGAIN_MS);
  }

  #rememberAlias(url: string): void {
    if (this.#aliases.size < ALIASES_MAX || this.#aliases.has(url)) this.#aliases.set(url, performance.now());
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
