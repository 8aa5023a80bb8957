import { RaftError } from '../lib/errors.ts';
import type { ClusterNode } from './cluster-format.ts';
import { findProcess, type Identity, type ProcessSource, signalNode, waitForEnd } from './node-process.ts';

/** How a node's process came to its end. */
export type StopResult =
  /** It was not running. */
  | 'was-stopped'
  /** It stopped in order. */
  | 'stopped'
  /** It did not stop in time and was ended by SIGKILL. */
  | 'killed';

export interface StopOptions {
  /** The time for an orderly stop, in milliseconds. */
  readonly graceMs: number;
  readonly source: ProcessSource;
  /** Ends the waiting for an orderly stop at once. */
  readonly hurry?: AbortSignal;
}

/** The time an orderly stop may take before SIGKILL, in milliseconds. */
export const STOP_GRACE_MS = 8_000;

const KILL_WAIT_MS = 5_000;

/** Stops nodes, all at the same time, whoever started them. Nobody is left running when this resolves. */
export async function stopNodes(
  nodes: readonly ClusterNode[],
  options: StopOptions,
): Promise<readonly StopResult[]> {
  // One that cannot be stopped does not end the waiting for the others.
  const results = await Promise.allSettled(nodes.map((node) => stopNode(node, options)));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function stopNode(node: ClusterNode, options: StopOptions): Promise<StopResult> {
  const { source } = options;
  const { state } = await findProcess(node, source);
  const identity = await signalNode(node, 'SIGTERM', source);
  if (identity === undefined) return 'was-stopped';
  // A paused process sees its SIGTERM only once it goes on.
  if (state === 'paused') await signalNode(node, 'SIGCONT', source);
  if (await endsInTime(identity, options)) return 'stopped';
  await signalNode(node, 'SIGKILL', source);
  if (await waitForEnd(identity, KILL_WAIT_MS, source)) return 'killed';
  throw new RaftError('unexpected', `${node.name} did not end within ${KILL_WAIT_MS} ms of SIGKILL.`, {
    suggestions: ['A process that waits for a broken disk cannot be killed: look at the system log.'],
  });
}

async function endsInTime(identity: Identity, { graceMs, source, hurry }: StopOptions): Promise<boolean> {
  const ended = waitForEnd(identity, graceMs, source);
  if (hurry === undefined) return ended;
  const hurried = new Promise<false>((resolve) => {
    hurry.addEventListener('abort', () => resolve(false), { once: true });
    if (hurry.aborted) resolve(false);
  });
  return Promise.race([ended, hurried]);
}
