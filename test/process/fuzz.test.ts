import { randomInt } from 'node:crypto';
import { describe, expect, it, onTestFailed } from 'vitest';
import { exchangeRaw } from '../support/fuzz-connection.ts';
import { Dice } from '../support/fuzz-dice.ts';
import { HTTP_MAKERS } from '../support/fuzz-http.ts';
import { changedRecording } from '../support/fuzz-recorded.ts';
import type { FuzzRequest, Situation } from '../support/fuzz-request.ts';
import { RARE_RPC_MAKERS, RPC_MAKERS } from '../support/fuzz-rpc.ts';
import { RARE_USER_MAKERS, USER_MAKERS } from '../support/fuzz-user.ts';
import { complaintAbout } from '../support/fuzz-verdict.ts';
import { RealCluster, type RealNode } from '../support/real-cluster.ts';
import { scaled } from '../support/scale.ts';
import { Writers } from '../support/writers.ts';

const SEED = process.env.SEED ?? String(randomInt(2 ** 31));
const REPLAY = `Replay with: SEED=${SEED} npx vitest run test/process/fuzz.test.ts`;

const ROUNDS = scaled(12, 40);
const REQUESTS_PER_ROUND = 250;
const REQUESTS = ROUNDS * REQUESTS_PER_ROUND;
const SENDERS = 12;
const CLIENTS = 4;
const WRITES = 1_000;

/** As many complaints as a person wants to read. */
const COMPLAINTS_SHOWN = 10;

function makeRequest(dice: Dice, situation: Situation): FuzzRequest {
  const place = dice.integer(0, 999);
  if (place < 2) return dice.pick(RARE_RPC_MAKERS)(dice, situation);
  if (place < 10) return dice.pick(RARE_USER_MAKERS)(dice, situation);
  const makers = dice.pick([RPC_MAKERS, RPC_MAKERS, USER_MAKERS, HTTP_MAKERS, [changedRecording] as const]);
  const request = dice.pick(makers)(dice, situation);
  const isSlow = request.delivery === 'whole' && dice.chance(0.02);
  return isSlow ? { ...request, delivery: 'slow' } : request;
}

/** Sends a share of all requests to the nodes in turn, and says what was wrong with the answers. */
class Fuzzer {
  readonly complaints: string[] = [];
  readonly #cluster: RealCluster;
  readonly #dice = new Dice(SEED);
  sent = 0;

  constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  async round(count: number): Promise<void> {
    const leader = await this.#cluster.leader();
    const status = await this.#cluster.client.status(leader.url);
    const [first, ...others] = this.#cluster.nodes.map((node) => node.id);
    const requests = Array.from({ length: count }, (_, i) => {
      const target = this.#cluster.nodes[i % this.#cluster.nodes.length] ?? leader;
      const { term, lastIndex, clusterId } = status;
      const situation = { target: target.id, leader: leader.id, term, lastIndex, clusterId };
      return {
        target,
        request: makeRequest(this.#dice, { ...situation, members: [first ?? leader.id, ...others] }),
      };
    });
    const queue = requests.values();
    await Promise.all(Array.from({ length: SENDERS }, () => this.#sendAll(queue)));
  }

  async #sendAll(
    queue: Iterable<{ readonly target: RealNode; readonly request: FuzzRequest }>,
  ): Promise<void> {
    for (const { target, request } of queue) {
      const outcome = await exchangeRaw(Number(new URL(target.url).port), request);
      this.sent++;
      const complaint = complaintAbout(request, outcome);
      const begin = JSON.stringify(request.bytes.subarray(0, 300).toString('latin1'));
      if (complaint !== undefined) this.complaints.push(`${request.what}: ${complaint}; it was ${begin}`);
    }
  }
}

describe('three nodes, as real processes', () => {
  it('answer thousands of bad requests clearly, while valid writes go on and none is lost', async () => {
    onTestFailed(() => void process.stderr.write(`${REPLAY}\n`));
    const cluster = await RealCluster.start(3);
    const pidsAtStart = pids(cluster);
    const writers = Writers.start(cluster, CLIENTS);
    await writers.more(1);
    const fuzzer = new Fuzzer(cluster);
    for (let round = 0; round < ROUNDS && cluster.running().length === 3; round++) {
      await fuzzer.round(REQUESTS_PER_ROUND);
    }
    expect(pids(cluster)).toEqual(pidsAtStart);
    if (writers.acknowledgedCount < WRITES) await writers.more(WRITES - writers.acknowledgedCount);
    await writers.stop();
    await cluster.settle();

    expect(fuzzer.complaints.slice(0, COMPLAINTS_SHOWN)).toEqual([]);
    expect(fuzzer.sent).toBe(REQUESTS);
    expect(pids(cluster)).toEqual(pidsAtStart);
    for (const node of cluster.nodes) {
      expect(cluster.outputOf(node)).not.toMatch(/^ {4}at |unexpected|not foreseen/im);
    }
    expect(await writers.missing()).toEqual([]);
    await expectEqualLogs(cluster);
  });
});

/** The process ids of the nodes that run. */
function pids(cluster: RealCluster): readonly (number | undefined)[] {
  return cluster.running().map((node) => node.process.pid);
}

/** Compared entry by entry, because a difference between logs of this length would be unreadable. */
async function expectEqualLogs(cluster: RealCluster): Promise<void> {
  const [first = [], ...others] = await Promise.all(cluster.nodes.map((node) => cluster.entriesOf(node)));
  expect(first.length).toBeGreaterThan(WRITES);
  for (const entries of others) {
    expect(entries.length).toBe(first.length);
    expect(entries.findIndex((entry, position) => entry !== first[position])).toBe(-1);
  }
}
