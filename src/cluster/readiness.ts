import { setTimeout as delay } from 'node:timers/promises';
import type { NodeStatus } from '../api/schema.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { dirFlag } from './cluster-file.ts';
import { type Child, describeExit, type Exit } from './launch.ts';
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
 * and what it said last; `unreachable` after `timeoutMs`; the reason of `signal` where that ends the waiting.
 */
export async function waitForLeader(children: readonly Child[], options: ReadyOptions): Promise<NodeStatus> {
  const exits = watchExits(children);
  const urls = children.map((child) => child.node.url);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    for (const [child, exit] of exits) throw await earlyEnd(child, exit, children, options.dir);
    const leader = agreedLeader(await options.ask(urls));
    if (leader !== undefined) return leader;
    if (performance.now() > deadlineMs) throw await notReady(children, options);
    await delay(POLL_MS);
  }
}

/** Waits until every node answers, which needs no leader. Throws as `waitForLeader` does. */
export async function waitForAnswers(children: readonly Child[], options: ReadyOptions): Promise<void> {
  const exits = watchExits(children);
  const urls = children.map((child) => child.node.url);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    for (const [child, exit] of exits) throw await earlyEnd(child, exit, children, options.dir);
    const statuses = await options.ask(urls);
    if (children.every(({ node }, position) => statuses[position]?.id === node.id)) return;
    if (performance.now() > deadlineMs) throw await notReady(children, options);
    await delay(POLL_MS);
  }
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
    case 65:
      return 'damaged';
    case 66:
      return 'no-such-file';
    case 73:
      return 'cannot-create';
    case 77:
      return 'not-permitted';
    case 78:
      return 'configuration';
    default:
      return 'unexpected';
  }
}
