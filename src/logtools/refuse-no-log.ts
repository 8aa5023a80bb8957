import { RaftError } from '../lib/errors.ts';
import type { LogLocation } from './locate.ts';
import { readLog } from './read-log.ts';

/**
 * Throws `damaged` where a file as a whole is no log: somebody has named the wrong one, and has nothing to see in it. The log
 * of a data directory is one, whatever has become of it.
 */
export async function refuseNoLog(location: LogLocation): Promise<void> {
  if (location.kind !== 'file') return;
  for await (const { item } of readLog(location)) {
    if (item.type === 'entry' || item.problem.kind !== 'not-a-log') return;
    throw new RaftError('damaged', `${location.path} is no log: ${item.problem.detail}.`, {
      suggestions: ['Name a log file, or the data directory of a node.'],
    });
  }
}
