import { HEADERS, PATHS } from '../../http/paths.ts';
import { type Answer, errorAnswer, type Route, type RouteRequest, TEXT } from '../../http/route.ts';
import { assertNever } from '../../lib/assert.ts';
import { type NodeId, parseNodeId, type Term } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import {
  MEMBERS_MAX,
  OWN_PEER_BODY_BYTES_MAX,
  PEER_BODY_BYTES_MAX,
  PEER_TIMEOUT_MS,
  SMALL_BODY_BYTES_MAX,
  TERM_JUMP_MAX,
} from '../../lib/limits.ts';
import { isPeerUrl } from '../../lib/peer-url.ts';
import type { Dialect } from '../core/inputs.ts';
import type { Request, Response } from '../core/messages.ts';
import type { Logger, Self, TransportHandlers } from '../ports.ts';
import { type Acquaintances, introducesItself } from './identity.ts';
import type { Newcomers } from './newcomers.ts';
import type { OwnPlace } from './own-place.ts';
import { decodeRequest } from './wire-decode.ts';
import { emptyResponse, encodeResponse, type RequestType } from './wire-encode.ts';

export interface PeerRoutesOptions {
  readonly identity: Self;
  readonly acquaintances: Acquaintances;
  readonly newcomers: Newcomers;
  /** Whether a node is a member, or was one before a change that may be taken back yet: others are found out about. */
  isMember(id: NodeId): boolean;
  /** Whether a node is a member of the configuration in force. */
  isInForce(id: NodeId): boolean;
  /** Hears where those who ask for the id look for this node, and of others who say that they are it. */
  readonly ownPlace: OwnPlace;
  /** Where the configuration in force has a member, or null where it does not say. */
  urlOf(id: NodeId): string | null;
  /** Our own term: a request whose term is more than `TERM_JUMP_MAX` above it is refused. */
  currentTerm(): Term;
  /** The layer above, or undefined before it is ready: requests are answered 503 until then. */
  handlers(): TransportHandlers | undefined;
  /** A request shows what its sender speaks. */
  heardFrom(from: NodeId, dialect: Dialect): void;
  /** Whether a member is known to introduce itself: by its data, or by an answer of it. */
  isKnown(id: NodeId): boolean;
  /** Hears once of each node that must not be listened to. */
  readonly logger?: Logger;
}

/** The paths on which peers talk to this node: the original's three, and our own. */
export function peerRoutes(options: PeerRoutesOptions): readonly Route[] {
  const door: Door = { options, complaints: new Set() };
  return [
    { ...idRoute(options.identity.id), handle: (request) => tellId(door, request) },
    rpcRoute(door, 'requestVote', PATHS.requestVote, SMALL_BODY_BYTES_MAX),
    rpcRoute(door, 'preVote', PATHS.preVote, SMALL_BODY_BYTES_MAX),
    rpcRoute(door, 'timeoutNow', PATHS.timeoutNow, SMALL_BODY_BYTES_MAX),
    rpcRoute(door, 'appendEntries', PATHS.appendEntries, (headers) =>
      introducesItself(headers) ? OWN_PEER_BODY_BYTES_MAX : PEER_BODY_BYTES_MAX,
    ),
  ];
}

/** Where requests come in, and who has been turned away. */
interface Door {
  readonly options: PeerRoutesOptions;
  /** Reasons that have been logged; at most as many as a cluster has members, since anyone can make up more. */
  readonly complaints: Set<string>;
}

/** Tells the id, as the original does to whoever makes a peer of this node. */
export function idRoute(id: NodeId): Route {
  return {
    method: 'GET',
    path: PATHS.id,
    bodyBytesMax: SMALL_BODY_BYTES_MAX,
    handle: () => idAnswer(id),
  };
}

function rpcRoute(door: Door, type: RequestType, path: string, bodyBytesMax: Route['bodyBytesMax']): Route {
  return {
    method: 'POST',
    path,
    bodyBytesMax,
    handle: async (request) => {
      const answer = await handleRpc(door, type, request);
      return isWhereItSays(door, request) ? answer : sayWhere(door, request, answer);
    },
  };
}

/** Whose id it is changes with the process that listens: nobody on the way may answer for it. */
function idAnswer(id: NodeId): Answer {
  return { status: 200, contentType: TEXT, body: id, headers: { 'cache-control': 'no-store' } };
}

/** Tells the id to whoever asks, and hears who that is. */
function tellId(door: Door, request: RouteRequest): Answer {
  const { acquaintances, identity, ownPlace } = door.options;
  const { type } = acquaintances.meet(request.headers);
  if (type === 'twin') ownPlace.heedTwin(request.headers);
  if (type === 'known' || type === 'amnesiac') ownPlace.heed(request.headers);
  return sayWhere(door, request, idAnswer(identity.id));
}

