import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, ClusterNode } from './cluster-file.ts';
import { type Child, type Exit, stopChildren } from './launch.ts';
import { findProcess, type ProcessSource } from './node-process.ts';
import { followOutputs, type OutputLine, OutputReader } from './output.ts';
import { STOP_GRACE_MS, stopNodes } from './stop-nodes.ts';

/** What whoever watches a cluster in the foreground is told. */
interface Watcher {
  line(line: OutputLine): void;
  /** A node's process ended though nobody asked this supervisor to stop. It is not started again. */
  ended(node: ClusterNode, exit: Exit): void;
}

export interface SuperviseOptions {
  readonly source: ProcessSource;
  readonly watcher: Watcher;
  /** Asks for an orderly stop of every node of the directory. */
  readonly stop: AbortSignal;
  /** Asks to end by SIGKILL what has not stopped yet. */
  readonly hurry: AbortSignal;
}

/** How the foreground ended: because it was asked to, or because no node of the directory was left running. */
export type SuperviseResult = 'stopped' | 'all-ended';

const LOOK_MS = 250;

/**
 * Shows the output of every node of the directory, whoever started it, until `stop` asks for the end or no node is
 * left. Then no process of the directory is left running.
 */
export async function supervise(
  cluster: Cluster,
  children: readonly Child[],
  options: SuperviseOptions,
): Promise<SuperviseResult> {
  const ended = new AbortController();
  const readers = new Map(cluster.nodes.map((node) => [node.name, new OutputReader(node.output)]));
  await Promise.all([...readers.values()].map((reader) => reader.skipToLast(0)));
  const showing = show(followOutputs(readers, ended.signal), options.watcher);
  for (const child of children) void reportEnd(child, options);
  try {
    const result = await untilStopOrNoneLeft(cluster, options);
    await stopEverything(cluster, children, options);
    return result;
  } finally {
    ended.abort();
    await showing;
  }
}

/** Stops every node of the directory, and those that were started but have not taken their lock yet. */
async function stopEverything(
  cluster: Cluster,
  children: readonly Child[],
  { source, hurry }: Pick<SuperviseOptions, 'source' | 'hurry'>,
): Promise<void> {
  await stopNodes(cluster.nodes, { graceMs: STOP_GRACE_MS, source, hurry });
  await stopChildren(children, { graceMs: STOP_GRACE_MS, hurry });
}

async function show(lines: AsyncIterable<OutputLine>, watcher: Watcher): Promise<void> {
  for await (const line of lines) watcher.line(line);
}

async function reportEnd(child: Child, { watcher, stop }: SuperviseOptions): Promise<void> {
  const exit = await child.exited;
  if (!stop.aborted) watcher.ended(child.node, exit);
}

async function untilStopOrNoneLeft(
  cluster: Cluster,
  { source, stop }: SuperviseOptions,
): Promise<SuperviseResult> {
  while (!stop.aborted) {
    const processes = await Promise.all(cluster.nodes.map((node) => findProcess(node, source)));
    if (processes.every((process) => process.state === 'stopped')) return 'all-ended';
    await delay(LOOK_MS, undefined, { signal: stop }).catch(() => {});
  }
  return 'stopped';
}
