import type { LogIndex } from '../../lib/brands.ts';
import { EMPTY_BYTES } from '../../lib/bytes.ts';
import type { StateMachine } from '../ports.ts';

/** Answers each command with itself, as the original's demo does, and keeps nothing. */
export class EchoMachine implements StateMachine {
  apply(_index: LogIndex, command: Uint8Array): Uint8Array {
    return command;
  }

  query(query: Uint8Array): Uint8Array {
    return query;
  }

  snapshot(): Uint8Array {
    return EMPTY_BYTES;
  }

  restore(): void {
    // There is no state, and so nothing to replace.
  }
}
