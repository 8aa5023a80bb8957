import { HEADERS, PATHS } from '../http/paths.ts';
import { type Answer, jsonAnswer, type Route, type RouteRequest, TEXT } from '../http/route.ts';
import { asRaftError, httpStatusOf } from '../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../lib/limits.ts';
import type { RaftService, RequestOptions } from '../raft/service.ts';
import { membershipIn, setConfigurationIn, transferTargetIn } from './membership.ts';

/** The paths that change a cluster: its members, and who leads it. `screen` throws for who must not. */
export function administrationRoutes(
  service: RaftService,
  screen: (request: RouteRequest) => RouteRequest,
): readonly Route[] {
  return [
    post(PATHS.configuration, (request) => changeMembers(service, screen(request))),
    post(PATHS.setConfiguration, (request) => setConfiguration(service, screen(request))),
    post(PATHS.transfer, (request) => transferLeadership(service, screen(request))),
  ];
}

function post(path: string, handle: Route['handle']): Route {
  return { method: 'POST', path, bodyBytesMax: SMALL_BODY_BYTES_MAX, handle };
}

async function changeMembers(service: RaftService, request: RouteRequest): Promise<Answer> {
  const result = await service.changeConfiguration(membershipIn(request.body), optionsOf(request));
  return jsonAnswer(200, result);
}

async function transferLeadership(service: RaftService, request: RouteRequest): Promise<Answer> {
  const result = await service.transferLeadership(transferTargetIn(request.body), optionsOf(request));
  return jsonAnswer(200, result);
}

/**
 * The original takes gob here, and never could use it. The body here is `{"peers":[{"id","url"}]}`, all voters of the new
 * configuration. The answer is the original's: `{"success":true}` or `{"error"}`.
 */
async function setConfiguration(service: RaftService, request: RouteRequest): Promise<Answer> {
  try {
    await service.changeConfiguration(setConfigurationIn(request.body), optionsOf(request));
    return originalAnswer(200, { success: true });
  } catch (thrown) {
    const error = asRaftError(thrown);
    const form =
      error.code === 'bad-request'
        ? ' Expected {"peers":[{"id":"1","url":"http://127.0.0.1:7001"}]}, with every member.'
        : '';
    return originalAnswer(httpStatusOf(error.code), { error: `${error.message}${form}` });
  }
}

function originalAnswer(status: number, body: unknown): Answer {
  return { status, contentType: TEXT, body: `${JSON.stringify(body)}\n` };
}

function optionsOf(request: RouteRequest): RequestOptions {
  return { signal: request.signal, forwarded: request.headers[HEADERS.forwarded] !== undefined };
}
