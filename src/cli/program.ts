import type { Program } from '../cluster/launch.ts';
import { present } from '../lib/assert.ts';

/** How this very program was started, so that it can start itself again as a node. */
export function thisProgram(): Program {
  const script = present(process.argv[1], 'the file that Node was started with');
  return { executable: process.execPath, args: [...process.execArgv, script] };
}
