import type { ProcessSource } from '../cluster/node-process.ts';
import { systemProcesses } from '../raft/processes.ts';
import { readLock } from '../raft/storage/lock.ts';

/** The processes and locks of this machine. */
export function machineProcesses(): ProcessSource {
  const processes = systemProcesses();
  return { readLock, find: (pid) => processes.find(pid) };
}
