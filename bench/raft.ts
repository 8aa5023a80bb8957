import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const RUN = join(import.meta.dirname, '../bin/run.js');

/**
 * This process's environment without certificates that every start of Node would read first (40 ms for a usual file of
 * them): programs that are measured have it.
 */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}

/** The arguments for node that run the built `raft`. */
export function raftArguments(...args: readonly string[]): string[] {
  return [RUN, ...args];
}

/** Runs `raft` to its end and gives what it printed. Throws where it fails. */
export function raft(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, raftArguments(...args), {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`raft ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
