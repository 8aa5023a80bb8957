import { setTimeout as delay } from 'node:timers/promises';
import { readCluster } from './cluster-file.ts';
import type { Cluster, ClusterNode } from './cluster-format.ts';
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

/**
 * How the foreground ended: because it was asked to, because another command stopped the nodes in order, as
 * `raft cluster down` does, or because the last of them died.
 */
export type SuperviseResult = 'stopped' | 'stopped-elsewhere' | 'all-died';

const LOOK_MS = 250;

/**
 * Shows the output of every node of the directory, whoever started it and also of those that join meanwhile, until
 * `stop` asks for the end or no node is left. Then no process of the directory is left running.
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
  const present = async (): Promise<readonly ClusterNode[]> => {
    const { nodes } = (await readCluster(cluster.dir)) ?? cluster;
    for (const { name, output } of nodes) {
      if (!readers.has(name)) readers.set(name, new OutputReader(output));
    }
    return nodes;
  };
  try {
    const last = await untilStopOrNoneLeft(present, children, options);
    await stopEverything(await present(), children, options);
    return last === undefined ? 'stopped' : await resultOf(last, children, options.source);
  } finally {
    ended.abort();
    await showing;
  }
}

/** Stops every node of the directory, and those that were started but have not taken their lock yet. */
async function stopEverything(
  nodes: readonly ClusterNode[],
  children: readonly Child[],
  { source, hurry }: Pick<SuperviseOptions, 'source' | 'hurry'>,
): Promise<void> {
  await stopNodes(nodes, { graceMs: STOP_GRACE_MS, source, hurry });
  await stopChildren(children, { graceMs: STOP_GRACE_MS, hurry });
}

async function show(lines: AsyncIterable<OutputLine>, watcher: Watcher): Promise<void> {
  for await (const line of lines) watcher.line(line);
}

async function reportEnd(child: Child, { watcher, stop }: SuperviseOptions): Promise<void> {
  const exit = await child.exited;
  if (!stop.aborted) watcher.ended(child.node, exit);
}

/** A process that was among the last to run. */
interface LastProcess {
  readonly node: ClusterNode;
  readonly pid: number | undefined;
}

/** Waits until it is asked to stop, or no node is left: then it tells which processes were the last. */
async function untilStopOrNoneLeft(
  present: () => Promise<readonly ClusterNode[]>,
  children: readonly Child[],
  { source, stop }: SuperviseOptions,
): Promise<readonly LastProcess[] | undefined> {
  let last: readonly LastProcess[] = children;
  while (!stop.aborted) {
    const nodes = await present();
    const processes = await Promise.all(
      nodes.map(async (node) => ({ node, found: await findProcess(node, source) })),
    );
    const running = processes.flatMap(({ node, found }) =>
      found.state === 'stopped' ? [] : [{ node, pid: found.identity.pid }],
    );
    if (running.length === 0) return last;
    last = running;
    await delay(LOOK_MS, undefined, { signal: stop }).catch(() => {});
  }
  return undefined;
}

/**
 * Whether somebody stopped the last processes. Those that ended before were reported when they did, and do not count: who
 * kills a node and then takes the cluster down has what was asked for. Nor does one that was killed among the last ones,
 * because that too was done to it. But at least one has given its lock free, which only an end in order does, and none
 * that was started here has ended with an exit code that says why it could not go on.
 */
async function resultOf(
  last: readonly LastProcess[],
  children: readonly Child[],
  source: ProcessSource,
): Promise<SuperviseResult> {
  const own = children.filter((child) => last.some(({ pid }) => pid === child.pid));
  const exits = await Promise.all(own.map((child) => child.exited));
  const locks = await Promise.all(last.map(({ node }) => source.readLock(node.dataDir)));
  const hasFailed = exits.some(({ code }) => code !== undefined && code !== 0);
  const hasStopped = locks.some((lock) => lock === undefined);
  return hasStopped && !hasFailed ? 'stopped-elsewhere' : 'all-died';
}
