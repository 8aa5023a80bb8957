import { HEADERS, PATHS } from '../http/paths.ts';
import { type Answer, errorAnswer, jsonAnswer, type Route, type RouteRequest, TEXT } from '../http/route.ts';
import { RaftError } from '../lib/errors.ts';
import { COMMAND_BYTES_MAX, SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import type { Consistency, RaftService, RequestOptions } from '../raft/service.ts';
import { administrationRoutes } from './administration-routes.ts';
import { contentTypeOf } from './content-type.ts';
import type { NodeStatus } from './schema.ts';
import { sessionPlaceIn } from './session-headers.ts';
import { watchRoute } from './watch-route.ts';

export interface UserRoutesOptions {
  readonly service: RaftService;
  /** What the node's status says beyond what its service knows. */
  readonly node: Pick<NodeStatus, 'clusterId' | 'incarnation' | 'version' | 'pid' | 'machine'>;
}

/** The paths of a node that its users call. */
export function userRoutes(options: UserRoutesOptions): readonly Route[] {
  const { service, node } = options;
  return [
    {
      method: 'POST',
      path: PATHS.command,
      bodyBytesMax: COMMAND_BYTES_MAX,
      handle: (request) => handleCommand(service, refuseOtherCluster(node.clusterId, request)),
    },
    {
      method: 'POST',
      path: PATHS.sessionCommand,
      bodyBytesMax: COMMAND_BYTES_MAX,
      handle: (request) => handleSessionCommand(service, refuseOtherCluster(node.clusterId, request)),
    },
    {
      method: 'POST',
      path: PATHS.query,
      bodyBytesMax: SMALL_BODY_BYTES_MAX,
      handle: (request) => handleQuery(service, refuseOtherCluster(node.clusterId, request)),
    },
    ...administrationRoutes(service, (request) => refuseOtherCluster(node.clusterId, request)),
    watchRoute(service, (request) => refuseOtherCluster(node.clusterId, request)),
    get(PATHS.status, () => jsonAnswer(200, statusOf(options))),
    get(PATHS.live, () => ({ status: 200, contentType: TEXT, body: 'ok\n' })),
    get(PATHS.ready, () => readiness(service)),
  ];
}

function get(path: string, handle: () => Answer): Route {
  return { method: 'GET', path, bodyBytesMax: SMALL_BODY_BYTES_MAX, handle };
}

async function handleCommand(service: RaftService, request: RouteRequest): Promise<Answer> {
  if (request.body.length === 0) {
    throw new RaftError('bad-request', 'The command is empty.', {
      suggestions: ["Send its bytes as the body: curl --data-binary 'put greeting hello' URL/raft/command"],
    });
  }
  const place = sessionPlaceIn(request.headers);
  const { index, term, response } = await service.command(request.body, { ...optionsOf(request), place });
  const headers: Record<string, string> = {};
  if (index !== undefined) headers[HEADERS.index] = String(index);
  if (term !== undefined) headers[HEADERS.term] = String(term);
  return { status: 200, contentType: contentTypeOf(response), body: response, headers };
}

/** The same as a command with the headers of a session, which are not left to chance here. */
async function handleSessionCommand(service: RaftService, request: RouteRequest): Promise<Answer> {
  if (sessionPlaceIn(request.headers) !== undefined) return handleCommand(service, request);
  throw new RaftError('bad-request', 'The command has no place in a session: its headers are missing.', {
    suggestions: [`Send a command without a session to ${PATHS.command}.`],
  });
}

async function handleQuery(service: RaftService, request: RouteRequest): Promise<Answer> {
  const response = await service.query(request.body, consistencyOf(request), optionsOf(request));
  return { status: 200, contentType: contentTypeOf(response), body: response };
}

/** A follower that forwards says of which cluster it is: at an old address there may be the leader of another one. */
function refuseOtherCluster(clusterId: string, request: RouteRequest): RouteRequest {
  const other = request.headers[HEADERS.clusterId];
  if (other === undefined || other === clusterId) return request;
  throw new RaftError(
    'configuration',
    `This node belongs to cluster ${clusterId}, the request to ${String(other)}.`,
  );
}

function optionsOf(request: RouteRequest): RequestOptions {
  return { signal: request.signal, forwarded: request.headers[HEADERS.forwarded] !== undefined };
}

function consistencyOf(request: RouteRequest): Consistency {
  const wanted = request.query.get('consistency') ?? 'linearizable';
  if (wanted === 'linearizable' || wanted === 'stale') return wanted;
  throw new RaftError('bad-request', `There is no consistency called "${wanted}".`, {
    suggestions: ['Ask for linearizable (the default) or stale.'],
  });
}

/** A node serves as soon as it listens: whether a quorum is there is the business of readiness alone. */
function readiness(service: RaftService): Answer {
  const { leaderId } = service.status();
  if (leaderId !== null) return { status: 200, contentType: TEXT, body: 'ready\n' };
  return errorAnswer(new RaftError('no-leader', 'This node knows of no leader.'));
}

function statusOf({ service, node }: UserRoutesOptions): NodeStatus {
  return { ...service.status(), ...node };
}
