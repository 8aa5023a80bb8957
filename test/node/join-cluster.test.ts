import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MemberStatus } from '../../src/api/schema.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { type JoinContext, joinCluster } from '../../src/node/join-cluster.ts';
import { member, statusOf } from '../commands/statuses.ts';

const SELF = { id: nodeId('9'), url: 'http://node-9' };

/** What the leader says when it is asked to change its members. */
type Answer = 'done' | 'outcome-unknown' | 'change-in-progress';

/** What happens from one request of the node to the next. */
interface Round {
  /** The index of the configuration that is in force, and the part that it gives to the node. */
  readonly index: number;
  readonly part: MemberStatus['part'] | 'none';
  readonly answer?: Answer;
  /** What the node itself has learnt by then. */
  readonly self?: 'member' | 'stopped';
}

/** A leader that goes through rounds, the last of which stays, and the requests that it got to change its members. */
class Leader {
  readonly asked: number[] = [];
  readonly #rounds: readonly Round[];
  #at = -1;
  #looks = 0;

  constructor(rounds: readonly Round[]) {
    this.#rounds = rounds;
  }

  /** Has node 9 join as a voter. */
  async join(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const context: JoinContext = {
      logger: { info: () => {}, warn: () => {} },
      hasBeenMember: () => this.#round.self === 'member',
      // It stops while the node waits, between two looks at it.
      isOver: () => this.#round.self === 'stopped' && this.#looks++ > 0,
    };
    await joinCluster({ servers: [`http://127.0.0.1:${port}`], part: 'voter' }, SELF, context);
  }

  get #round(): Round {
    return this.#rounds[Math.max(0, this.#at)] ?? { index: 0, part: 'none' };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (request.method === 'GET') {
      response.end(JSON.stringify(this.#status()));
      return;
    }
    const { index, answer = 'done' } = this.#round;
    this.asked.push(index);
    this.#at = Math.min(Math.max(0, this.#at) + 1, this.#rounds.length - 1);
    response.statusCode = answer === 'done' ? 200 : 503;
    const error = { code: answer, message: 'No.', suggestions: [] };
    response.end(JSON.stringify(answer === 'done' ? { index: index + 1 } : { error }));
  }

  #status() {
    const { index, part } = this.#round;
    const self = part === 'none' ? [] : [member('9', { part })];
    const configuration = { index, phase: 'stable', waitsFor: [] } as const;
    return statusOf('1', { members: [member('1'), ...self], configuration });
  }
}

describe('a node that joins, and hears nothing of what came of its request', () => {
  it('asks again while the configuration is the one that it asked from', async () => {
    const leader = new Leader([
      { index: 5, part: 'none', answer: 'outcome-unknown' },
      { index: 5, part: 'none', self: 'member' },
    ]);

    await leader.join();

    expect(leader.asked).toEqual([5, 5]);
  });

  it('asks for its vote where it was made a learner', async () => {
    const leader = new Leader([
      { index: 5, part: 'none', answer: 'outcome-unknown' },
      { index: 6, part: 'learner', self: 'member' },
    ]);

    await leader.join();

    expect(leader.asked).toEqual([5, 6]);
  });

  it('does not ask where it may have been made a member and removed since', async () => {
    const leader = new Leader([
      { index: 5, part: 'none', answer: 'outcome-unknown' },
      { index: 9, part: 'none' },
    ]);

    await expect(leader.join()).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringContaining('by the configuration at index 9 it is none'),
    });
    expect(leader.asked).toEqual([5]);
  });
});

describe('a node that joins, where nobody answers yet', () => {
  it('goes on asking, and says so once', async () => {
    const server = createServer((_, response) =>
      response.end(JSON.stringify(statusOf('1', { members: [member('9')] }))),
    );
    const listen = (port: number) =>
      new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await listen(0);
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    onTestFinished(() => void server.close());
    const warned: string[] = [];
    let looks = 0;
    const context: JoinContext = {
      logger: { info: () => {}, warn: (message) => void warned.push(message) },
      hasBeenMember: () => true,
      // Asked before and after each wait: the cluster is there after the second one.
      isOver: () => {
        if (++looks === 4) void listen(port);
        return false;
      },
    };

    await joinCluster({ servers: [`http://127.0.0.1:${port}`], part: 'voter' }, SELF, context);

    expect(looks).toBeGreaterThanOrEqual(4);
    expect(warned).toEqual([
      expect.stringMatching(
        /^http:\S+ does not answer: .*ECONNREFUSED.*\. This node goes on asking to be made a member\.$/,
      ),
    ]);
  });
});

describe('a node that joins, and is removed meanwhile', () => {
  const seen: readonly Round[] = [
    { index: 5, part: 'none', answer: 'outcome-unknown' },
    { index: 6, part: 'learner', answer: 'change-in-progress' },
  ];

  it('does not ask again, and is left to learn of it where it has any data', async () => {
    const leader = new Leader([...seen, { index: 9, part: 'none', self: 'member' }]);

    await leader.join();

    expect(leader.asked).toEqual([5, 6]);
  });

  it('says so where it has no data to learn of it by', async () => {
    const leader = new Leader([...seen, { index: 9, part: 'none' }]);

    await expect(leader.join()).rejects.toMatchObject({ code: 'removed' });
    expect(leader.asked).toEqual([5, 6]);
  });

  it('does not ask again after somebody else made it a member', async () => {
    const leader = new Leader([
      { index: 5, part: 'none', answer: 'change-in-progress' },
      { index: 9, part: 'none', self: 'member' },
    ]);

    await leader.join();

    expect(leader.asked).toEqual([5]);
  });

  it('does not ask any more once it has stopped', async () => {
    const leader = new Leader([
      { index: 5, part: 'none', answer: 'change-in-progress' },
      { index: 5, part: 'none', self: 'stopped' },
    ]);

    await expect(leader.join()).rejects.toMatchObject({ code: 'change-in-progress' });
    expect(leader.asked).toEqual([5]);
  });
});
