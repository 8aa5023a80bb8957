import { afterEach, describe, expect, it } from 'vitest';
import { connectionsMax } from '../../src/http/connections-max.ts';
import { HttpServer, type HttpServerOptions } from '../../src/http/http-server.ts';
import { jsonAnswer, type Route, type RouteRequest, TEXT } from '../../src/http/route.ts';
import { RaftError } from '../../src/lib/errors.ts';
import { CONNECTIONS_MAX, DESCRIPTORS_RESERVED } from '../../src/lib/limits.ts';
import { RawClient } from '../support/raw-client.ts';

const BODY_BYTES_MAX = 1_000;

describe('the HTTP server of a node', () => {
  const servers: HttpServer[] = [];
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(servers.splice(0).map((server) => server.close(0)));
  });

  /** A server whose one route answers a POST with what `handle` gives: the length of its body unless told otherwise. */
  async function start(handle: Route['handle'] = bodyLength, options: Partial<HttpServerOptions> = {}) {
    const server = new HttpServer({ routes: [], headers: {}, ...options });
    const route: Route = { method: 'POST', path: '/post', bodyBytesMax: BODY_BYTES_MAX, handle };
    const get: Route = { ...route, method: 'GET', path: '/get' };
    server.serve([route, get], { 'x-node': 'one' });
    servers.push(server);
    const { port } = await server.listen({ port: 0 });
    return { server, port, url: `http://127.0.0.1:${port}` };
  }

  function connect(port: number): RawClient {
    const client = new RawClient(port);
    clients.push(client);
    return client;
  }

  const post = (url: string, body: string) => fetch(`${url}/post`, { method: 'POST', body });

  it('listens on loopback alone unless it is told otherwise', async () => {
    const server = new HttpServer({ routes: [], headers: {} });
    servers.push(server);
    expect(await server.listen({ port: 0 })).toMatchObject({ host: '127.0.0.1' });
  });

  it('says in one sentence that a port is in use', async () => {
    const { port } = await start();
    const second = new HttpServer({ routes: [], headers: {} });
    await expect(second.listen({ port })).rejects.toMatchObject({
      code: 'address-in-use',
      message: `Another process already listens on 127.0.0.1:${port}.`,
      suggestions: [expect.stringContaining(`:${port}`), expect.any(String)],
    });
  });

  it('says that an address is none of this machine', async () => {
    const server = new HttpServer({ routes: [], headers: {} });
    await expect(server.listen({ host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'cannot-create',
    });
  });

  it('hands whole bodies to its routes, up to the limit and in pieces', async () => {
    const { port, url } = await start();
    expect(await (await post(url, 'x'.repeat(BODY_BYTES_MAX))).text()).toBe('1000');
    const client = connect(port);
    client.send(
      'POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n',
    );
    client.send('4\r\ndefg\r\n0\r\n\r\n');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n7$/s);
  });

  it('sends its own headers with every response', async () => {
    const { url } = await start();
    for (const response of [await post(url, 'a'), await fetch(`${url}/nowhere`)]) {
      expect(response.headers.get('x-node')).toBe('one');
    }
  });

  it.each([
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405, 'no proxy'],
    [
      'an expectation that it cannot meet',
      'GET /get HTTP/1.1\r\nHost: a\r\nExpect: luck\r\n',
      417,
      '100-continue',
    ],
    ['a request without a host', 'GET /get HTTP/1.1\r\n', 400, 'Host header'],
  ])('says what is wrong with %s', async (_, head, status, words) => {
    const { port } = await start();
    const client = connect(port);
    client.send(`${head.trimEnd()}\r\nConnection: close\r\n\r\n`);
    const said = await client.untilClosed();
    expect(said).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(said).toContain(words);
  });

  it('refuses a body that is announced to be too long before it comes', async () => {
    const { port } = await start();
    const client = connect(port);
    client.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n');
    expect(await client.until('too-large')).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('does not ask for a body that is too long of a client that waits to be asked', async () => {
    const { port } = await start();
    const head = 'POST /post HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n';
    const tooLong = connect(port);
    tooLong.send(`${head}Content-Length: 1001\r\n\r\n`);
    expect(await tooLong.until('too-large')).toMatch(/^HTTP\/1\.1 413 /);
    const fitting = connect(port);
    fitting.send(`${head}Content-Length: 3\r\nConnection: close\r\n\r\n`);
    await fitting.until('HTTP/1.1 100 Continue');
    fitting.send('abc');
    expect(await fitting.untilClosed()).toContain('HTTP/1.1 200 OK');
  });

  it('refuses a body that turns out to be too long, and the client still reads the answer', async () => {
    const { url } = await start();
    const body = new ReadableStream({
      start(stream) {
        for (let i = 0; i < 50; i++) stream.enqueue(new Uint8Array(BODY_BYTES_MAX));
        stream.close();
      },
    });
    const response = await fetch(`${url}/post`, { method: 'POST', body, duplex: 'half' });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { code: 'too-large', message: expect.any(String) },
    });
  });

  it('answers unknown paths and wrong methods in JSON', async () => {
    const { url } = await start();
    const nowhere = await fetch(`${url}/nowhere?x=1`);
    expect(nowhere.status).toBe(404);
    expect(await nowhere.json()).toMatchObject({ error: { code: 'not-found' } });
    const wrong = await fetch(`${url}/post`, { method: 'DELETE' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(await wrong.json()).toMatchObject({ error: { code: 'method-not-allowed' } });
  });

  it('answers 503 to what it does not serve yet, because a 404 would mean another protocol', async () => {
    const server = new HttpServer({ routes: [], headers: {} });
    servers.push(server);
    const { port } = await server.listen({ port: 0 });
    expect((await fetch(`http://127.0.0.1:${port}/raft/prevote`)).status).toBe(503);
  });

  it('answers HEAD like GET, without the body', async () => {
    const { url } = await start(() => ({ status: 200, contentType: TEXT, body: 'hello' }));
    const response = await fetch(`${url}/get`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('5');
    expect(await response.text()).toBe('');
  });

  it('refuses what a web page sends, on every path', async () => {
    const { url } = await start();
    for (const path of ['/post', '/get', '/nowhere']) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { origin: 'http://evil.example' },
      });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: 'not-permitted' } });
    }
  });

  it('turns an error that a route throws into its status and its body', async () => {
    const { url } = await start(async () => {
      throw new RaftError('no-leader', 'Nobody leads.', {
        suggestions: ['wait'],
        leader: { id: '7', url: 'http://x' },
      });
    });
    const response = await post(url, '');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      error: {
        code: 'no-leader',
        message: 'Nobody leads.',
        suggestions: ['wait'],
        leader: { id: '7', url: 'http://x' },
      },
    });
  });

  it('answers 500 for what nobody foresaw, keeps its insides to its own log, and lives on', async () => {
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
    const { url } = await start(
      () => {
        throw new TypeError('the inside');
      },
      { logger },
    );
    for (let i = 0; i < 2; i++) {
      const response = await post(url, '');
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('the inside');
    }
    expect(warnings).toEqual([expect.stringContaining('the inside'), expect.stringContaining('the inside')]);
  });

  it('ends a connection whose client sends its headers too slowly', async () => {
    const { port } = await start(bodyLength, { headersTimeoutMs: 100, bodyTimeoutMs: 100 });
    const client = connect(port);
    client.send('POST /post HTTP/1.1\r\nHost: a\r\nX-Slow');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('ends a connection whose client sends its body too slowly', async () => {
    const { port } = await start(bodyLength, { headersTimeoutMs: 100, bodyTimeoutMs: 100 });
    const client = connect(port);
    client.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('ends a connection whose client takes nothing of its answer', async () => {
    const length = 64 * 1024 * 1024;
    let cutOff: (message: string) => void = () => {};
    const isCutOff = new Promise<string>((resolve) => {
      cutOff = resolve;
    });
    const { port } = await start(() => ({ status: 200, contentType: TEXT, body: Buffer.alloc(length) }), {
      logger: { info: cutOff, warn: () => {} },
      headersTimeoutMs: 100,
      bodyTimeoutMs: 100,
    });
    const client = connect(port);
    client.pause();
    client.send('GET /get HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await isCutOff).toContain('took nothing of its answer for 100 ms');
    client.resume();
    expect((await client.untilClosed()).length).toBeLessThan(length);
  });

  it('refuses bodies that are too long together, and takes them again once there is room', async () => {
    let release: () => void = () => {};
    let begun: () => void = () => {};
    const handling = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { port, url } = await start(
      async (request) => {
        if (request.body.length === 800) {
          begun();
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return bodyLength(request);
      },
      { bodiesBytesMax: 1_000 },
    );
    const client = connect(port);
    client.send(`POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 800\r\n\r\n${'x'.repeat(800)}`);
    await handling;
    const refused = await post(url, 'x'.repeat(201));
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'too-many' } });
    expect(await (await post(url, 'x'.repeat(200))).text()).toBe('200');
    release();
    await client.until('800');
    expect(await (await post(url, 'x'.repeat(1_000))).text()).toBe('1000');
  });

  it('limits a body by what the headers say of its sender', async () => {
    const server = new HttpServer({ routes: [], headers: {} });
    const bodyBytesMax: Route['bodyBytesMax'] = (headers) => (headers['x-known'] === undefined ? 10 : 5);
    server.serve([{ method: 'POST', path: '/post', bodyBytesMax, handle: bodyLength }], {});
    servers.push(server);
    const { port } = await server.listen({ port: 0 });
    const url = `http://127.0.0.1:${port}/post`;
    const send = async (headers: Record<string, string>) =>
      (await fetch(url, { method: 'POST', body: 'x'.repeat(6), headers })).status;
    expect([await send({}), await send({ 'x-known': '1' })]).toEqual([200, 413]);
  });

  it('lives on where an answer cannot be sent, and where not even the error can', async () => {
    const answer = { status: 200, contentType: TEXT, body: '', headers: { 'x-bad': 'a\nb' } };
    const { url, server } = await start(() => answer);
    expect((await post(url, '')).status).toBe(500);
    server.serve([], { 'x-bad': '\u2603' });
    await expect(post(url, '')).rejects.toThrow();
    server.serve([], {});
    expect((await post(url, '')).status).toBe(404);
  });

  it('takes a target that is a whole URL, as proxies write it', async () => {
    const { port } = await start((request) => ({
      status: 200,
      contentType: TEXT,
      body: String(request.query),
    }));
    const client = connect(port);
    client.send('GET http://a:1/get?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nx=1$/s);
  });

  it('ends a connection on which no HTTP is spoken, and one with endless headers', async () => {
    const { port } = await start();
    const garbage = connect(port);
    garbage.send('\x16\x03\x01 not HTTP\r\n\r\n');
    expect(await garbage.untilClosed()).toMatch(/^HTTP\/1\.1 400 .*"bad-request"/s);
    const endless = connect(port);
    endless.send(`GET /get HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`);
    expect(await endless.untilClosed()).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('tells a route that the client has gone', async () => {
    let aborted: Promise<void> | undefined;
    const handled = new Promise<void>((resolve) => {
      void start((request) => {
        aborted = new Promise((gone) => request.signal.addEventListener('abort', () => gone()));
        resolve();
        return new Promise(() => {});
      }).then(({ port }) =>
        connect(port).send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'),
      );
    });
    await handled;
    for (const client of clients) client.destroy();
    await aborted;
  });

  it('keeps a connection open from one request to the next, without end', async () => {
    const { port } = await start();
    const client = connect(port);
    for (let i = 1; i <= 200; i++) {
      client.send(`POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Count: ${i}\r\n\r\nabc`);
    }
    client.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    const answers = (await client.untilClosed()).match(/HTTP\/1\.1 200 OK/g);
    expect(answers).toHaveLength(201);
  });

  it('closes at once where connections are idle, and after its grace where one waits', async () => {
    const idle = await start();
    await post(idle.url, 'a');
    await idle.server.close(60_000);
    let begun: () => void = () => {};
    const waiting = await start(() => {
      begun();
      return new Promise(() => {});
    });
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const response = post(waiting.url, 'a');
    await started;
    await Promise.all([expect(response).rejects.toThrow(), waiting.server.close(50)]);
  });
});

describe('the number of connections', () => {
  const withSoftLimit = (soft: unknown) => ({ userLimits: { open_files: { soft } } });

  it('leaves descriptors to the log, whatever the process may open', () => {
    expect(connectionsMax(withSoftLimit(1_024))).toBe(1_024 - DESCRIPTORS_RESERVED);
    expect(connectionsMax(withSoftLimit(1_000_000))).toBe(CONNECTIONS_MAX);
    expect(connectionsMax(withSoftLimit('unlimited'))).toBe(CONNECTIONS_MAX);
    expect(connectionsMax(withSoftLimit(64))).toBe(1);
    expect(connectionsMax({})).toBe(CONNECTIONS_MAX);
  });

  it('is limited by what this process may open', () => {
    expect(connectionsMax()).toBeGreaterThan(0);
    expect(connectionsMax()).toBeLessThanOrEqual(CONNECTIONS_MAX);
  });
});

function bodyLength(request: RouteRequest) {
  return jsonLength(request.body.length);
}

function jsonLength(length: number) {
  return { ...jsonAnswer(200, null), body: String(length) };
}
