import type { IncomingHttpHeaders } from 'node:http';
import { errorIn } from '../../http/error-body.ts';
import type { Exchange } from '../../http/exchange.ts';
import { HEADERS, PATHS } from '../../http/paths.ts';
import type { Route } from '../../http/route.ts';
import { assertNever } from '../../lib/assert.ts';
import { type NodeId, type Term, term } from '../../lib/brands.ts';
import { TERM_JUMP_MAX } from '../../lib/limits.ts';
import type { Dialect } from '../core/inputs.ts';
import type { Envelope, Request, Response } from '../core/messages.ts';
import type {
  KnownMembers,
  Logger,
  LogPosition,
  PeerMemory,
  Self,
  Transport,
  TransportHandlers,
} from '../ports.ts';
import { peerRoutes, REFUSED_BECAUSE } from './http-handlers.ts';
import { HttpPeer } from './http-peer.ts';
import { Acquaintances, type Introduction, identityHeaders } from './identity.ts';
import { Newcomers } from './newcomers.ts';
import { OwnPlace, pause } from './own-place.ts';
import { twinAt } from './twin.ts';
import { decodeResponse } from './wire-decode.ts';
import { encodeRequest } from './wire-encode.ts';

/** A peer that has not introduced itself yet, or does not know where this node is, is asked again after this, in milliseconds. */
const GET_TO_KNOW_MS = 1_000;

/** What stands at the address of a node that is known by its data, where that does not introduce itself. */
const ANONYMOUS = 'there is a node without the data that it had, or one of the original';

export interface HttpTransportOptions {
  readonly identity: Self;
  /** Random: tells this process from another one on a copy of its data. */
  readonly run: string;
  /** The members; those without a URL cannot be reached. */
  readonly members: KnownMembers;
  readonly memory: PeerMemory;
  /** Our own term. */
  currentTerm(): Term;
  /** Where our own log ends. */
  lastLogPosition(): LogPosition;
  /** The base URL at which this process listens, or undefined before it does. */
  listensAt(): string | undefined;
  /** Hears of nodes that send messages here and must not be listened to. */
  readonly logger?: Logger;
}

/**
 * Messages between nodes over HTTP, as the original sends them: a request is a POST, its response the answer to it. A
 * status other than 200 is a lost message, never an input to the core.
 *
 * What a peer speaks costs nothing to find out: our own nodes introduce themselves in the headers of every answer, the
 * original does not.
 */
export class HttpTransport implements Transport {
  /** The paths that peers call, to be mounted on this node's HTTP server. */
  readonly routes: readonly Route[];
  readonly #options: HttpTransportOptions;
  readonly #acquaintances: Acquaintances;
  readonly #peers = new Map<NodeId, HttpPeer>();
  readonly #dialects = new Map<NodeId, Dialect>();
  readonly #headers: Readonly<Record<string, string>>;
  readonly #newcomers: Newcomers;
  readonly #ownPlace: OwnPlace;
  /** Peers that need not be told where this node is. */
  readonly #informed = new Set<NodeId>();
  #members: ReadonlySet<NodeId> = new Set();
  #urlsInForce: ReadonlyMap<NodeId, string | null> = new Map();
  /** Peers that are being asked who they are, again and again. */
  readonly #beingMet = new Set<HttpPeer>();
  readonly #underWay = new Set<Promise<void>>();
  #handlers: TransportHandlers | undefined;
  #isStopped = false;

