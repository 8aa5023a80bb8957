import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assert } from '../../src/lib/assert.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const TIMEOUT_MS = 60_000;

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; none at all unless given. */
  readonly input?: string | Uint8Array;
  /** `open`: standard input is a pipe that the test writes to and ends itself. */
  readonly stdin?: 'open';
  /** `own`: the command leads a process group, as one that a terminal's shell starts does. */
  readonly group?: 'own';
  /** No file that it writes may have more blocks than this, as `ulimit -f` counts them: 512 bytes or 1,024. */
  readonly fileBlocksMax?: number;
}

/** A command under way. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line of standard output or error that matches; rejects where the command ends without one. */
  line(pattern: RegExp): Promise<string>;
}

/** Runs the built `raft` to its end. */
export function raft(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startRaft(args, options).ended;
}

/** Starts the built `raft`. It is killed after a minute: no test waits for ever. */
export function startRaft(args: readonly string[], options: RunOptions = {}): RunningCommand {
  assert(
    existsSync(fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))),
    'build first: npm run build',
  );
  const [program, programArgs] = callOf(args, options);
  const child = spawn(program, programArgs, {
    cwd: options.cwd,
    // vitest's own environment would switch React and colours to what users do not see.
    env: { ...environment(), ...options.env },
    stdio: [options.input === undefined && options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: options.group === 'own',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  // A command that fails may end before it has read its input.
  child.stdin?.on('error', () => {});
  if (options.stdin === undefined) child.stdin?.end(options.input);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, line: (pattern) => firstLine(child, ended, pattern) };
}

/** A directory of its own for one test, and its removal. */
export async function temporaryDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'raft-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The program and its arguments. A limit is for a shell to set, whose place the program then takes. */
function callOf(
  args: readonly string[],
  { fileBlocksMax }: RunOptions,
): readonly [program: string, args: readonly string[]] {
  if (fileBlocksMax === undefined) return [process.execPath, [RUN, ...args]];
  return ['sh', ['-c', `ulimit -f ${fileBlocksMax} && exec "$0" "$@"`, process.execPath, RUN, ...args]];
}

function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR };
}

function firstLine(child: ChildProcess, ended: Promise<Ended>, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (pattern.test(line)) resolve(line);
      });
    }
    void ended.then((end) => reject(new Error(`No line matches ${pattern}: ${JSON.stringify(end)}`)));
  });
}
