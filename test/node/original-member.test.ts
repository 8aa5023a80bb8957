import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createServer, KvMachine } from '../../src/index.ts';
import { nodeId, term } from '../../src/lib/brands.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import type { Request, Response } from '../../src/raft/core/messages.ts';
import type { Network, TransportHandlers } from '../../src/raft/ports.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ORIGINAL = nodeId('2');
const PLACE = {
  session: sessionIdOfBytes(new Uint8Array(16)),
  sequence: 1,
  acknowledgedBelow: 1,
  openedAtMs: 0,
};

/** A network with one other member, which says yes to everything and speaks the original's protocol only. */
function besideOriginal(): Network {
  let handlers: TransportHandlers | undefined;
  return {
    open: async () => ({
      transport: {
        start: (given) => {
          handlers = given;
          given.dialect(ORIGINAL, 'original');
        },
        send: (to, { requestId, message }) => {
          setImmediate(() => handlers?.response(to, requestId, yesTo(message)));
        },
        stop: async () => {},
      },
      forward: {
        command: () => Promise.reject(),
        query: () => Promise.reject(),
        changeConfiguration: () => Promise.reject(),
        transferLeadership: () => Promise.reject(),
      },
      setMembers: () => {},
      identify: () => Promise.reject(),
    }),
    close: async () => {},
  };
}

function yesTo(message: Request): Response {
  switch (message.type) {
    case 'preVote':
      return { type: 'preVoteResponse', term: term(message.nextTerm - 1), voteGranted: true };
    case 'requestVote':
      return { type: 'requestVoteResponse', term: message.term, voteGranted: true };
    case 'appendEntries':
      return { type: 'appendEntriesResponse', term: message.term, success: true };
    case 'timeoutNow':
      throw new Error('The original knows no TimeoutNow');
  }
}

it('beside a node of the original no session can be used, and a command without one can', async () => {
  const server = createServer({
    id: '1',
    dataDir: join(temporaryDirectory(), 'data'),
    apply: new KvMachine(),
  });
  onTestFinished(() => server.stop());
  server.connect(besideOriginal());
  server.setConfiguration([
    { id: server.id, url: undefined },
    { id: ORIGINAL, url: undefined },
  ]);
  await server.start();
  await eventually('it leads', () => (server.status().role === 'leader' ? true : undefined));
  expect(server.status().logTimeMs).toBeNull();
  const command = Buffer.from('put a 1');
  await expect(server.command(command, { place: PLACE })).rejects.toMatchObject({ code: 'unsupported' });
  expect(Buffer.from((await server.command(command)).response).toString()).toBe('{"ok":true,"index":2}');
});

it('what is no place in a session is refused before anything is written', async () => {
  const server = createServer({ id: '1', dataDir: temporaryDirectory(), apply: new KvMachine() });
  onTestFinished(() => server.stop());
  const wrong = { ...PLACE, sequence: 0 };
  await expect(server.command(Buffer.from('c'), { place: wrong })).rejects.toMatchObject({
    code: 'bad-request',
  });
});
