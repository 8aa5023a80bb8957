import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ProcessIdentity, ProcessTable } from './ports.ts';

const PS_TIMEOUT_MS = 5_000;

/** Where field 22 of `/proc/<pid>/stat`, the start time, stands behind the name, which is field 2. */
const START_TIME_FIELD_AFTER_NAME = 19;

/** The processes of this machine: from `/proc` where there is one (Linux), else from `ps`. */
export function systemProcesses(): ProcessTable {
  const bootId = readText('/proc/sys/kernel/random/boot_id');
  return bootId === undefined ? psProcesses() : procProcesses(bootId.trim());
}

/** The processes that Linux shows under `/proc`. Start times are in clock ticks since boot, as the kernel gives them. */
function procProcesses(bootId: string): ProcessTable {
  const find = (pid: number): ProcessIdentity | undefined => {
    const stat = readText(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The name may hold anything, spaces and parentheses too, so the fields are counted from its last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const startTime = fields[START_TIME_FIELD_AFTER_NAME];
    return startTime === undefined || isGone(state) ? undefined : { pid, startTime, bootId };
  };
  return { self: () => selfIn(find), find };
}

/** The processes that `ps` shows. Start times are in words, to the second. */
export function psProcesses(): ProcessTable {
  const bootId = run('sysctl', ['-n', 'kern.boottime']) ?? 'unknown';
  const find = (pid: number): ProcessIdentity | undefined => {
    const line = run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const match = /^(\S+)\s+(.+)$/.exec(line ?? '');
    const startTime = match?.[2];
    return startTime === undefined || isGone(match?.[1]) ? undefined : { pid, startTime, bootId };
  };
  return { self: () => selfIn(find), find };
}

/** A zombie has ended, and waits only to be asked how: it holds no file and no port. */
function isGone(state: string | undefined): boolean {
  return state === undefined || state.startsWith('Z') || state.startsWith('X');
}

function selfIn(find: (pid: number) => ProcessIdentity | undefined): ProcessIdentity {
  return find(process.pid) ?? { pid: process.pid, startTime: 'unknown', bootId: 'unknown' };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No such process, or no such file on this system: to both, the answer is that there is none.
    return undefined;
  }
}

function run(command: string, parameters: readonly string[]): string | undefined {
  try {
    const text = execFileSync(command, parameters, {
      encoding: 'utf8',
      timeout: PS_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      // The same process is to have the same words for its start, whoever looks.
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    return text.trim() || undefined;
  } catch {
    // `ps` exits 1 where there is no such process, and `sysctl` is missing on some systems.
    return undefined;
  }
}
