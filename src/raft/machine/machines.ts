import { RaftError } from '../../lib/errors.ts';
import type { StateMachine } from '../ports.ts';
import { EchoMachine } from './echo.ts';
import { KvMachine } from './kv.ts';

/** The machines that are built in, by the name that `--machine` takes. The first is the default. */
export const MACHINE_NAMES = ['kv', 'echo'] as const;

/** A new machine in its first state. Throws a `RaftError` (`usage`) for a name that is not known. */
export function createMachine(name: string): StateMachine {
  switch (name) {
    case 'kv':
      return new KvMachine();
    case 'echo':
      return new EchoMachine();
    default:
      throw new RaftError('usage', `There is no machine called "${name}".`, {
        suggestions: MACHINE_NAMES.map((known) => `--machine ${known}`),
      });
  }
}
