import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../src/cluster/probe.ts';
import { createServer, httpTransport, KvMachine } from '../../src/index.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { sessionIdOfBytes } from '../../src/lib/session-command.ts';
import type { PeerAddress } from '../../src/raft/ports.ts';
import type { Server } from '../../src/raft/server.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PLACE = {
  session: sessionIdOfBytes(new Uint8Array(16)),
  sequence: 1,
  acknowledgedBelow: 1,
  openedAtMs: 0,
};

/** Node 3 of the original leads term 1 and has one command in its log. It introduces itself to nobody. */
const FROM_THE_ORIGINAL = {
  ...{ term: 1, leader_id: 3, prev_log_index: 0, prev_log_term: 0, commit_index: 0 },
  entries: [{ index: 1, term: 1, command: Buffer.from('put a 1').toString('base64') }],
};

/** Three members, of which those are started that a scenario wants. */
class Migration {
  readonly members: readonly PeerAddress[];
  readonly #directory = temporaryDirectory();
  readonly #running = new Map<string, Server>();

  private constructor(members: readonly PeerAddress[]) {
    this.members = members;
    onTestFinished(async () => void (await Promise.all(['1', '2', '3'].map((id) => this.stop(id)))));
  }

  /** Nodes 1 and 2 have taken the place of their originals, got the log, and were stopped. */
  static async begin(): Promise<Migration> {
    const ports = await freePorts(3);
    const migration = new Migration(
      ports.map((port, at) => ({ id: nodeId(String(at + 1)), url: `http://127.0.0.1:${port}` })),
    );
    for (const id of ['1', '2']) {
      await migration.start(id);
      const answer = await fetch(`${migration.#address(id).url}/raft/appendentries`, {
        method: 'POST',
        body: JSON.stringify(FROM_THE_ORIGINAL),
      });
      expect(await answer.json()).toMatchObject({ success: true });
    }
    for (const id of ['1', '2']) await migration.stop(id);
    return migration;
  }

  async start(id: string): Promise<void> {
    const server = createServer({ id, dataDir: join(this.#directory, id), apply: new KvMachine() });
    this.#running.set(id, server);
    server.setConfiguration(this.members);
    await httpTransport(server, { port: Number(new URL(this.#address(id).url ?? '').port) });
    await server.start();
  }

  async stop(id: string): Promise<void> {
    await this.#running.get(id)?.stop();
    this.#running.delete(id);
  }

  leader(): Promise<Server> {
    return eventually('one leads, and has committed', () =>
      [...this.#running.values()].find((server) => {
        const { role, commitIndex, lastIndex } = server.status();
        return role === 'leader' && commitIndex === lastIndex;
      }),
    );
  }

  /** Waits until a node has all others in its memory of its peers. */
  async hasMetAll(id: string): Promise<void> {
    const file = join(this.#directory, id, 'peers');
    await eventually(`node ${id} has met all others`, () => {
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return this.members.every((other) => other.id === id || text.includes(`"${other.id}"`))
        ? true
        : undefined;
    });
  }

  #address(id: string): PeerAddress {
    const address = this.members.find((member) => member.id === id);
    if (address === undefined) throw new Error(`There is no node ${id}`);
    return address;
  }
}

describe('where the original began the log', () => {
  it('a member that was down since the leader started is not taken for one of ours, and may be taken out', async () => {
    const migration = await Migration.begin();
    await migration.start('1');
    await migration.start('2');
    const leader = await migration.leader();
    const [one, two, three] = migration.members;
    if (one === undefined || two === undefined || three === undefined) throw new Error('There are three');
    const change = (voters: readonly PeerAddress[], isForced: boolean) =>
      leader.changeConfiguration({ voters, learners: [], expectIndex: null, isForced });

    expect(leader.status()).toMatchObject({
      logTimeMs: null,
      members: [{ mayBeOriginal: false }, { mayBeOriginal: false }, { id: '3', mayBeOriginal: true }],
    });
    const refused = { code: 'unsupported', message: expect.stringContaining('node 3 has never answered') };
    await expect(leader.command(Buffer.from('put b 1'), { place: PLACE })).rejects.toMatchObject({
      ...refused,
      suggestions: expect.arrayContaining([
        expect.stringMatching(/^Start what is down, so that it can be asked/),
      ]),
    });
    await expect(change([one, three], true)).rejects.toMatchObject(refused);
    await leader.command(Buffer.from('put b 1'));

    await change([one, two], false);
    expect(leader.status().logTimeMs).not.toBeNull();
    await leader.command(Buffer.from('put c 1'), { place: PLACE });
  });

  it('one of ours is known as that also where it is down and the others have been restarted', async () => {
    const migration = await Migration.begin();
    for (const id of ['1', '2', '3']) await migration.start(id);
    await Promise.all(['1', '2', '3'].map((id) => migration.hasMetAll(id)));
    for (const id of ['3', '2', '1']) await migration.stop(id);
    await migration.start('1');
    await migration.start('2');
    const leader = await migration.leader();

    const members = leader.status().members;
    expect(members.map(({ mayBeOriginal }) => mayBeOriginal)).toEqual([false, false, false]);
    expect(members.every(({ incarnation }) => incarnation !== null)).toBe(true);
    await leader.command(Buffer.from('put c 1'), { place: PLACE });
  });
});
