import { describe, expect, it } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { createMachine, MACHINE_NAMES } from '../../src/raft/machine/machines.ts';

describe('the machines that are built in', () => {
  it('are made by name, each new one in its first state', () => {
    for (const name of MACHINE_NAMES) {
      const machine = createMachine(name);
      const first = machine.snapshot();
      machine.apply(logIndex(1), utf8('put a 1'));
      expect(createMachine(name).snapshot()).toEqual(first);
    }
  });

  it('are the only ones: another name is refused with the names that there are', () => {
    expect(() => createMachine('vk')).toThrow(
      expect.objectContaining({ code: 'usage', suggestions: ['--machine kv', '--machine echo'] }),
    );
  });

  it('echo answers each command and each query with itself', () => {
    const machine = createMachine('echo');
    const bytes = Uint8Array.of(0, 255, 7);
    expect(machine.apply(logIndex(1), bytes)).toEqual(bytes);
    expect(machine.query(bytes)).toEqual(bytes);
    machine.restore(machine.snapshot());
  });
});
