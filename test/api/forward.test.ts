import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpForward } from '../../src/api/forward.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';

const LEADER = nodeId('13529762455909600464');
const COMMAND = { command: utf8('put a 1'), place: undefined };
const QUERY = utf8('get a');

describe('a request that a follower forwards to the leader', () => {
  const closing: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A forward to a leader that answers as it is told, or to nobody. */
  async function forwardTo(listener?: RequestListener) {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const stop = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    if (listener === undefined) await stop();
    else closing.push(stop);
    const forward = new HttpForward({
      urlOf: (id) => (id === LEADER ? `http://127.0.0.1:${port}` : undefined),
      headers: { 'raft-cluster-id': 'cluster-a' },
    });
    closing.push(() => forward.close());
    return forward;
  }

  const answer = (status: number, body: string, headers: Record<string, string> = {}): RequestListener => {
    return (request, response) => {
      request.resume();
      request.once('end', () => response.writeHead(status, headers).end(body));
    };
  };
  const signal = new AbortController().signal;

  it('carries the command, the mark that it was forwarded, and the cluster', async () => {
    let headers: IncomingHttpHeaders = {};
    let body = '';
    const forward = await forwardTo((request, response) => {
      headers = request.headers;
      request.setEncoding('utf8');
      request.on('data', (text: string) => {
        body += text;
      });
      request.once('end', () =>
        response.writeHead(200, { 'raft-index': '7', 'raft-term': '3' }).end('answer'),
      );
    });
    const result = await forward.command(LEADER, COMMAND, signal);
    expect({ ...result, response: textOf(result.response) }).toEqual({
      index: 7,
      term: 3,
      response: 'answer',
    });
    expect(headers).toMatchObject({ 'raft-forwarded': '1', 'raft-cluster-id': 'cluster-a' });
    expect(body).toBe('put a 1');
  });

  const IN_SESSION = {
    command: utf8('put a 1'),
    place: {
      session: sessionIdOfBytes(new Uint8Array(16)),
      sequence: 7,
      acknowledgedBelow: 5,
      openedAtMs: 1_000,
    },
  };

  it('carries where the command stands in its session, to a path that only a node with sessions has', async () => {
    const seen: unknown[] = [];
    const forward = await forwardTo((request, response) => {
      const { headers, url } = request;
      seen.push([url, headers['raft-session'], headers['raft-sequence'], headers['raft-acknowledged']]);
      seen.push(headers['raft-session-opened']);
      request.resume().once('end', () => response.writeHead(200).end('answer'));
    });
    await forward.command(LEADER, IN_SESSION, signal);
    expect(seen).toEqual([['/raft/sessioncommand', '0'.repeat(32), '7', '5'], '1000']);
  });

  it('certainly was not done where it is in a session and the leader is an original, which knows none', async () => {
    const forward = await forwardTo(answer(404, '404 page not found\n'));
    await expect(forward.command(LEADER, IN_SESSION, signal)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('is answered without index and term by a leader of the original', async () => {
    const forward = await forwardTo(answer(200, 'answer'));
    expect(await forward.command(LEADER, COMMAND, signal)).toMatchObject({
      index: undefined,
      term: undefined,
    });
  });

  it('certainly was not done where nobody listens, or where the address is not known', async () => {
    const forward = await forwardTo();
    await expect(forward.command(LEADER, COMMAND, signal)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(forward.query(LEADER, QUERY, signal)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(forward.command(nodeId('5'), COMMAND, signal)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('has an outcome that is not known where the leader dies before it answers', async () => {
    const forward = await forwardTo((request) => request.socket.destroy());
    await expect(forward.command(LEADER, COMMAND, signal)).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect(forward.query(LEADER, QUERY, signal)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('has an outcome that is not known where the client gives up while the leader works', async () => {
    const controller = new AbortController();
    const forward = await forwardTo(() => controller.abort());
    const result = forward.command(LEADER, COMMAND, controller.signal);
    await expect(result).rejects.toMatchObject({ code: 'outcome-unknown' });
  });

  it('has an outcome that is not known where an original says 500 and no more', async () => {
    const forward = await forwardTo(answer(500, ''));
    await expect(forward.command(LEADER, COMMAND, signal)).rejects.toMatchObject({ code: 'outcome-unknown' });
  });

  it('has an outcome that is not known where the leader failed in a way that was not foreseen', async () => {
    const error = { code: 'unexpected', message: 'It broke.', suggestions: [] };
    const forward = await forwardTo(answer(500, JSON.stringify({ error })));
    await expect(forward.command(LEADER, COMMAND, signal)).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringContaining('It broke.'),
    });
    await expect(forward.query(LEADER, QUERY, signal)).rejects.toMatchObject({ code: 'unexpected' });
  });

  it('fails as the leader says', async () => {
    const error = {
      code: 'too-many',
      message: 'Too many.',
      suggestions: ['wait'],
      leader: { id: '1', url: 'http://x' },
    };
    const forward = await forwardTo(answer(503, JSON.stringify({ error })));
    for (const result of [forward.command(LEADER, COMMAND, signal), forward.query(LEADER, QUERY, signal)]) {
      await expect(result).rejects.toMatchObject(error);
    }
  });

  it('is a query that an original does not know', async () => {
    const forward = await forwardTo(answer(404, '404 page not found\n'));
    await expect(forward.query(LEADER, QUERY, signal)).rejects.toMatchObject({ code: 'unsupported' });
  });
});
