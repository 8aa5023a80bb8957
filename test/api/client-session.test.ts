import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import type { ClientOptions } from '../../src/api/client-types.ts';
import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { RaftError, type RaftErrorCode } from '../../src/lib/errors.ts';
import { SESSION_COMMANDS_MAX } from '../../src/lib/limits.ts';
import { refusalError, SessionMachine } from '../../src/raft/machine/sessions.ts';
import type { CommandResult } from '../../src/raft/ports.ts';
import type { CommandOptions } from '../../src/raft/service.ts';
import { Recorder, SMALL_LIMITS } from '../machine/sessions.ts';
import { eventually } from '../support/eventually.ts';
import { fakeService, IDLE_STATUS, identity, startNode } from '../transport/nodes.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What befalls one command on its way: nothing was done, or all was done and the answer was lost. */
type Mishap =
  | { readonly before: RaftErrorCode }
  | { readonly after: RaftErrorCode; readonly meanwhile?: () => void }
  | 'hang'
  | 'never-answer';

const LIMITS = {
  ...SMALL_LIMITS,
  commandsMax: SESSION_COMMANDS_MAX,
  sessionAnswerBytesMax: 10_000,
  answerBytesMax: 10_000,
};

/** A leader whose log and machine are real and whose network is not, as far as a client can tell. */
class Leader {
  readonly recorder = new Recorder();
  readonly places: CommandOptions['place'][] = [];
  readonly mishaps: Mishap[] = [];
  machine = new SessionMachine(this.recorder, LIMITS);
  atMs = 0;
  logTimeMs: number | null | undefined;
  url = '';
  stop: () => Promise<void> = async () => {};
  #index = 0;

  async start(port = 0): Promise<this> {
    const node = await startNode({
      port,
      identity: identity('1'),
      service: fakeService({
        command: (command, options) => this.#command(command, options),
        status: () => ({
          ...IDLE_STATUS,
          role: 'leader',
          leaderId: nodeId('1'),
          logTimeMs: this.logTimeMs === undefined ? this.machine.logTimeMs : this.logTimeMs,
        }),
      }),
    });
    this.url = node.url;
    this.stop = () => node.stop();
    closing.push(() => node.stop());
    return this;
  }

  async #command(command: Uint8Array, options: CommandOptions = {}): Promise<CommandResult> {
    this.places.push(options.place);
    const mishap = this.mishaps.shift();
    if (typeof mishap === 'object' && 'before' in mishap) throw told(mishap.before);
    if (mishap === 'hang') await gone(options);
    const result = this.#apply(command, options);
    if (mishap === 'never-answer') await gone(options);
    if (typeof mishap !== 'object' || !('after' in mishap)) return result;
    mishap.meanwhile?.();
    throw told(mishap.after);
  }

  /** Forgets all sessions, as if an hour had passed. */
  forget(): void {
    this.machine = new SessionMachine(this.recorder, LIMITS);
    this.atMs = LIMITS.expiryMs;
  }

  #apply(command: Uint8Array, { place }: CommandOptions): CommandResult {
    const position = { index: logIndex(++this.#index), term: term(1) };
    if (place === undefined) return { ...position, response: this.machine.apply(position.index, command) };
    const session = { place: { ...place, logTimeMs: this.atMs }, command };
    const answer = this.machine.applyInSession(position, session);
    if (answer.type === 'refused') throw refusalError(answer.refusal);
    return answer;
  }
}

function told(code: RaftErrorCode): RaftError {
  return new RaftError(code, 'It was told to fail.');
}

async function gone({ signal }: CommandOptions): Promise<never> {
  await new Promise((resolve) => signal?.addEventListener('abort', resolve));
  throw told('outcome-unknown');
}

function clientOf(leader: Leader, options: Omit<ClientOptions, 'servers'> = {}) {
  const client = createClient({ servers: [leader.url], timeoutMs: 5_000, ...options });
  closing.push(() => client.close());
  return {
    ...client,
    say: async (command: string, timeoutMs?: number) => {
      const options = timeoutMs === undefined ? {} : { timeoutMs };
      return textOf((await client.command(utf8(command), options)).response);
    },
  };
}

