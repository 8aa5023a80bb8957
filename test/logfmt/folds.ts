import { FrameFold } from '../../src/logfmt/fold.ts';

/** A fold; the machines that run the tests have what it needs. */
export function makeFold(): FrameFold {
  const fold = FrameFold.make();
  if (fold === undefined) throw new Error('There is no WebAssembly with vectors of 128 bits here.');
  return fold;
}
