import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RaftError } from '../lib/errors.ts';
import type { ClusterNode } from './cluster-format.ts';
import { askNodeId } from './probe.ts';

/** Who a process is: a pid alone is given again to another process. */
export interface Identity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** What the lock of a data directory says about its holder. */
interface LockHolder extends Identity {
  /** The node's id. */
  readonly id: string;
  /** Where it listens, once it does. */
  readonly url?: string;
}

/** Where locks and processes are looked up. */
export interface ProcessSource {
  /** The content of the lock in a data directory; undefined where there is none. */
  readLock(dataDir: string): Promise<LockHolder | undefined>;
  /** The process with this pid; undefined where there is none. */
  find(pid: number): Identity | undefined;
}

/** The process of a node, as far as the machine knows. */
export type NodeProcess =
  | { readonly state: 'stopped' }
  /** `paused`: stopped by SIGSTOP; it holds its lock and its port and answers nobody. */
  | {
      readonly state: 'running' | 'paused';
      readonly identity: Identity;
      /** Where it listens: one that was started by hand need not do so where its cluster directory has it. */
      readonly url: string;
    };

export type NodeState = NodeProcess['state'];

/** The signals that the commands send. */
export type NodeSignal = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

const PROBE_TIMEOUT_MS = 500;
const POLL_MS = 20;

/** The process that holds a node's lock. A lock whose holder is gone, or whose pid is another's by now, is `stopped`. */
export async function findProcess(node: ClusterNode, source: ProcessSource): Promise<NodeProcess> {
  const holder = await source.readLock(node.dataDir);
  if (holder === undefined || holder.id !== node.id || !isAlive(holder, source)) return { state: 'stopped' };
  const run = await runState(holder.pid);
  if (run === 'gone') return { state: 'stopped' };
  const { pid, startTime, bootId, url = node.url } = holder;
  return { state: run, identity: { pid, startTime, bootId }, url };
}

/**
 * Sends a signal to a node's process and tells to which; undefined where there was none. Nothing is ever sent to a pid that is not the
 * node's: start time and boot id must be those of the lock, and where anybody answers where that listens, it must
 * answer with the node's id. A paused or hanging process answers nobody; its lock alone speaks for it.
 */
export async function signalNode(
  node: ClusterNode,
  signal: NodeSignal,
  source: ProcessSource,
): Promise<Identity | undefined> {
  const found = await findProcess(node, source);
  if (found.state === 'stopped') return undefined;
  const answer = found.state === 'paused' ? undefined : await askNodeId(found.url, PROBE_TIMEOUT_MS);
  if (answer !== undefined && answer !== node.id) {
    throw new RaftError(
      'not-permitted',
      `No signal was sent to ${node.name}: pid ${found.identity.pid} holds its lock, but ${found.url} answers as ${answer}.`,
      { suggestions: [`Look at the process with: ps -p ${found.identity.pid} -f`] },
    );
  }
  // Between the first look and the answer the process may have ended, and its pid may be another's.
  if (!isAlive(found.identity, source)) return undefined;
  return kill(found.identity.pid, signal) ? found.identity : undefined;
}

/** Waits until the node's process is in one of `states`; tells whether that came true within `timeoutMs`. */
export async function waitForState(
  node: ClusterNode,
  states: readonly NodeState[],
  timeoutMs: number,
  source: ProcessSource,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!states.includes((await findProcess(node, source)).state)) {
    if (performance.now() > deadlineMs) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Waits until a process has ended, which is a little after it has given its lock free. False after `timeoutMs`. */
export async function waitForEnd(
  identity: Identity,
  timeoutMs: number,
  source: ProcessSource,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (isAlive(identity, source)) {
    if (performance.now() > deadlineMs) return false;
    await delay(POLL_MS);
  }
  return true;
}

function isAlive(identity: Identity, source: ProcessSource): boolean {
  const found = source.find(identity.pid);
  return found !== undefined && found.startTime === identity.startTime && found.bootId === identity.bootId;
}

function kill(pid: number, signal: NodeSignal): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw new RaftError('not-permitted', `Pid ${pid} could not be sent ${signal}.`, { cause: error });
  }
}

/** A dead process whose parent has not asked for its exit code (a zombie) is gone: it holds nothing any more. */
async function runState(pid: number): Promise<'running' | 'paused' | 'gone'> {
  const letter = process.platform === 'linux' ? await procState(pid) : await psState(pid);
  if (letter === undefined || letter === 'Z' || letter === 'X') return 'gone';
  return letter === 'T' || letter === 't' ? 'paused' : 'running';
}

/** The state letter follows the command's name, which may itself hold spaces and brackets (proc(5)). */
async function procState(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

async function psState(pid: number): Promise<string | undefined> {
  const answer = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => undefined);
  return answer?.stdout.trim().slice(0, 1) || undefined;
}