describe('a command of a client', () => {
  it.each([
    ['its answer is lost', { after: 'outcome-unknown' }],
    ['the node fails after it, in a way that was not foreseen', { after: 'unexpected' }],
    ['it was not done, and nobody knows', { before: 'outcome-unknown' }],
    ['it certainly was not done', { before: 'no-leader' }],
  ] as const)('is applied once and answered where %s', async (_name, mishap) => {
    const leader = await new Leader().start();
    leader.mishaps.push(mishap, mishap, mishap);
    expect(await clientOf(leader).say('a')).toBe('1:a');
    expect(leader.recorder.commands).toEqual(['a']);
    expect(leader.places).toHaveLength(4);
    expect(new Set(leader.places.map((place) => `${place?.session} ${place?.sequence}`)).size).toBe(1);
  });

  it('is sent again where no answer comes for long, and answered by its first copy', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push('never-answer');
    expect(await clientOf(leader, { timeoutMs: 20_000 }).say('a')).toBe('1:a');
    expect(leader.recorder.commands).toEqual(['a']);
    expect(leader.places).toHaveLength(2);
  });

  it('is sent again to a node that was away when it came back', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push('never-answer');
    const said = clientOf(leader, { timeoutMs: 20_000 }).say('a');
    await eventually('it was applied', () => (leader.recorder.commands.length === 1 ? true : undefined));
    const { port } = new URL(leader.url);
    await leader.stop();
    await leader.start(Number(port));
    expect(await said).toBe('1:a');
    expect(leader.recorder.commands).toEqual(['a']);
  });

  it('has an outcome that is not known where time is up and bytes have left', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push('never-answer', 'hang', 'hang');
    await expect(clientOf(leader).say('a', 300)).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringContaining('may have been done'),
    });
    leader.mishaps.splice(0);
    // Whatever the last try says, the first may have been done.
    leader.mishaps.push({ after: 'outcome-unknown' }, ...Array(100).fill({ before: 'no-leader' }));
    await expect(clientOf(leader).say('b', 300)).rejects.toMatchObject({ code: 'outcome-unknown' });
    leader.mishaps.splice(0);
    leader.mishaps.push({ after: 'outcome-unknown' }, { before: 'too-large' });
    await expect(clientOf(leader).say('c')).rejects.toMatchObject({ code: 'outcome-unknown' });
  });

  it('certainly was not done where every try says so', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push(...Array(100).fill({ before: 'no-leader' }));
    await expect(clientOf(leader).say('a', 300)).rejects.toMatchObject({ code: 'no-leader' });
    expect(leader.recorder.commands).toEqual([]);
  });

  it('is sent at most once where sessions are switched off, or a member is the original', async () => {
    for (const logTimeMs of [undefined, null]) {
      const leader = await new Leader().start();
      leader.logTimeMs = logTimeMs;
      leader.mishaps.push({ after: 'outcome-unknown' });
      const client = clientOf(leader, logTimeMs === null ? {} : { session: false });
      await expect(client.say('a')).rejects.toMatchObject({ code: 'outcome-unknown' });
      expect(leader.places).toEqual([undefined]);
      expect(await client.say('b')).toBe('2:b');
    }
  });

  it('goes without a session where the leader refuses that, and then at most once', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push({ before: 'unsupported' });
    expect(await clientOf(leader).say('a')).toBe('1:a');
    leader.mishaps.push({ before: 'unsupported' }, { after: 'outcome-unknown' });
    await expect(clientOf(leader).say('b')).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(leader.recorder.commands).toEqual(['a', 'b']);
  });

  it('does not go without a session where an earlier try may have been done', async () => {
    const leader = await new Leader().start();
    leader.mishaps.push({ after: 'outcome-unknown' }, { before: 'unsupported' });
    await expect(clientOf(leader).say('a')).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(leader.places).toHaveLength(2);
  });
});

describe('the session of a client', () => {
  it('is one for all its commands, each of which acknowledges what was answered', async () => {
    const leader = await new Leader().start();
    const client = clientOf(leader);
    await client.say('a');
    await Promise.all(['b', 'c', 'd'].map((command) => client.say(command)));
    await client.say('e');
    expect(new Set(leader.places.map((place) => place?.session)).size).toBe(1);
    const counts = leader.places.map((place) => [place?.sequence, place?.acknowledgedBelow]);
    expect(counts.toSorted()).toEqual([
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 2],
      [5, 5],
    ]);
  });

  it('has as many commands under way as the cluster keeps; the others wait for their turn', async () => {
    const leader = await new Leader().start();
    const client = clientOf(leader, { timeoutMs: 20_000 });
    await client.say('first');
    leader.mishaps.push('never-answer');
    const count = 2 * SESSION_COMMANDS_MAX;
    const answers = await Promise.all(Array.from({ length: count }, (_, i) => client.say(`${i}`)));
    expect(answers).toHaveLength(count);
    expect(new Set(leader.recorder.commands).size).toBe(count + 1);
    expect(leader.recorder.commands).toHaveLength(count + 1);
  });

  it('is replaced where it has expired and the command certainly was not applied', async () => {
    const leader = await new Leader().start();
    const client = clientOf(leader);
    await client.say('a');
    leader.atMs = SMALL_LIMITS.expiryMs + 1;
    expect(await client.say('b')).toBe('2:b');
    expect(leader.recorder.commands).toEqual(['a', 'b']);
    expect(new Set(leader.places.map((place) => place?.session)).size).toBe(2);
  });

  it('is not replaced for a command whose earlier try may have been applied: that is not known', async () => {
    const leader = await new Leader().start();
    const client = clientOf(leader);
    leader.mishaps.push({ after: 'outcome-unknown', meanwhile: () => leader.forget() });
    await expect(client.say('a')).rejects.toMatchObject({ code: 'session-expired' });
    expect(leader.recorder.commands).toEqual(['a']);
    expect(await client.say('b')).toBe('2:b');
  });

  it('goes on after a command was given up, and its late copy is not applied any more', async () => {
    const leader = await new Leader().start();
    const client = clientOf(leader);
    leader.mishaps.push('hang');
    await expect(client.say('a', 200)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(await client.say('b')).toBe('1:b');
    expect(leader.places.at(-1)?.acknowledgedBelow).toBe(2);
  });
});
