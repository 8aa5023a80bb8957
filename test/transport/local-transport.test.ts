import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import type { RequestVote, Response } from '../../src/raft/core/messages.ts';
import { type Carry, carrySoon, LocalNetwork } from '../../src/raft/transport/local-transport.ts';
import { Ear } from './nodes.ts';

const ONE = nodeId('1');
const TWO = nodeId('2');
const VOTE: RequestVote = {
  type: 'requestVote',
  term: term(1),
  candidateId: ONE,
  lastLogIndex: logIndex(0),
  lastLogTerm: term(0),
  isTransfer: false,
};
const GRANTED: Response = { type: 'requestVoteResponse', term: term(1), voteGranted: true };

/** Two nodes on a network of which the test moves each message itself. */
function twoNodes(decide: (arrive: () => void) => void = () => {}) {
  const waiting: (() => void)[] = [];
  const carry: Carry = (_, arrive) => {
    waiting.push(arrive);
    decide(arrive);
  };
  const network = new LocalNetwork(carry);
  const ears = [new Ear(), new Ear()] as const;
  const transports = [network.transport(ONE), network.transport(TWO)] as const;
  transports.forEach((transport, i) => void transport.start((ears[i] ?? new Ear()).handlers(() => GRANTED)));
  const deliverAll = () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  };
  return { transports, ears, waiting, deliverAll };
}

describe('the local network', () => {
  it('brings requests and responses, each later than it was sent', () => {
    const { transports, ears, deliverAll } = twoNodes();
    transports[0].send(TWO, { requestId: 5, message: VOTE });
    expect(ears[1].heard).toEqual([]);
    deliverAll();
    expect(ears[1].heard).toEqual([
      { type: 'dialect', peer: ONE, dialect: 'extended' },
      { type: 'request', from: ONE, message: VOTE },
    ]);
    expect(ears[0].heard).toEqual([
      { type: 'dialect', peer: TWO, dialect: 'extended' },
      { type: 'response', from: TWO, requestId: 5, response: GRANTED },
    ]);
  });

  it('lets whoever carries lose, repeat and reorder messages', () => {
    const { transports, ears, waiting } = twoNodes();
    for (const requestId of [1, 2, 3]) transports[0].send(TWO, { requestId, message: VOTE });
    const [first, , third] = waiting.splice(0);
    third?.();
    first?.();
    first?.();
    for (const arrive of waiting.splice(0)) arrive();
    expect(ears[0].of('response').map((each) => each.type === 'response' && each.requestId)).toEqual([
      3, 1, 1,
    ]);
  });

  it('loses what comes to a node that has stopped, and tells the sender', async () => {
    const { transports, ears, deliverAll } = twoNodes();
    transports[0].send(TWO, { requestId: 1, message: VOTE });
    await transports[1].stop();
    deliverAll();
    expect(ears[1].heard).toEqual([]);
    expect(ears[0].heard).toEqual([{ type: 'lost', to: TWO, requestId: 1 }]);
  });

  it('brings everything, in order, where it carries by the clock', () => {
    const soon: (() => void)[] = [];
    const network = new LocalNetwork(
      carrySoon({ nowMs: () => 0, after: () => () => {}, soon: (callback) => void soon.push(callback) }),
    );
    const ear = new Ear();
    const sender = network.transport(ONE);
    sender.start(new Ear().handlers());
    network.transport(TWO).start(ear.handlers());
    for (let i = 1; i <= 3; i++) sender.send(TWO, { requestId: i, message: { ...VOTE, term: term(i) } });
    for (const callback of soon) callback();
    expect(ear.of('request').map((each) => each.type === 'request' && each.message)).toMatchObject([
      { term: 1 },
      { term: 2 },
      { term: 3 },
    ]);
  });
});