  constructor(options: HttpTransportOptions) {
    const { identity } = options;
    this.#options = options;
    this.#acquaintances = new Acquaintances(identity, options.memory);
    this.#headers = identityHeaders(identity);
    this.#newcomers = new Newcomers(identity);
    this.#ownPlace = new OwnPlace({
      identity,
      run: options.run,
      lastLogPosition: options.lastLogPosition,
      listensAt: options.listensAt,
      onTwin: (url) => this.#handlers?.mismatch(identity.id, twinAt(url, identity), 'twin'),
      ...(options.logger === undefined ? {} : { logger: options.logger }),
    });
    this.setMembers(options.members);
    this.routes = peerRoutes({
      identity,
      acquaintances: this.#acquaintances,
      newcomers: this.#newcomers,
      isMember: (id) => this.#members.has(id),
      isInForce: (id) => this.#urlsInForce.has(id),
      ownPlace: this.#ownPlace,
      urlOf: (id) => this.#urlsInForce.get(id) ?? null,
      currentTerm: () => options.currentTerm(),
      handlers: () => this.#handlers,
      heardFrom: (from, dialect) => this.#heardFrom(from, dialect),
      isKnown: (id) =>
        this.#acquaintances.expectationOf(id) !== undefined || this.#dialects.get(id) === 'extended',
      ...(options.logger === undefined ? {} : { logger: options.logger }),
    });
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.#ownPlace.start();
    this.#getToKnowAll();
  }

  /** Connects with these members, and ends the connections with those that are none any more or have moved. */
  setMembers(members: KnownMembers): void {
    if (this.#isStopped) return;
    const { all } = members;
    this.#members = new Set(all.map(({ id }) => id));
    this.#urlsInForce = new Map(members.inForce.map(({ id, url }) => [id, url]));
    this.#acquaintances.expect(members);
    this.#newcomers.forget();
    const urls = new Map(all.map(({ id, url }) => [id, url]));
    const { id: own } = this.#options.identity;
    const hasMoved = this.#ownPlace.moveTo(urls.get(own) ?? null);
    if (hasMoved) this.#informed.clear();
    urls.delete(own);
    for (const [id, peer] of this.#peers) {
      if (urls.get(id) === peer.url) continue;
      this.#peers.delete(id);
      this.#dialects.delete(id);
      this.#informed.delete(id);
      void peer.close();
    }
    for (const [id, url] of urls) {
      if (url === null || this.#peers.has(id)) continue;
      this.#peers.set(id, new HttpPeer({ id, url, headers: this.#headers }));
    }
    this.#getToKnowAll();
  }

  /** Not before the layer above can hear of a twin. */
  #getToKnowAll(): void {
    if (this.#handlers === undefined) return;
    for (const peer of this.#peers.values()) void this.#getToKnow(peer);
  }

  /**
   * Asks a peer who it is, until it answers and looks for this node where it is. A node that never leads would otherwise
   * never hear from its peers, and believe one of them that has lost its data (trap 29), or take it for one of the
   * original once it leads; and one that has moved would not be missed by those that have not heard of it.
   */
  async #getToKnow(peer: HttpPeer): Promise<void> {
    if (this.#beingMet.has(peer)) return;
    this.#beingMet.add(peer);
    while (this.#peers.get(peer.id) === peer && !this.#hasMet(peer)) {
      const outcome = await peer.askForId(this.#ownPlace.headersFor(peer.url));
      if (outcome.type === 'answered' && outcome.status === 200) this.#visit(peer, outcome.headers);
      // An original never introduces itself; it is asked now and then, which costs next to nothing.
      if (!this.#hasMet(peer)) await pause(GET_TO_KNOW_MS);
    }
    this.#beingMet.delete(peer);
  }

  #hasMet({ id }: HttpPeer): boolean {
    return this.#acquaintances.expectationOf(id) !== undefined && this.#informed.has(id);
  }

  #visit(peer: HttpPeer, headers: IncomingHttpHeaders): void {
    const introduction = this.#acquaintances.visit(peer.id, headers);
    this.#takeHints(peer, introduction, headers);
    // Who does not introduce itself may be starting: only its answer to a message shows that it is an original.
    if (introduction.type === 'known' && introduction.nodeId === peer.id) this.#speaks(peer.id, 'extended');
  }

  /** What an answer of a node of this cluster says about where this one is looked for, whoever it is by now. */
  #takeHints(peer: HttpPeer, introduction: Introduction, headers: IncomingHttpHeaders): void {
    switch (introduction.type) {
      case 'known':
        if (this.#ownPlace.heed(headers) && introduction.nodeId === peer.id) this.#informed.add(peer.id);
        else this.#informed.delete(peer.id);
        void this.#getToKnow(peer);
        return;
      case 'amnesiac':
        this.#ownPlace.heed(headers);
        return;
      case 'twin':
        this.#ownPlace.heedTwin(headers);
        return;
      case 'anonymous':
      case 'stranger':
        return;
      default:
        assertNever(introduction, 'introduction');
    }
  }

  send(to: NodeId, envelope: Envelope<Request>): void {
    const peer = this.#peers.get(to);
    if (peer === undefined || peer.isBusy) {
      setImmediate(() => this.#handlers?.lost(to, envelope.requestId));
      return;
    }
    const underWay = this.#exchange(peer, envelope).finally(() => this.#underWay.delete(underWay));
    this.#underWay.add(underWay);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#handlers = undefined;
    this.#ownPlace.stop();
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all(peers.map((peer) => peer.close()));
    await Promise.all(this.#underWay);
  }

  async #exchange(peer: HttpPeer, { requestId, message }: Envelope<Request>): Promise<void> {
    const expected = this.#acquaintances.expectationOf(peer.id);
    const headers = {
      ...this.#ownPlace.urlHeader,
      ...(expected === undefined ? {} : { [HEADERS.expectedIncarnation]: expected }),
    };
    const outcome = await peer.post(PATHS[message.type], encodeRequest(message), headers);
    const response = await this.#responseIn(peer, message, outcome);
    if (response === undefined) this.#handlers?.lost(peer.id, requestId);
    else this.#handlers?.response(peer.id, requestId, response);
  }

  /** The peer's response to a message, or undefined where nothing came back that may count as one. */
  async #responseIn(peer: HttpPeer, message: Request, outcome: Exchange): Promise<Response | undefined> {
    if (outcome.type === 'failed') return undefined;
    const { status, headers, body } = outcome;
    const introduction = this.#acquaintances.visit(peer.id, headers);
    // Who looks for this node where it is does not say so with every answer.
    if (headers[HEADERS.expectedUrl] !== undefined) this.#takeHints(peer, introduction, headers);
    switch (introduction.type) {
      case 'amnesiac':
        return undefined;
      case 'stranger':
      case 'twin':
        this.#handlers?.mismatch(peer.id, introduction.reason, 'foreign');
        return undefined;
      case 'known':
        if (introduction.nodeId !== peer.id) {
          this.#handlers?.mismatch(
            peer.id,
            `at ${peer.url} there is node ${introduction.nodeId}, not ${peer.id}`,
            'foreign',
          );
          return undefined;
        }
        this.#speaks(peer.id, 'extended');
        if (status === 409) this.#handlers?.mismatch(peer.id, refusalIn(body), 'refused');
        return status === 200 ? this.#decode(message, body) : undefined;
      case 'anonymous':
        if (this.#acquaintances.expectationOf(peer.id) === undefined)
          return this.#originalResponseIn(peer, message, status, body);
        // One that is starting does not introduce itself yet.
        if (status === 200) this.#handlers?.mismatch(peer.id, `at ${peer.url} ${ANONYMOUS}`, 'foreign');
        return undefined;
    }
  }

  /**
   * What an original answers. It does not introduce itself, so its id is asked for before its answer counts: an address
   * that now belongs to another node must not vote in this one's place. It knows no pre-vote, and its 404 there stands
   * for a vote that is granted: whether to vote it decides when it is asked in earnest.
   */
  async #originalResponseIn(
    peer: HttpPeer,
    message: Request,
    status: number,
    body: Uint8Array,
  ): Promise<Response | undefined> {
    const isUnknownPath = status === 404 && message.type === 'preVote';
    if (status !== 200 && !isUnknownPath) return undefined;
    if (!(await peer.confirmOriginal())) return undefined;
    this.#speaks(peer.id, 'original');
    if (isUnknownPath)
      return { type: 'preVoteResponse', term: term(message.nextTerm - 1), voteGranted: true };
    return this.#decode(message, body);
  }

  #decode(message: Request, body: Uint8Array): Response | undefined {
    const decoded = decodeResponse(message.type, body);
    if (!decoded.ok || decoded.value.term > this.#options.currentTerm() + TERM_JUMP_MAX) return undefined;
    return decoded.value;
  }

  /** A peer's request shows, too, what it speaks. */
  #heardFrom(from: NodeId, dialect: Dialect): void {
    if (this.#peers.has(from)) this.#speaks(from, dialect);
  }

  #speaks(peer: NodeId, dialect: Dialect): void {
    if (this.#dialects.get(peer) === dialect) return;
    this.#dialects.set(peer, dialect);
    this.#handlers?.dialect(peer, dialect);
  }
}

/** Why a peer turned us away, as a clause. */
function refusalIn(body: Uint8Array): string {
  const sentence = errorIn(body)?.message ?? 'it does not say why';
  return sentence.replace(REFUSED_BECAUSE, '').replace(/\.$/, '');
}
