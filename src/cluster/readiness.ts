import { setTimeout as delay } from 'node:timers/promises';
import type { NodeStatus } from '../api/schema.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { type Child, describeExit, type Exit } from './launch.ts';
import { dirFlag } from './names.ts';
import { lastLines } from './output.ts';

/** Asks nodes for their status, all at once and in bounded time; a node that does not answer gives undefined. */
type AskStatuses = (urls: readonly string[]) => Promise<readonly (NodeStatus | undefined)[]>;

/** A cluster of local processes has a leader within this, in milliseconds, or something is wrong. */
export const READY_TIMEOUT_MS = 30_000;

const POLL_MS = 50;
const OUTPUT_LINES_SHOWN = 5;

export interface ReadyOptions {
  /** The cluster directory, for the commands that an error suggests. */
  readonly dir: string;
  readonly ask: AskStatuses;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The leader on which all nodes agree: every one answers, and each names the same leader in the same term, the leader
 * itself included. Undefined where that is not so.
 */
export function agreedLeader(statuses: readonly (NodeStatus | undefined)[]): NodeStatus | undefined {
  const leader = statuses.find((status) => status?.role === 'leader');
  if (leader === undefined) return undefined;
  const agreed = statuses.every((status) => status?.leaderId === leader.id && status.term === leader.term);
  return agreed ? leader : undefined;
}

/**
 * Waits until the nodes that were started have a leader. Throws where one of them ends before that, with its exit code
 * and what it said last; `unreachable` after `timeoutMs`; the reason of `signal` where that ends the waiting. A node
 * that ends in order because the leader's configuration is without it is no failure.
 */
export async function waitForLeader(children: readonly Child[], options: ReadyOptions): Promise<NodeStatus> {
  const exits = watchExits(children);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    const ended = [...exits];
    const failed = ended.find(([, exit]) => exit.code !== 0 || ended.length === children.length);
    if (failed !== undefined) throw await earlyEnd(...failed, children, options.dir);
    const running = children.filter((child) => !exits.has(child));
    const statuses = await options.ask(running.map((child) => child.node.url));
    const leader = agreedLeader(ownStatuses(running, statuses));
    if (leader !== undefined) {
      const stopped = ended.find(([{ node }]) => leader.members.some(({ id }) => id === node.id));
      if (stopped !== undefined) throw await earlyEnd(...stopped, children, options.dir);
      return leader;
    }
    if (performance.now() > deadlineMs) throw await notReady(children, options);
    await delay(POLL_MS);
  }
}

/**
 * Waits until every node answers, which needs no leader. A node that ends in order is not waited for: it was stopped, or
 * it learnt that it is no member any more. Throws as `waitForLeader` does.
 */
export async function waitForAnswers(children: readonly Child[], options: ReadyOptions): Promise<void> {
  const exits = watchExits(children);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    const failed = [...exits].find(([, exit]) => exit.code !== 0);
    if (failed !== undefined) throw await earlyEnd(...failed, children, options.dir);
    const running = children.filter((child) => !exits.has(child));
    const answers = await options.ask(running.map((child) => child.node.url));
    const statuses = ownStatuses(running, answers);
    if (running.every(({ node }, position) => statuses[position]?.id === node.id)) return;
    if (performance.now() > deadlineMs) throw await notReady(children, options);
    await delay(POLL_MS);
  }
}

/**
 * Waits until a node that was started to join is a member, as `isMember` tells. Throws as `waitForLeader` does; a node
 * that the cluster refuses ends by itself and says why.
 */
export async function waitForJoin(
  child: Child,
  isMember: () => Promise<boolean>,
  options: Omit<ReadyOptions, 'ask'>,
): Promise<void> {
  const exits = watchExits([child]);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    // Asked after the look at the process: one that was removed again meanwhile has ended.
    const exit = exits.get(child);
    if (exit !== undefined) throw await earlyEnd(child, exit, [child], options.dir);
    if (await isMember()) return;
    if (performance.now() > deadlineMs) throw await notJoined(child, options);
    await delay(POLL_MS);
  }
}

/**
 * What the processes that were started here say. Another command may have started the same nodes a moment before: then
 * its processes answer, and ours are about to end.
 */
function ownStatuses(
  running: readonly Child[],
  statuses: readonly (NodeStatus | undefined)[],
): readonly (NodeStatus | undefined)[] {
  return statuses.map((status, position) => (status?.pid === running[position]?.pid ? status : undefined));
}

function watchExits(children: readonly Child[]): ReadonlyMap<Child, Exit> {
  const exits = new Map<Child, Exit>();
  for (const child of children) void child.exited.then((exit) => exits.set(child, exit));
  return exits;
}

async function earlyEnd(
  child: Child,
  exit: Exit,
  children: readonly Child[],
  dir: string,
): Promise<RaftError> {
  const { node } = child;
  const said = await lastWords(child);
  const others = children.map((each) => each.node.name).filter((name) => name !== node.name);
  // What is wrong with the command, or runs in its place already, is wrong for the others too.
  const alone = others.length === 0 || exit.code === 2 || exit.code === 73;
  return new RaftError(codeOfExit(exit), `${node.name} ${describeExit(exit)} while it was starting.${said}`, {
    suggestions: [
      `All it said: ${node.output}`,
      ...(alone
        ? []
        : [`Start the others without it: raft cluster start ${others.join(' ')}${dirFlag(dir)}`]),
    ],
  });
}

async function notReady(children: readonly Child[], { dir, timeoutMs }: ReadyOptions): Promise<RaftError> {
  const said = await Promise.all(children.map(lastWords));
  return new RaftError(
    'unreachable',
    `The cluster was not ready within ${timeoutMs / 1000} s.${said.join('')}`,
    {
      suggestions: [`raft cluster logs${dirFlag(dir)}`, `raft status${dirFlag(dir)}`],
    },
  );
}

async function notJoined(child: Child, { dir, timeoutMs }: Omit<ReadyOptions, 'ask'>): Promise<RaftError> {
  return new RaftError(
    'outcome-unknown',
    `${child.node.name} was not a member within ${timeoutMs / 1000} s, and goes on trying.${await lastWords(child)}`,
    { suggestions: [`raft config get${dirFlag(dir)}   # says how far it is`] },
  );
}

/** The end of what a process has printed, and not of what an earlier one of its node had. */
async function lastWords({ node, outputStart }: Child): Promise<string> {
  const lines = await lastLines(node.output, OUTPUT_LINES_SHOWN, outputStart);
  return lines.map((line) => `\n  ${node.name} | ${line}`).join('');
}

/** A node that refuses to start says why by its exit code, and the command that started it ends with the same. */
function codeOfExit(exit: Exit): RaftErrorCode {
  switch (exit.code) {
    case 2:
      return 'usage';
    case 3:
      return 'answered-no';
    case 65:
      return 'damaged';
    case 66:
      return 'no-such-file';
    case 69:
      return 'unreachable';
    case 73:
      return 'cannot-create';
    case 75:
      return 'outcome-unknown';
    case 77:
      return 'not-permitted';
    case 78:
      return 'configuration';
    default:
      return 'unexpected';
  }
}