/** Whether the sender of a message, which says where it is, is there as far as this node knows. */
function isWhereItSays({ options }: Door, { headers }: RouteRequest): boolean {
  const sender = headers[HEADERS.nodeId];
  const id = typeof sender === 'string' ? parseNodeId(sender) : undefined;
  const url = id === undefined ? null : options.urlOf(id);
  return url === null || url === headers[HEADERS.url];
}

/** Adds to an answer where this node looks for the sender: one that has moved, or is an old copy, learns of it. */
function sayWhere({ options }: Door, { headers }: RouteRequest, answer: Answer): Answer {
  const sender = headers[HEADERS.nodeId];
  const id = typeof sender === 'string' ? parseNodeId(sender) : undefined;
  if (id === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, ...options.ownPlace.headersFor(options.urlOf(id)) } };
}

function handleRpc(door: Door, type: RequestType, request: RouteRequest): Answer | Promise<Answer> {
  const { options } = door;
  const handlers = options.handlers();
  if (handlers === undefined)
    throw new RaftError('stopping', 'This node is not running yet, or not any more.');
  const introduction = options.acquaintances.meet(request.headers);
  switch (introduction.type) {
    case 'stranger':
      return turnAway(door, introduction.reason);
    case 'twin':
      options.ownPlace.heedTwin(request.headers);
      return turnAway(door, introduction.reason);
    case 'amnesiac': {
      if (!isLeaders(type)) return turnAway(door, introduction.reason);
      const refused = screenNewcomer(door, request, introduction.nodeId, introduction.reason);
      return refused ?? handleIntroduced(door, handlers, type, { request, nodeId: introduction.nodeId });
    }
    case 'known': {
      const { nodeId } = introduction;
      const refused = isMember(door, nodeId)
        ? undefined
        : screenNewcomer(door, request, nodeId, `node ${nodeId} is not a member of this cluster`);
      return refused ?? handleIntroduced(door, handlers, type, { request, nodeId });
    }
    case 'anonymous':
      return handleFrom(door, handlers, type, {
        dialect: 'original',
        body: request.body,
        screen: (from) => (from === options.identity.id ? refusal(type) : screenOriginal(door, from)),
      });
    default:
      return assertNever(introduction, 'introduction');
  }
}

/**
 * Whether only a leader sends this. Whoever was elected is followed, whatever this node believes of it: its own
 * configuration may be old, and only the leader can bring it up to date. Votes and acknowledgements are another matter.
 */
function isLeaders(type: RequestType): boolean {
  return type === 'appendEntries' || type === 'timeoutNow';
}

function isMember({ options }: Door, nodeId: string): boolean {
  const id = parseNodeId(nodeId);
  return id !== undefined && options.isMember(id);
}

/**
 * The answer to a node that the configuration does not know as it is, unless it has been found to be what it says. The
 * sender takes the first answer for a lost message, and is heard when it sends again.
 */
function screenNewcomer(
  door: Door,
  { headers }: RouteRequest,
  nodeId: string,
  reason: string,
): Answer | undefined {
  const { newcomers } = door.options;
  const incarnation = headers[HEADERS.incarnation];
  const url = headers[HEADERS.url];
  const id = parseNodeId(nodeId);
  if (id === undefined || typeof incarnation !== 'string') return turnAway(door, reason);
  if (newcomers.isKnown(id, incarnation)) return undefined;
  const isChecked = typeof url === 'string' && isPeerUrl(url) && newcomers.check(id, incarnation, url);
  if (!isChecked) return turnAway(door, reason);
  return errorAnswer(
    new RaftError('too-many', `This node does not know node ${id} yet, and is finding out.`),
  );
}

/** A request of a node that says who it is, and that it is of this cluster. */
function handleIntroduced(
  door: Door,
  handlers: TransportHandlers,
  type: RequestType,
  { request, nodeId }: { readonly request: RouteRequest; readonly nodeId: string },
): Answer | Promise<Answer> {
  const screen = (from: NodeId): Answer | undefined => (nodeId === from ? undefined : refusal(type));
  const expected = request.headers[HEADERS.expectedIncarnation];
  const isForgotten = typeof expected === 'string' && expected !== door.options.identity.incarnation;
  return handleFrom(door, handlers, type, { dialect: 'extended', body: request.body, screen, isForgotten });
}

