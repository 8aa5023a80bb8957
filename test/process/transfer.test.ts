import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/lib/brands.ts';
import { DEFAULT_TIMING } from '../../src/raft/timing.ts';
import { Counters } from '../support/counters.ts';
import { eventually } from '../support/eventually.ts';
import { RealCluster } from '../support/real-cluster.ts';

const CLIENTS = 6;
const TRANSFERS = 50;

describe('leadership that is handed over under load', () => {
  it('belongs to another node within an election timeout, fifty times, and nothing is lost or done twice', async () => {
    const cluster = await RealCluster.start(3);
    const counters = Counters.start(
      cluster,
      CLIENTS,
      cluster.nodes.map(({ url }) => url),
    );
    const tookMs: number[] = [];
    for (let round = 0; round < TRANSFERS; round++) {
      await counters.more(20);
      const before = await cluster.leader();
      const beganMs = performance.now();
      const { leaderId } = await cluster.client.transferLeadership(null);
      tookMs.push(performance.now() - beganMs);
      expect(leaderId).not.toBe(before.id);
    }
    await counters.stop();
    expect(Math.max(...tookMs)).toBeLessThan(DEFAULT_TIMING.electionTimeoutMsMax);
    expect(await counters.total()).toBe(counters.acknowledged);
  }, 120_000);

  it('goes to the node that is named, and not to one that does not vote', async () => {
    const cluster = await RealCluster.start(3);
    const leader = await cluster.leader();
    const [heir] = cluster.nodes.filter((node) => node !== leader);
    expect(await cluster.client.transferLeadership(nodeId(heir?.id ?? ''))).toEqual({ leaderId: heir?.id });
    expect((await cluster.leader()).id).toBe(heir?.id);
    const stranger = cluster.client.transferLeadership(nodeId('7'));
    await expect(stranger).rejects.toMatchObject({ code: 'usage' });
    expect((await cluster.leader()).id).toBe(heir?.id);
  });

  it('is handed over by a leader that is asked to stop, before the others miss it', async () => {
    const cluster = await RealCluster.start(3);
    const leader = await cluster.leader();
    await eventually('the leader knows that the others have all there is', async () => {
      const { members, lastIndex } = await cluster.client.status(leader.url);
      return members.every((member) => member.isHeard && member.matchIndex === lastIndex) ? true : undefined;
    });
    leader.process.kill('SIGTERM');
    const exit = await new Promise((resolve) => leader.process.once('exit', resolve));
    expect(exit).toBe(0);
    const heir = await cluster.leader();
    const [status] = (await cluster.statuses()).filter(({ id }) => id === heir.id);
    // An election after a time-out begins with a pre-vote, and this one with the leader's word.
    expect(cluster.outputOf(heir)).toContain('the leader hands over to it');
    expect(status?.role).toBe('leader');
  });
});
