import { PATHS } from '../../http/paths.ts';
import { type Answer, errorAnswer, type Route, type RouteRequest, TEXT } from '../../http/route.ts';
import { assertNever } from '../../lib/assert.ts';
import type { NodeId, Term } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import {
  PEER_BODY_BYTES_MAX,
  PEER_TIMEOUT_MS,
  SMALL_BODY_BYTES_MAX,
  TERM_JUMP_MAX,
} from '../../lib/limits.ts';
import type { Dialect } from '../core/inputs.ts';
import type { Request, Response } from '../core/messages.ts';
import type { Self, TransportHandlers } from '../ports.ts';
import type { Acquaintances } from './identity.ts';
import { decodeRequest, emptyResponse, encodeResponse, type RequestType } from './wire.ts';

export interface PeerRoutesOptions {
  readonly identity: Self;
  readonly acquaintances: Acquaintances;
  /** Whether a node is a member of the cluster: others are not listened to. */
  isMember(id: NodeId): boolean;
  /** Our own term: a request whose term is more than `TERM_JUMP_MAX` above it is refused. */
  currentTerm(): Term;
  /** The layer above, or undefined before it is ready: requests are answered 503 until then. */
  handlers(): TransportHandlers | undefined;
  /** A request shows what its sender speaks. */
  heardFrom(from: NodeId, dialect: Dialect): void;
}

/** The paths on which peers talk to this node: the original's three, and pre-vote. */
export function peerRoutes(options: PeerRoutesOptions): readonly Route[] {
  return [
    idRoute(options.identity.id),
    rpcRoute(options, 'requestVote', PATHS.requestVote, SMALL_BODY_BYTES_MAX),
    rpcRoute(options, 'preVote', PATHS.preVote, SMALL_BODY_BYTES_MAX),
    rpcRoute(options, 'appendEntries', PATHS.appendEntries, PEER_BODY_BYTES_MAX),
  ];
}

/** Tells the id, as the original does to whoever makes a peer of this node. */
export function idRoute(id: NodeId): Route {
  return {
    method: 'GET',
    path: PATHS.id,
    bodyBytesMax: SMALL_BODY_BYTES_MAX,
    handle: () => ({ status: 200, contentType: TEXT, body: id }),
  };
}

function rpcRoute(options: PeerRoutesOptions, type: RequestType, path: string, bodyBytesMax: number): Route {
  return {
    method: 'POST',
    path,
    bodyBytesMax,
    handle: (request) => handleRpc(options, type, request),
  };
}

function handleRpc(
  options: PeerRoutesOptions,
  type: RequestType,
  request: RouteRequest,
): Answer | Promise<Answer> {
  const handlers = options.handlers();
  if (handlers === undefined)
    throw new RaftError('stopping', 'This node is not running yet, or not any more.');
  const decoded = decodeRequest(type, request.body);
  if (!decoded.ok) return refusal(type);
  const message = decoded.value;
  if (termOf(message) > options.currentTerm() + TERM_JUMP_MAX) return refusal(type);
  const from = senderOf(message);
  const introduction = options.acquaintances.meet(request.headers);
  switch (introduction.type) {
    case 'amnesiac':
      return foreign(introduction.reason);
    case 'stranger':
      handlers.mismatch(from, introduction.reason);
      return foreign(introduction.reason);
    case 'known':
      if (introduction.nodeId !== from) return refusal(type);
      return answerMember(options, handlers, 'extended', message);
    case 'anonymous':
      if (from === options.identity.id) return refusal(type);
      return answerMember(options, handlers, 'original', message);
    default:
      return assertNever(introduction, 'introduction');
  }
}

/** The answer to a node that nothing is held against, unless it is no member: whoever invents an id is not listened to. */
function answerMember(
  options: PeerRoutesOptions,
  handlers: TransportHandlers,
  dialect: Dialect,
  message: Request,
): Answer | Promise<Answer> {
  const from = senderOf(message);
  if (!options.isMember(from)) return foreign(`node ${from} is not a member of this cluster`);
  options.heardFrom(from, dialect);
  return answerOf(handlers, from, message);
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

/** The answer to a node that must not be listened to. It stops when it reads this. */
function foreign(reason: string): Answer {
  return errorAnswer(
    new RaftError('configuration', `This message is refused: ${reason}.`, {
      suggestions: ['Check the addresses in --peers and the data directory (--data-dir) of both nodes.'],
    }),
  );
}

function termOf(message: Request): Term {
  return message.type === 'preVote' ? message.nextTerm : message.term;
}

function senderOf(message: Request): NodeId {
  return message.type === 'appendEntries' ? message.leaderId : message.candidateId;
}