/**
 * The leader of a term that is not over knows this node with other data: what this node promised then is gone, and it
 * must not promise anything under its id any more (trap 29). Others than a leader may themselves be behind.
 */
function isDisowned(door: Door, message: Request, { isForgotten = false }: Arrival): boolean {
  return isForgotten && message.type === 'appendEntries' && message.term >= door.options.currentTerm();
}

/** A request whose sender is not known before the body is read. */
interface Arrival {
  readonly dialect: Dialect;
  readonly body: Uint8Array;
  /** The sender expects another incarnation of this node. */
  readonly isForgotten?: boolean;
  /** The answer to a sender that is not listened to. */
  screen(from: NodeId): Answer | undefined;
}

/** Reads a request as far as its sender, and the rest, which may be long, only where that is listened to. */
function handleFrom(
  door: Door,
  handlers: TransportHandlers,
  type: RequestType,
  arrival: Arrival,
): Answer | Promise<Answer> {
  const { dialect, body, screen } = arrival;
  let screened: Answer | undefined;
  const decoded = decodeRequest(type, body, (from) => {
    screened = screen(from);
    return screened === undefined;
  });
  if (screened !== undefined) return screened;
  if (!decoded.ok) return refusal(type);
  const message = decoded.value;
  if (termOf(message) > door.options.currentTerm() + TERM_JUMP_MAX) return refusal(type);
  const from = senderOf(message);
  if (isDisowned(door, message, arrival)) {
    const reason = `the cluster knows node ${door.options.identity.id} with the data that it had, and that is gone`;
    handlers.mismatch(from, reason, 'forgotten');
    return turnAway(door, reason);
  }
  door.options.heardFrom(from, dialect);
  return answerOf(handlers, from, message);
}

/**
 * Whoever invents an id is not listened to, nor is an original that the configuration in force leaves out: it knows
 * nothing of configurations, and would lead by the members that it was made with (§6).
 */
function screenMember(door: Door, from: NodeId): Answer | undefined {
  if (door.options.isInForce(from)) return undefined;
  return turnAway(door, `node ${from} is not a member of this cluster`);
}

/** Anyone can leave headers out: a member that is known to send them is not taken for an original. */
function screenOriginal(door: Door, from: NodeId): Answer | undefined {
  if (!door.options.isKnown(from)) return screenMember(door, from);
  return turnAway(door, `node ${from} introduces itself, and the sender of this message does not`);
}

/**
 * What the layer above answers. It may never do so, where it drops a request or stops: then a 503 ends the wait, which
 * the sender takes for a lost message.
 */
function answerOf(handlers: TransportHandlers, from: NodeId, message: Request): Promise<Answer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(
        errorAnswer(new RaftError('too-many', `This node did not answer within ${PEER_TIMEOUT_MS} ms.`)),
      );
    }, PEER_TIMEOUT_MS);
    handlers.request(from, message, (response: Response) => {
      clearTimeout(timer);
      resolve({ status: 200, contentType: TEXT, body: encodeResponse(response) });
    });
  });
}

/**
 * A malformed request gets 400 and the empty response of its RPC. The second line feed and the header are those of
 * Go's `http.Error`, through which the original answers.
 */
function refusal(type: RequestType): Answer {
  const body = `${encodeResponse(emptyResponse(type)).toString('latin1')}\n`;
  return { status: 400, contentType: TEXT, body, headers: { 'x-content-type-options': 'nosniff' } };
}

/** Begins the sentence with which a node turns another one away. */
export const REFUSED_BECAUSE = 'This message is refused: ';

/**
 * The answer to a node that must not be listened to. The mistake may be on either side, and whoever sends unasked proves
 * nothing: this node goes on, and finds out by the answers to its own requests if it is the one that is wrong.
 */
function turnAway({ options, complaints }: Door, reason: string): Answer {
  if (!complaints.has(reason) && complaints.size < MEMBERS_MAX) {
    complaints.add(reason);
    options.logger?.warn(`A message was refused: ${reason}.`);
  }
  return errorAnswer(
    new RaftError('configuration', `${REFUSED_BECAUSE}${reason}.`, {
      suggestions: ['Check the addresses in --peers and the data directory (--data-dir) of both nodes.'],
    }),
  );
}

function termOf(message: Request): Term {
  return message.type === 'preVote' ? message.nextTerm : message.term;
}

function senderOf(message: Request): NodeId {
  switch (message.type) {
    case 'appendEntries':
    case 'timeoutNow':
      return message.leaderId;
    case 'requestVote':
    case 'preVote':
      return message.candidateId;
    default:
      return assertNever(message, 'message');
  }
}
