import { type FileHandle, open } from 'node:fs/promises';
import type { execa as Execa } from 'execa';
import { RaftError } from '../lib/errors.ts';
import { isForbidden } from '../lib/forbidden.ts';
import type { Cluster, ClusterNode } from './cluster-format.ts';

/** How a new process is tied to the one that starts it. */
export type Attachment =
  /** It stops when its starter is gone, also by SIGKILL, and leaves the terminal's Ctrl-C to it. */
  | 'supervised'
  /** It goes on when its starter ends. */
  | 'detached';

/** How this program is started: the interpreter, its options, and the file that `raft` was started by. */
export interface Program {
  readonly executable: string;
  readonly args: readonly string[];
}

/** How a process ended: by an exit code or by a signal. */
export interface Exit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

/** A process that was started here. */
export interface Child {
  readonly node: ClusterNode;
  readonly pid: number | undefined;
  /** Where its lines begin in the node's output file, in bytes: those of earlier runs stand before. */
  readonly outputStart: number;
  readonly exited: Promise<Exit>;
  /** Sends a signal, if the process is still there. Its pid cannot be another's before its end was seen here. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * Starts nodes of a cluster, each as a process of its own whose output goes to the node's output file. All of them or
 * none: every file is open before the first process starts, as no node starts either where one of their ports is taken.
 * Otherwise a command that fails would leave nodes running that it does not name. Errors: `not-permitted`,
 * `cannot-create`.
 */
export async function launchNodes(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  program: Program,
  attachment: Attachment,
): Promise<readonly Child[]> {
  // Loaded here, because it costs more time than most commands take.
  const { execa } = await import('execa');
  const outputs: Output[] = [];
  try {
    for (const node of nodes) outputs.push(await openOutput(node));
    return outputs.map((output) => launch(execa, { cluster, output, program, attachment }));
  } finally {
    // The children have the files open by now; this process does not need them.
    await Promise.all(outputs.map(({ file }) => file.close()));
  }
}

/** A node's output file, open for appending. */
interface Output {
  readonly node: ClusterNode;
  readonly file: FileHandle;
  /** Its length in bytes. */
  readonly start: number;
}

interface Launch {
  readonly cluster: Cluster;
  readonly output: Output;
  readonly program: Program;
  readonly attachment: Attachment;
}

function launch(execa: typeof Execa, { cluster, output, program, attachment }: Launch): Child {
  const { node, file, start } = output;
  // execa hands the file's descriptor to the process itself, since this stream has one: no byte passes through here.
  const stream = file.createWriteStream();
  const subprocess = execa(
    program.executable,
    [...program.args, ...nodeArguments(cluster, node, attachment)],
    {
      // A pipe that nobody writes to: it ends when this process does, whatever ends it.
      stdin: attachment === 'supervised' ? 'pipe' : 'ignore',
      stdout: stream,
      stderr: stream,
      buffer: false,
      reject: false,
      cleanup: false,
      detached: attachment === 'detached',
    },
  );
  if (attachment === 'detached') subprocess.unref();
  const exited = subprocess.then((result) => ({ code: result.exitCode, signal: result.signal }));
  return {
    ...{ node, pid: subprocess.pid, outputStart: start, exited },
    kill: (signal) => void subprocess.kill(signal),
  };
}

async function openOutput(node: ClusterNode): Promise<Output> {
  try {
    const file = await open(node.output, 'a');
    return { node, file, start: (await file.stat()).size };
  } catch (cause) {
    const isRefused = isForbidden(cause);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RaftError(
      isRefused ? 'not-permitted' : 'cannot-create',
      `No node was started: ${node.name} cannot write its output to ${node.output} (${reason}).`,
      {
        suggestions: [
          isRefused
            ? 'Run the command as the user that the cluster directory belongs to.'
            : `See what is in the way: ls -ld ${node.output}`,
        ],
        cause,
      },
    );
  }
}

/** Ends processes that were started here, also those that have not taken their lock yet, and no others. */
export async function stopChildren(
  children: readonly Child[],
  { graceMs, hurry }: { readonly graceMs: number; readonly hurry: AbortSignal },
): Promise<void> {
  const exited = Promise.all(children.map((child) => child.exited));
  const kill = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  for (const child of children) child.kill('SIGTERM');
  const timer = setTimeout(kill, graceMs);
  hurry.addEventListener('abort', kill, { once: true });
  if (hurry.aborted) kill();
  await exited;
  clearTimeout(timer);
  hurry.removeEventListener('abort', kill);
}

/** The sentence about a process that ended: `ended with exit code 65` or `was ended by SIGKILL`. */
export function describeExit(exit: Exit): string {
  if (exit.signal !== undefined) return `was ended by ${exit.signal}`;
  return `ended with exit code ${exit.code ?? 'unknown'}`;
}

function nodeArguments(cluster: Cluster, node: ClusterNode, attachment: Attachment): readonly string[] {
  return [
    ...['node', 'run', '--id', node.id, '--name', node.name, '--data-dir', node.dataDir],
    ...['--cluster-id', cluster.clusterId, '--machine', cluster.machine, '--output-file', node.output],
    ...membershipArguments(cluster, node),
    ...(node.established ? ['--established'] : []),
    ...(attachment === 'supervised' ? ['--supervised'] : []),
  ];
}

/**
 * An initial node is held to the members that the cluster began with, also where it has moved since; one that joined
 * knows its members by its log.
 */
function membershipArguments({ initialPeers, nodes }: Cluster, node: ClusterNode): readonly string[] {
  const listen = ['--listen', new URL(node.url).host];
  if (node.joins === null) {
    const hasMoved = initialPeers.find(({ id }) => id === node.id)?.url !== node.url;
    const peers = initialPeers.map(({ id, url }) => `${id}=${url}`).join(',');
    return ['--peers', peers, ...(hasMoved ? listen : [])];
  }
  const others = nodes.filter(({ id }) => id !== node.id).map(({ url }) => url);
  return [
    ...listen,
    ...(others.length === 0 ? [] : ['--join', others.join(',')]),
    ...(others.length > 0 && node.joins === 'learner' ? ['--learner'] : []),
  ];
}
